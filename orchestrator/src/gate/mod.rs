//! The Gate: what the proxy asks when a route cannot say what to do, and the two addresses that
//! the world may reach on the control host.
//!
//! It speaks on a socket that only the proxy reaches. Every request says in a header of the
//! proxy's whether it is for the control host or a question about a preview; nothing else is
//! answered. The API is not here: it has a socket of its own.

mod answer;
mod codes;
mod control;
mod copies;
mod cors;
mod link;
mod openers;
mod pages;
mod proof;
mod router;
mod state;
mod steps;
mod walk;

pub use router::router;
