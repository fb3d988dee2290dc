//! Postgres, the one kind of server that is spoken to without a program in its container, copied
//! while it runs, and watched while it migrates.

mod adopting;
mod client;
mod complaint;
mod hints;
mod kind;
pub(super) mod online_backup;
pub(super) mod session;
mod survey;
pub(super) mod watching;
pub(super) mod wire;

pub(super) use kind::Postgres;
