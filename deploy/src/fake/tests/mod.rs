//! What the fake does beyond the promises of the ports: faults, crashes, violations.

mod crashes;
mod objects;
mod violations;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{AppScript, BuildCounts, FakeEngine, Fault, Op, Outcome, StartScript};
use crate::{
    blueprint::{DatabaseKind, Health, ProcessOptions},
    builder::{BuildError, BuildRequest, Builder},
    data_access::{DataAccess, ImportSpec},
    databases::{
        DataSet, DatabaseError, DatabaseSpec, Databases, Fork, Forked, Seed, SeedFile, url,
    },
    engine::{
        ContainerState, Engine, EngineError, Network, NetworkSpec, Probe, ServiceKey, ServiceSpec,
    },
    names::{
        CommitSha, DatabaseKey, DatabaseName, Generation, Instance, PreviewId, RevisionNumber,
        ServiceName,
    },
    source::Tree,
};

const R1: RevisionNumber = RevisionNumber(1);

const G1: Generation = Generation(1);

const G2: Generation = Generation(2);

fn preview() -> PreviewId {
    PreviewId::parse("shop-1").unwrap()
}

fn commit() -> CommitSha {
    CommitSha::parse(&"a".repeat(40)).unwrap()
}

fn engine() -> FakeEngine {
    let fake = FakeEngine::new(&Instance::parse("00000001").unwrap());
    fake.takes_no_time();
    fake.app_by_default(AppScript {
        starts_in: Duration::ZERO,
        ..AppScript::default()
    });
    fake
}

fn request() -> BuildRequest {
    BuildRequest {
        preview: preview(),
        revision: R1,
        service: ServiceName::parse("web").unwrap(),
        tree: Tree::detached(commit()),
        context: String::new(),
        dockerfile: "Dockerfile".to_owned(),
        target: None,
        args: BTreeMap::new(),
        facts: BTreeMap::new(),
        secrets: BTreeMap::new(),
        scope: "test".to_owned(),
    }
}

fn database() -> DatabaseSpec {
    database_of(G1)
}

fn database_of(generation: Generation) -> DatabaseSpec {
    DatabaseSpec {
        key: DatabaseKey {
            preview: preview(),
            generation,
            name: DatabaseName::parse("main").unwrap(),
        },
        kind: DatabaseKind::Postgres,
        image: "postgres:15".to_owned(),
        password: SecretString::from("secret"),
        memory_bytes: 1 << 28,
        cpu_milli: 1_000,
    }
}

/// The data of [`database`], without a server.
async fn make(fake: &FakeEngine) -> Result<(), DatabaseError> {
    fake.create(&database(), &Seed::Empty, Arc::new(|_| {}))
        .await
}

/// The database that services of [`prepared`] use.
async fn run_database(fake: &FakeEngine) {
    make(fake).await.unwrap();
    fake.start(&database()).await.unwrap();
}

/// Copies the first generation's database to the second.
async fn fork(fake: &FakeEngine) -> Result<Forked, DatabaseError> {
    let set = |generation| DataSet {
        preview: preview(),
        generation,
    };
    let fork = Fork {
        from: set(G1),
        to: set(G2),
        names: vec![database().key.name],
    };
    fake.fork(&fork).await
}

/// Networks and an image, and the spec of a service that uses the database `main`.
async fn prepared(fake: &FakeEngine) -> ServiceSpec {
    for network in [Network::Revision(R1), Network::Data(G1)] {
        let spec = NetworkSpec {
            preview: preview(),
            network,
            members: 2,
        };
        fake.ensure_network(&spec).await.unwrap();
    }
    let image = fake.build(&request(), Arc::new(|_| {})).await.unwrap();
    let service = ServiceName::parse("web").unwrap();
    let main = database();
    let url = url(&main.kind, &main.key.name, &main.password, None);
    ServiceSpec {
        key: ServiceKey {
            preview: preview(),
            revision: R1,
            service,
        },
        image,
        command: None,
        process: ProcessOptions::default(),
        env: BTreeMap::from([("DATABASE_URL".to_owned(), url)]),
        port: 8080,
        data: Some(G1),
        memory_bytes: 1 << 28,
        cpu_milli: 1_000,
        pids_max: 64,
        init: false,
    }
}

/// Lets a call that takes its time begin, and lets us die under it.
async fn die_during<T: std::fmt::Debug + Send + 'static>(
    fake: &FakeEngine,
    op: Op,
    call: impl Future<Output = T> + Send + 'static,
) {
    let task = tokio::spawn(call);
    while fake.count(op, Outcome::UnderWay) == 0 {
        tokio::task::yield_now().await;
    }
    fake.crash();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

/// The violations so far, one for each of these words, in this order.
#[track_caller]
fn violated(fake: &FakeEngine, words: &[&str]) {
    let violations = fake.violations();
    assert_eq!(violations.len(), words.len(), "{violations:?}");
    for (violation, words) in violations.iter().zip(words) {
        assert!(violation.contains(words), "{words:?} in {violations:?}");
    }
}

fn network_of_data(generation: Generation) -> NetworkSpec {
    NetworkSpec {
        preview: preview(),
        network: Network::Data(generation),
        members: 2,
    }
}

/// A database that runs and that nobody uses.
async fn run_database_alone(fake: &FakeEngine) {
    fake.ensure_network(&network_of_data(G1)).await.unwrap();
    run_database(fake).await;
}

/// Lets a call begin, and drops it before it is done.
async fn cut_off<T: std::fmt::Debug>(call: impl Future<Output = T>) {
    let cut = tokio::time::timeout(Duration::from_millis(5), call).await;
    assert!(cut.is_err(), "it was done: {cut:?}");
}
