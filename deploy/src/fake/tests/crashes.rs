//! Calls that go wrong, and processes that die.

use super::*;

#[tokio::test]
async fn a_lost_answer_is_an_effect_without_an_answer() {
    let fake = engine();
    let spec = prepared(&fake).await;
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
    let spec = prepared(&fake).await;
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
    let spec = prepared(&fake).await;
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
    let spec = prepared(&fake).await;
    fake.takes(Op::CreateDatabase, Duration::from_secs(60));
    let seeding = fake.clone();
    die_during(
        &fake,
        Op::CreateDatabase,
        async move { make(&seeding).await },
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
    let half_made = [
        "is incomplete",
        "started while incomplete",
        "copied while incomplete",
    ];
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
