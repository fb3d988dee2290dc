//! The pure core in a modelled world: forge, engine, proxy, store, a control plane that dies, and
//! a clock that only the model moves.
//!
//! The world itself asserts the dangerous orders at every effect (`order`), and what must be true
//! once nothing goes wrong any more (`ending`). Not here: the real worker (`simulation::worker`).

mod app;
mod apply;
mod apply_data;
mod apply_service;
mod chance;
mod control;
mod effect;
mod ending;
mod engine;
mod forge;
mod life;
mod order;
mod process;
mod proxy;
mod rng;
mod store;
mod words;
mod world;

pub use life::{Failure, Report, life, lives};
pub use world::{Tally, World};

pub(super) use app::{App, Fate};
pub(super) use rng::Rng;
