//! The API of a running server: JSON over HTTP, on the Unix socket in the data directory only.
//!
//! A process that can open that socket may do everything. Nothing here checks the caller, so the
//! API must never be served anywhere else. Handlers change the desired state and wake workers. They
//! do not use the engine themselves, except for named snapshots, which belong to no preview.

mod ask;
mod backup;
mod checkout;
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
mod follow;
mod health;
mod imports;
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
mod view;
mod wait;

pub use databases::{ConnectionView, DatabaseBody};
pub use ending::Ending;
pub use phase::Phase;
pub use relink::RelinkBody;
pub use rewind::ResetBody;
pub use router::router;
pub use snapshots::{Brought, SaveBody, SnapshotView};
pub use state::ApiState;
pub use view::{
    BackupsView, DatabaseView, DeliveryView, EventView, Health, PreviewView, ServiceView, Stopping,
};
