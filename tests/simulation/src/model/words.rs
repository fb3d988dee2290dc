//! The names of things in a modelled world.

#![expect(
    clippy::expect_used,
    reason = "the words of the simulation are its own; one that is wrong is a mistake in this file"
)]

use std::collections::BTreeMap;

use deploy::{
    blueprint::{DatabaseKind, ProcessOptions},
    databases::DatabaseSpec,
    engine::{ServiceKey, ServiceSpec},
    fake::{DatabaseAt, ServiceAt},
    names::{CommitSha, DatabaseKey, DatabaseName, Generation, ImageId, PreviewId, ServiceName},
};
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

/// The spec of a service, which runs on a generation of databases.
pub(super) fn service_spec(
    (revision, service): &ServiceAt,
    image: ImageId,
    data: Option<Generation>,
) -> ServiceSpec {
    ServiceSpec {
        key: ServiceKey {
            preview: preview(),
            revision: *revision,
            service: service.clone(),
        },
        image,
        command: None,
        process: ProcessOptions::default(),
        env: BTreeMap::new(),
        port: 8080,
        data,
        memory_bytes: 0,
        cpu_milli: 0,
        pids_max: 0,
        init: false,
    }
}

/// The spec of a database.
pub(super) fn database_spec((generation, name): &DatabaseAt) -> DatabaseSpec {
    DatabaseSpec {
        key: DatabaseKey {
            preview: preview(),
            generation: *generation,
            name: name.clone(),
        },
        kind: DatabaseKind::Postgres,
        image: String::new(),
        password: String::new().into(),
        memory_bytes: 0,
        cpu_milli: 0,
    }
}
