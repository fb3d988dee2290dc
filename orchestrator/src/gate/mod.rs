//! The Gate answers the proxy when a route alone does not decide a request. It also serves the two
//! public paths of the control host.
//!
//! It listens on a socket that only the proxy can reach. The proxy marks each request in a header:
//! either it is for the control host, or it is a question about a preview. The Gate rejects all
//! others. The API is not here: it has a socket of its own.

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
