//! The API of a running server: JSON over HTTP, on the Unix socket in the data directory only.
//!
//! A process that can open that socket may do everything. Nothing here checks the caller, so the
//! API must never be served anywhere else. A handler reads the request, calls one action
//! (`crate::actions`) as the operator, and renders its result. It holds no rules of its own.

mod ask;
mod backup;
pub mod client;
#[cfg(test)]
mod copies_tests;
mod databases;
mod delete;
mod deliveries;
mod describe;
mod disk;
mod ending;
mod events;
mod extract;
mod health;
mod list;
#[cfg(test)]
mod lives_tests;
mod logs;
mod phase;
mod pool;
mod problem;
mod relink;
#[cfg(test)]
mod relink_tests;
mod rewind;
mod router;
mod routes;
mod seeds;
mod shutdown;
#[cfg(test)]
mod snapshot_names_tests;
mod snapshots;
mod state;
mod take;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_gate;
#[cfg(test)]
mod tests;
mod up;
mod view;
mod wait;

pub use databases::ConnectionView;
pub use ending::Ending;
pub use phase::Phase;
pub use router::router;
pub use routes::{ROUTES, Route};
pub use snapshots::{Brought, SnapshotView};
pub use state::ApiState;
pub use view::{
    BackupsView, DatabaseView, DeliveryView, EventView, Health, PreviewView, ServiceView, Stopping,
};
