//! The API of a running server: JSON over HTTP, on the Unix socket in the data directory only.
//!
//! Whoever can open that socket may do everything, so nothing here asks who calls; it must never
//! be served anywhere else. Handlers change what is wanted and wake workers; they do nothing
//! to the engine themselves.

mod ask;
mod checkout;
mod delete;
mod deliveries;
mod describe;
mod disk;
mod events;
mod extract;
mod follow;
mod health;
mod list;
mod logs;
mod problem;
mod router;
mod shutdown;
mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod view;
mod wait;

pub use router::router;
pub use state::ApiState;
pub use view::{DatabaseView, DeliveryView, EventView, Health, PreviewView, ServiceView, Stopping};
