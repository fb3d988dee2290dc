//! The names of things in a modelled world.

#![expect(
    clippy::expect_used,
    reason = "the words of the simulation are its own; one that is wrong is a mistake in this file"
)]

use deploy::names::{CommitSha, DatabaseName, ImageId, PreviewId, ServiceName};

/// The `index`-th commit.
pub(super) fn commit(index: usize) -> CommitSha {
    CommitSha::parse(&format!("{:040x}", index + 1)).expect("a commit id")
}

/// A service.
pub(super) fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).expect("a service name")
}

/// A database.
pub(super) fn database(name: &str) -> DatabaseName {
    DatabaseName::parse(name).expect("a database name")
}

/// An image.
pub(super) fn image(number: u64) -> ImageId {
    ImageId::parse(&format!("sha256:{number:064x}")).expect("an image id")
}

/// The one preview of a world.
pub(super) fn preview() -> PreviewId {
    PreviewId::parse("shop-1").expect("a preview id")
}
