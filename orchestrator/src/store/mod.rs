//! The store: facts in SQLite, with one writer. A write returns only after its commit is on disk.

mod cache;
mod columns;
mod databases;
mod deliveries;
mod events;
mod inherit;
mod inspect;
mod preview_row;
mod previews;
mod repositories;
mod reserve;
mod revisions;
mod sessions;
mod snapshots;
mod writer;

pub use databases::{DataAssignment, DatabaseRow};
pub use deliveries::{DELIVERIES_KEEP, DeliveryRow};
pub use events::{EVENTS_KEEP_PER_PREVIEW, EventRow};
pub use inherit::Inherited;
pub use inspect::{StoreFacts, instance_at_rest};
pub use preview_row::PreviewRow;
pub use previews::{NewCopy, NewPreview};
pub use repositories::RepositoryRow;
pub use revisions::{NewRevision, RevisionRow};
pub use sessions::SESSION_LIFETIME;
pub use snapshots::{Holds, SnapshotRow};
pub use writer::{Store, StoreError};
