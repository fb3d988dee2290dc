//! What survives us: facts in SQLite, one writer, every commit on disk before it is answered.

mod cache;
mod databases;
mod deliveries;
mod events;
mod preview_row;
mod previews;
mod repositories;
mod revisions;
mod sessions;
mod writer;

pub use databases::DatabaseRow;
pub use deliveries::{DELIVERIES_KEEP, DeliveryRow};
pub use events::{EVENTS_KEEP_PER_PREVIEW, EventRow};
pub use preview_row::PreviewRow;
pub use previews::NewPreview;
pub use repositories::RepositoryRow;
pub use revisions::RevisionRow;
pub use sessions::SESSION_LIFETIME;
pub use writer::{Store, StoreError};
