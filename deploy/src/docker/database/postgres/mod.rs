//! Postgres, the only kind of server with direct sessions (without a client program), online
//! copies, and a watch on migrations.

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
