//! What the fake does beyond the promises of the ports: faults, crashes, violations.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{AppScript, BuildCounts, FakeEngine, Fault, Op, Outcome, StartScript};
use crate::{
    blueprint::Health,
    builder::{BuildError, BuildRequest, Builder},
    databases::{DatabaseKey, DatabaseSpec, Databases, postgres_url},
    engine::{Activity, Engine, EngineError, Probe, Room, RoomSpec, ServiceKey, ServiceSpec},
    names::{CommitSha, DatabaseName, Instance, PreviewId, RevisionNumber, ServiceName},
    source::Tree,
};

const R1: RevisionNumber = RevisionNumber(1);

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
    DatabaseSpec {
        key: DatabaseKey {
            preview: preview(),
            name: DatabaseName::parse("main").unwrap(),
        },
        image: "postgres:15".to_owned(),
        seed: None,
        password: SecretString::from("secret"),
        memory_bytes: 1 << 28,
        cpu_milli: 1_000,
    }
}

/// Rooms and an image, and the spec of a service that uses the database `main`.
async fn furnished(fake: &FakeEngine) -> ServiceSpec {
    for room in [Room::Revision(R1), Room::Data] {
        let spec = RoomSpec {
            preview: preview(),
            room,
            members: 2,
        };
        fake.ensure_room(&spec).await.unwrap();
    }
    let image = fake.build(&request(), Arc::new(|_| {})).await.unwrap();
    let service = ServiceName::parse("web").unwrap();
    let url = postgres_url(&database().key.name, "secret");
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
        uses_data: true,
        memory_bytes: 1 << 28,
        cpu_milli: 1_000,
        pids_max: 64,
    }
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
    fake.create(&database()).await.unwrap();
    let address = fake.start_service(&spec).await.unwrap();
    fake.route([address]);
    assert_eq!(fake.violations(), Vec::<String>::new());

    Builder::remove(&fake, &spec.image).await.unwrap();
    fake.remove_room(&preview(), &Room::Revision(R1))
        .await
        .unwrap();
    Databases::remove(&fake, &database().key).await.unwrap();
    fake.remove_service(&spec.key).await.unwrap();
    let violations = fake.violations();
    for (at, words) in [
        "image sha256",
        "room shop-1/r1",
        "database shop-1/main",
        "while traffic",
    ]
    .into_iter()
    .enumerate()
    {
        assert!(violations[at].contains(words), "{violations:?}");
    }
    assert_eq!(violations.len(), 4, "{violations:?}");
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
    spec.uses_data = false;
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
    fake.create(&database()).await.unwrap();
    fake.fail_next(Op::StartService, Fault::LostAnswer);
    let lost = fake.start_service(&spec).await;
    assert!(matches!(lost, Err(EngineError::Unreachable(_))), "{lost:?}");
    assert_eq!(fake.everything().services[0].activity, Activity::Running);

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
    fake.create(&database()).await.unwrap();
    fake.takes(Op::StartService, Duration::from_secs(60));
    cut_off(fake.start_service(&spec)).await;
    assert!(
        fake.violations()[0].contains("was dropped"),
        "{:?}",
        fake.violations()
    );
    assert_eq!(fake.everything().services[0].activity, Activity::Created);

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
async fn a_crash_leaves_commands_and_half_made_databases_behind() {
    let fake = engine();
    let spec = furnished(&fake).await;
    fake.create(&database()).await.unwrap();
    fake.takes(Op::RunToEnd, Duration::from_secs(60));
    let (running, cut) = (fake.clone(), spec.clone());
    let task = tokio::spawn(async move { running.run_to_end(&cut, "migrate").await });
    while fake.everything().strays.is_empty() {
        tokio::task::yield_now().await;
    }
    fake.crash();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let strays = fake.everything().strays;
    assert_eq!(strays.len(), 1, "nobody cleaned up");
    fake.remove_stray(&strays[0]).await.unwrap();
    assert_eq!(fake.violations(), Vec::<String>::new());

    fake.takes(Op::CreateDatabase, Duration::from_secs(60));
    let making = fake.clone();
    let task = tokio::spawn(async move { making.create(&database()).await });
    while fake.count(Op::CreateDatabase, Outcome::UnderWay) == 0 {
        tokio::task::yield_now().await;
    }
    fake.crash();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    fake.start_service(&spec).await.unwrap();
    assert!(
        fake.violations()[0].contains("half made"),
        "{:?}",
        fake.violations()
    );
}

#[tokio::test]
async fn two_calls_for_one_object_at_once_are_a_violation() {
    let fake = engine();
    let spec = furnished(&fake).await;
    fake.create(&database()).await.unwrap();
    let (first, second) = tokio::join!(fake.start_service(&spec), fake.remove_service(&spec.key));
    assert!(first.is_err() || second.is_ok());
    assert!(
        fake.violations()[0].contains("while StartService"),
        "{:?}",
        fake.violations()
    );
}

#[tokio::test]
async fn a_service_that_is_started_again_has_another_address() {
    let fake = engine();
    let spec = furnished(&fake).await;
    fake.create(&database()).await.unwrap();
    let before = fake.start_service(&spec).await.unwrap();
    fake.oom(&spec.key);
    let ended = Activity::Exited {
        exit_code: 137,
        out_of_memory: true,
    };
    assert_eq!(fake.everything().services[0].activity, ended);
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
    spec.uses_data = false;
    let started = fake.start_service(&spec).await;
    assert!(
        matches!(started, Err(EngineError::Refused { .. })),
        "{started:?}"
    );
}
