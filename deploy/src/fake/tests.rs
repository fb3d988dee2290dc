//! What the fake does beyond the promises of the ports: faults, crashes, violations.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{AppScript, BuildCounts, FakeEngine, Fault, Op, Outcome, StartScript};
use crate::{
    blueprint::{DatabaseKind, Health},
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

/// The database that services of [`furnished`] use.
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
async fn furnished(fake: &FakeEngine) -> ServiceSpec {
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
        env: BTreeMap::from([("DATABASE_URL".to_owned(), url)]),
        port: 8080,
        data: Some(G1),
        memory_bytes: 1 << 28,
        cpu_milli: 1_000,
        pids_max: 64,
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

#[tokio::test]
async fn every_dangerous_order_is_a_violation() {
    let fake = engine();
    let spec = furnished(&fake).await;
    run_database(&fake).await;
    let address = fake.start_service(&spec).await.unwrap();
    fake.route([address]);
    assert_eq!(fake.violations(), Vec::<String>::new());

    Builder::remove(&fake, &preview(), &spec.image)
        .await
        .unwrap();
    for network in [Network::Revision(R1), Network::Data(G1)] {
        fake.remove_network(&preview(), &network).await.unwrap();
    }
    Databases::remove(&fake, &database().key).await.unwrap();
    fake.remove_service(&spec.key).await.unwrap();
    violated(
        &fake,
        &[
            "image sha256",
            "network shop-1/r1 removed",
            "network shop-1/data-g1 removed while service",
            "network shop-1/data-g1 removed while database",
            "database shop-1/g1/main removed",
            "while traffic",
        ],
    );
}

#[tokio::test]
async fn data_that_are_replaced_under_their_server_are_a_violation() {
    let fake = engine();
    run_database_alone(&fake).await;
    make(&fake).await.unwrap();
    assert!(fake.everything().databases.is_empty());
    violated(&fake, &["data of database shop-1/g1/main replaced"]);

    fork(&fake).await.unwrap();
    let network = network_of_data(G2);
    fake.ensure_network(&network).await.unwrap();
    fake.start(&database_of(G2)).await.unwrap();
    fork(&fake).await.unwrap();
    violated(
        &fake,
        &["shop-1/g1/main replaced", "shop-1/g2/main replaced"],
    );
}

#[tokio::test]
async fn a_service_without_its_database_is_a_violation() {
    let fake = engine();
    let spec = furnished(&fake).await;
    fake.start_service(&spec).await.unwrap();
    fake.remove_service(&spec.key).await.unwrap();
    make(&fake).await.unwrap();
    fake.start_service(&spec).await.unwrap();
    violated(&fake, &["main is not there", "main has no server"]);
}

#[tokio::test]
async fn a_service_of_another_generation_uses_other_data() {
    let fake = engine();
    let mut spec = furnished(&fake).await;
    run_database(&fake).await;
    fork(&fake).await.unwrap();
    fake.ensure_network(&network_of_data(G2)).await.unwrap();
    fake.start(&database_of(G2)).await.unwrap();
    spec.data = Some(G2);
    let ended = fake.run_to_end(&spec, "migrate").await.unwrap();
    assert_eq!(ended.exit_code, 0);
    let migrated = [format!("migrate {}", commit())];
    assert_eq!(fake.data(&database_of(G2).key).unwrap(), migrated);
    assert!(fake.data(&database().key).unwrap().is_empty());
    Databases::remove(&fake, &database().key).await.unwrap();
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn data_that_are_lost_behind_our_back_are_gone_and_their_server_ended() {
    let fake = engine();
    run_database_alone(&fake).await;
    fake.lose_data(&database().key);
    let seen = fake.everything();
    assert!(seen.data.is_empty());
    assert!(matches!(
        seen.databases[0].state,
        ContainerState::Exited { .. }
    ));
    let started = fake.start(&database()).await;
    assert!(
        matches!(started, Err(DatabaseError::Engine(EngineError::Missing(_)))),
        "{started:?}"
    );
}

#[tokio::test]
async fn data_that_somebody_brings_are_masked_before_they_are_kept() {
    let fake = engine();
    let file = |path: &str, content: &'static str| SeedFile {
        path: path.to_owned(),
        content: content.into(),
    };
    let main = database();
    let mut import = ImportSpec {
        kind: main.kind.clone(),
        image: main.image.clone(),
        seed: Seed::Sql(vec![file("dump.sql", "INSERT INTO people VALUES ('ann');")]),
        mask: Some(file("mask.sql", "UPDATE people SET name = 'x';")),
        memory_bytes: 1 << 28,
    };
    let imported = fake.import(&import, Arc::new(|_| {})).await.unwrap();
    assert_eq!(imported.snapshot.source, "dump.sql");
    let seed = Seed::Snapshot(imported.snapshot.id.clone());
    fake.create(&main, &seed, Arc::new(|_| {})).await.unwrap();
    assert_eq!(fake.data(&main.key).unwrap().len(), 2);

    import.mask = Some(file("mask.sql", "NONSENSE;"));
    let failed = fake.import(&import, Arc::new(|_| {})).await;
    assert!(
        matches!(&failed, Err(DatabaseError::Seed { path, .. }) if path == "mask.sql"),
        "{failed:?}"
    );
    // It was used meanwhile, which is written down.
    let kept = fake.snapshots().await.unwrap();
    let kept: Vec<_> = kept.into_iter().map(|snapshot| snapshot.id).collect();
    assert_eq!(kept, [imported.snapshot.id]);
}

#[tokio::test]
async fn visitors_led_to_what_does_not_serve_are_a_violation() {
    let fake = engine();
    fake.app(
        &commit(),
        AppScript {
            start: StartScript::NeverListens,
            ..AppScript::default()
        },
    );
    let mut spec = furnished(&fake).await;
    spec.data = None;
    let address = fake.start_service(&spec).await.unwrap();
    fake.route([address]);
    assert!(
        fake.violations()[0].contains("does not serve"),
        "{:?}",
        fake.violations()
    );
}

#[tokio::test]
async fn a_lost_answer_is_an_effect_without_an_answer() {
    let fake = engine();
    let spec = furnished(&fake).await;
    run_database(&fake).await;
    fake.fail_next(Op::StartService, Fault::LostAnswer);
    let lost = fake.start_service(&spec).await;
    assert!(matches!(lost, Err(EngineError::Unreachable(_))), "{lost:?}");
    assert_eq!(fake.everything().services[0].state, ContainerState::Running);

    fake.fail_next(Op::RunToEnd, Fault::LostAnswer);
    let lost = fake.run_to_end(&spec, "migrate").await;
    assert!(matches!(lost, Err(EngineError::Unreachable(_))), "{lost:?}");
    assert_eq!(
        fake.data(&database().key).unwrap(),
        [format!("migrate {}", commit())]
    );
    assert_eq!(
        fake.everything().strays.len(),
        1,
        "nobody could remove the command"
    );
}

#[tokio::test]
async fn what_is_refused_or_unreachable_has_no_effect() {
    let fake = engine();
    fake.fail_next(Op::Build, Fault::Refused);
    fake.fail_next(Op::Build, Fault::Unreachable);
    let refused = fake.build(&request(), Arc::new(|_| {})).await;
    assert!(
        matches!(refused, Err(BuildError::Failed { .. })),
        "{refused:?}"
    );
    let away = fake.build(&request(), Arc::new(|_| {})).await;
    assert!(matches!(away, Err(BuildError::Unreachable(_))), "{away:?}");
    assert!(fake.everything().is_empty());
    assert_eq!(
        fake.builds(&commit()),
        BuildCounts {
            begun: 2,
            finished: 0
        }
    );
    fake.engine_away(true);
    assert!(fake.observe(None).await.is_err());
    fake.engine_away(false);
    fake.build(&request(), Arc::new(|_| {})).await.unwrap();
    assert_eq!(
        fake.builds(&commit()),
        BuildCounts {
            begun: 3,
            finished: 1
        }
    );
}

#[tokio::test]
async fn a_call_that_must_not_be_dropped_says_so() {
    let fake = engine();
    let spec = furnished(&fake).await;
    run_database(&fake).await;
    fake.takes(Op::StartService, Duration::from_secs(60));
    cut_off(fake.start_service(&spec)).await;
    assert!(
        fake.violations()[0].contains("was dropped"),
        "{:?}",
        fake.violations()
    );
    assert_eq!(fake.everything().services[0].state, ContainerState::Created);

    fake.takes(Op::RunToEnd, Duration::from_secs(60));
    cut_off(fake.run_to_end(&spec, "migrate")).await;
    assert!(
        fake.everything().strays.is_empty(),
        "a dropped command is gone"
    );
    assert_eq!(fake.count(Op::RunToEnd, Outcome::Dropped), 1);
    assert_eq!(fake.violations().len(), 1);
}

#[tokio::test]
async fn a_crash_leaves_commands_behind() {
    let fake = engine();
    let spec = furnished(&fake).await;
    run_database(&fake).await;
    fake.takes(Op::RunToEnd, Duration::from_secs(60));
    let running = fake.clone();
    let run = async move { running.run_to_end(&spec, "migrate").await };
    die_during(&fake, Op::RunToEnd, run).await;
    let strays = fake.everything().strays;
    assert_eq!(strays.len(), 1, "nobody cleaned up");
    fake.remove_stray(&strays[0]).await.unwrap();
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn data_that_a_crash_left_half_made_are_seen_by_nobody_and_made_again() {
    let fake = engine();
    let spec = furnished(&fake).await;
    fake.takes(Op::CreateDatabase, Duration::from_secs(60));
    let making = fake.clone();
    die_during(
        &fake,
        Op::CreateDatabase,
        async move { make(&making).await },
    )
    .await;
    let seen = fake.everything();
    assert!(seen.data.is_empty());
    assert_eq!(seen.databases.len(), 1, "nobody stopped its server");
    assert_eq!(fake.data(&database().key), None);
    assert!(fake.snapshots().await.unwrap().is_empty());

    fake.start_service(&spec).await.unwrap();
    fake.remove_service(&spec.key).await.unwrap();
    let started = fake.start(&database()).await;
    assert!(
        matches!(started, Err(DatabaseError::Engine(EngineError::Missing(_)))),
        "{started:?}"
    );
    let forked = fork(&fake).await;
    assert!(
        matches!(forked, Err(DatabaseError::NoData(_))),
        "{forked:?}"
    );
    let half_made = ["only half made", "started half made", "copied half made"];
    violated(&fake, &half_made);

    fake.takes(Op::CreateDatabase, Duration::ZERO);
    run_database(&fake).await;
    assert_eq!(fake.data(&database().key), Some(Vec::new()));
    violated(&fake, &half_made);
}

#[tokio::test]
async fn a_crash_during_a_fork_leaves_the_source_as_it_was() {
    let fake = engine();
    run_database_alone(&fake).await;
    fake.takes(Op::Fork, Duration::from_secs(60));
    let forking = fake.clone();
    die_during(&fake, Op::Fork, async move { fork(&forking).await }).await;
    let seen = fake.everything();
    assert_eq!(seen.data, [database().key]);
    assert_eq!(seen.databases[0].state, ContainerState::Running);
    fake.takes(Op::Fork, Duration::ZERO);
    fork(&fake).await.unwrap();
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn two_calls_for_one_object_at_once_are_a_violation() {
    let fake = engine();
    let spec = furnished(&fake).await;
    run_database(&fake).await;
    let (first, second) = tokio::join!(fake.start_service(&spec), fake.remove_service(&spec.key));
    assert!(first.is_err() || second.is_ok());
    assert!(
        fake.violations()[0].contains("while StartService"),
        "{:?}",
        fake.violations()
    );
}

#[tokio::test]
async fn a_copy_is_one_object_for_whoever_forks_and_whoever_starts() {
    let fake = engine();
    run_database_alone(&fake).await;
    fake.ensure_network(&network_of_data(G2)).await.unwrap();
    let copy = database_of(G2);
    let (forked, _too_early) = tokio::join!(fork(&fake), fake.start(&copy));
    forked.unwrap();
    violated(&fake, &["StartDatabase of database shop-1/g2/main began"]);
    let source = database().key;
    let (forked, stopped) = tokio::join!(fork(&fake), fake.stop(&source));
    forked.unwrap();
    stopped.unwrap();
    assert_eq!(fake.violations().len(), 1, "a source may be stopped");
}

#[tokio::test]
async fn a_service_that_is_started_again_has_another_address() {
    let fake = engine();
    let spec = furnished(&fake).await;
    run_database(&fake).await;
    let before = fake.start_service(&spec).await.unwrap();
    fake.oom(&spec.key);
    let ended = ContainerState::Exited {
        exit_code: 137,
        out_of_memory: true,
    };
    assert_eq!(fake.everything().services[0].state, ended);
    let after = fake.start_service(&spec).await.unwrap();
    assert_ne!(before, after);
    assert_eq!(
        fake.probe(before, "x", &Health::Default).await,
        Probe::Refused
    );
    assert_eq!(fake.probe(after, "x", &Health::Default).await, Probe::Ready);
    assert_eq!(fake.who_answers(after), Some((spec.key, Some(commit()))));
}

#[tokio::test]
async fn what_ends_at_once_is_refused_as_the_real_engine_does() {
    let fake = engine();
    let start = StartScript::ExitsWith(1);
    fake.app(
        &commit(),
        AppScript {
            start,
            starts_in: Duration::ZERO,
            ..AppScript::default()
        },
    );
    let mut spec = furnished(&fake).await;
    spec.data = None;
    let started = fake.start_service(&spec).await;
    assert!(
        matches!(started, Err(EngineError::Refused { .. })),
        "{started:?}"
    );
}
