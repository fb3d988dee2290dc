//! The names of things in a modelled world.

#![expect(
    clippy::expect_used,
    reason = "the words of the simulation are its own; one that is wrong is a mistake in this file"
)]

use deploy::names::{CommitSha, DatabaseName, ImageId, PreviewId, ServiceName};
use orchestrator::lifecycle::Summary;

/// The `index`-th commit.
pub(super) fn commit(index: usize) -> CommitSha {
    CommitSha::parse(&format!("{:040x}", index + 1)).expect("a commit id")
}

/// Stands for what the forge is told, as far as this world has it.
pub(super) fn report_key(summary: &Summary) -> String {
    let commit =
        |commit: &Option<CommitSha>| commit.as_ref().map_or("-".into(), ToString::to_string);
    format!(
        "{} {} {} {} {:?} {:?}",
        summary.phase,
        commit(&summary.head),
        summary.revision.unwrap_or(0),
        commit(&summary.serving),
        summary.diagnosis.as_ref().map(|diagnosis| &diagnosis.code),
        summary.ending,
    )
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
