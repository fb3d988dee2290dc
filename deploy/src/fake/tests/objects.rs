//! What becomes of single objects.

use super::*;
use crate::personal::Mask;

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
    let mask = |content| Mask {
        script: file("mask.sql", content),
        accepted: Vec::new(),
        judged: true,
    };
    let main = database();
    let mut import = ImportSpec {
        kind: main.kind.clone(),
        image: main.image.clone(),
        seed: Seed::Sql(file("dump.sql", "INSERT INTO people VALUES ('ann');").into()),
        mask: Some(mask("UPDATE people SET name = 'x';")),
        memory_bytes: 1 << 28,
    };
    let imported = fake.import(import.clone(), Arc::new(|_| {})).await.unwrap();
    assert_eq!(imported.snapshot.source, "dump.sql");
    let seed = Seed::Snapshot(imported.snapshot.id.clone());
    fake.create(&main, &seed, Arc::new(|_| {})).await.unwrap();
    assert_eq!(fake.data(&main.key).unwrap().len(), 2);

    import.mask = Some(mask("NONSENSE;"));
    let failed = fake.import(import, Arc::new(|_| {})).await;
    assert!(
        matches!(&failed, Err(DatabaseError::Mask { path, .. }) if path == "mask.sql"),
        "{failed:?}"
    );
    // It was used meanwhile, which is written down.
    let kept = fake.snapshots().await.unwrap();
    let kept: Vec<_> = kept.into_iter().map(|snapshot| snapshot.id).collect();
    assert_eq!(kept, [imported.snapshot.id]);
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
    let spec = prepared(&fake).await;
    run_database(&fake).await;
    let before = fake.start_service(&spec).await.unwrap().unwrap();
    fake.oom(&spec.key);
    let ended = ContainerState::Exited {
        exit_code: 137,
        out_of_memory: true,
    };
    assert_eq!(fake.everything().services[0].state, ended);
    let after = fake.start_service(&spec).await.unwrap().unwrap();
    assert_ne!(before, after);
    let probe = async |at| {
        fake.probe(at, "x", &Health::Default, Duration::from_secs(1))
            .await
    };
    assert_eq!(probe(before).await, Probe::Refused);
    assert_eq!(probe(after).await, Probe::Ready);
    assert_eq!(fake.who_answers(after), Some((spec.key, Some(commit()))));
}

#[tokio::test(start_paused = true)]
async fn what_ends_with_an_error_is_started_again_after_growing_pauses() {
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
    let mut spec = prepared(&fake).await;
    spec.data = None;
    assert_eq!(fake.start_service(&spec).await.unwrap(), None);
    let ends = async || {
        let run = fake.service_run(&spec.key).await.unwrap().unwrap();
        assert!(run.starts_again && run.address.is_none(), "{run:?}");
        run.ends
    };
    assert_eq!(ends().await, 1);
    tokio::time::advance(Duration::from_millis(350)).await;
    assert_eq!(ends().await, 3, "100 and 200 ms have passed");
}
