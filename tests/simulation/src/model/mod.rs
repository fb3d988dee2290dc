//! The pure core in a modelled world: forge, engine, proxy, store, a control plane that dies, and
//! a clock that only the model moves.
//!
//! The world itself asserts the dangerous orders at every effect (`order`), and what must be true
//! once nothing goes wrong any more (`ending`). Not here: the real worker (`simulation::worker`).
//!
//! The objects of the engine, their effects and their observation are those of the fake engine
//! ([`deploy::fake::Objects`]). What an observation says, the wait after a failure and the facts
//! about a revision are the product's (`lifecycle`). Only the model has the parts of a step between
//! which the control plane may die, objects that appear late, the fates of commits, and the orders.
//! The two engines differ in two things: here a container keeps the spec that it was created with,
//! and nothing restarts what exits. The store repeats transactions that the product has in SQL.

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
