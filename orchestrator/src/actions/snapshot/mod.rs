//! Named snapshots: created from a database or a file, and deleted.

pub mod forget;
pub mod import;
mod name;
pub mod save;

pub use import::ImportRequest;
pub use save::SaveRequest;
