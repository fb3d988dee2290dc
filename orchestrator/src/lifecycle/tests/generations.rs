//! The generation that a revision runs on, and how its data is created.

use super::*;

fn from_old() -> DataSource {
    DataSource::Generation(OLD)
}

/// A fork of a preview whose third generation has a database `db`.
fn forked() -> Scene {
    let mut scene = Scene::open('a');
    scene.desired.origin = Origin::Fork;
    scene.desired.parent = Some(Parent {
        preview: PreviewId::parse("shop-9").unwrap(),
        generation: Some(Generation(3)),
        names: [db()].into(),
        revision: THIRD,
        commit: head('a').commit,
    });
    scene.revision(FIRST, 'a', Asks::ServiceAndDatabase);
    scene
}

/// A push that differs only in its database, as the test changes it.
fn pushed(change: impl FnOnce(&mut Database)) -> Vec<Step> {
    let mut scene = Scene::unassigned();
    change(&mut scene.asked(SECOND)[0]);
    scene.run()
}

fn afresh() -> [Step; 1] {
    [assign(SECOND, NEW, DataSource::Seeds, [db()])]
}

// The generation of a revision.

#[test]
fn a_first_revision_is_bound_to_new_data_before_its_images_are_there() {
    let mut scene = Scene::open('a');
    scene.revision(FIRST, 'a', Asks::ServiceAndDatabase);
    let assigned = assign(FIRST, OLD, DataSource::Seeds, []);
    let network = ensure_network(Network::Revision(FIRST));
    assert_eq!(
        scene.run(),
        [build(FIRST), assigned.clone(), network.clone()]
    );
    // A number from an earlier life is not used again.
    scene.observed.last_generation = 7;
    let later = assign(FIRST, Generation(8), DataSource::Seeds, []);
    assert!(scene.run().contains(&later));
    scene.facts(FIRST).blueprint = Some(blueprint(Asks::Service));
    assert_eq!(scene.run(), [build(FIRST), network], "it has no data");
}

#[test]
fn what_is_bound_is_not_bound_again() {
    let mut scene = Scene::copying();
    assert!(!scene.run().iter().any(is_assign));
    scene.facts(SECOND).outcome = failed();
    scene.facts(SECOND).generation = None;
    assert!(!scene.run().iter().any(is_assign), "nor what has failed");
}

#[test]
fn a_push_without_new_migrations_runs_on_the_data_that_serve() {
    assert_eq!(pushed(|_| {}), [assign_as_is(SECOND, OLD)]);
    let never_migrates = |database: &mut Database| {
        database.migrate = None;
        database.migrations = None;
    };
    assert_eq!(pushed(never_migrates), [assign_as_is(SECOND, OLD)]);
    let mut scene = Scene::unassigned();
    scene.facts(SECOND).images.clear();
    assert_eq!(scene.run(), [build(SECOND)]);
}

#[test]
fn a_push_that_migrates_runs_on_a_copy_taken_when_its_images_are_there() {
    let copied = [assign(SECOND, NEW, from_old(), [])];
    let changed = |database: &mut Database| database.migrations = Some("0002".to_owned());
    assert_eq!(pushed(changed), copied);
    // The files of the migration are unknown: any commit may add one.
    let unknown = |database: &mut Database| database.migrations = None;
    assert_eq!(pushed(unknown), copied);
    // The same files with another command are another migration.
    let rewritten = |database: &mut Database| {
        let migrate = database.migrate.as_mut();
        migrate.unwrap().run = Command(vec!["other".to_owned()]);
    };
    assert_eq!(pushed(rewritten), copied);
    // The serving revision's migration has not run on data that was lost and recreated.
    let mut anew = Scene::unassigned();
    anew.facts(FIRST).migrated.clear();
    assert_eq!(anew.run(), copied);
    let mut scene = Scene::unassigned();
    changed(&mut scene.asked(SECOND)[0]);
    scene.facts(SECOND).images.clear();
    assert_eq!(scene.run(), [build(SECOND)]);
}

#[test]
fn a_push_resets_what_says_so() {
    let resets = |database: &mut Database| database.on_push = OnPush::Reset;
    assert_eq!(pushed(resets), afresh());
    let mut scene = Scene::unassigned();
    resets(&mut scene.asked(SECOND)[0]);
    scene.facts(SECOND).images.clear();
    let steps = scene.run();
    assert!(
        steps.contains(&afresh()[0]),
        "seeds wait for no image: {steps:?}"
    );
}

#[test]
fn a_push_resets_where_migrations_changed_if_that_is_said() {
    let only_if = |database: &mut Database| database.on_push = OnPush::ResetIfMigrationsChanged;
    assert_eq!(pushed(only_if), [assign_as_is(SECOND, OLD)]);
    let changed = |database: &mut Database| {
        only_if(database);
        database.migrations = Some("0002".to_owned());
        // Whether anything runs on the new files does not matter here.
        database.migrate = None;
    };
    assert_eq!(pushed(changed), afresh());
}

#[test]
fn another_kind_or_major_version_of_server_starts_from_the_seed() {
    let image = |image: &'static str| move |database: &mut Database| database.image = image.into();
    for other in [
        "postgres:16",
        "postgres:16.1",
        "postgres",
        "postgres:latest",
    ] {
        assert_eq!(pushed(image(other)), afresh(), "{other}");
    }
    for fits in [
        "postgres:15.4",
        "postgres:15-alpine",
        "host:5000/x/postgres:15",
    ] {
        // On a copy, because the serving revision keeps its server.
        let copied = assign(SECOND, NEW, DataSource::Generation(OLD), []);
        assert_eq!(pushed(image(fits)), [copied], "{fits}");
    }
    let engine = |database: &mut Database| database.kind = DatabaseKind::Mariadb;
    assert_eq!(pushed(engine), afresh());
}

#[test]
fn somebody_resets_one_database_or_all() {
    let mut scene = Scene::unassigned();
    scene.asks_for_cache(FIRST);
    scene.asks_for_cache(SECOND);
    scene.database(OLD, &cache());
    scene.desired.request = 1;
    scene.facts(SECOND).request = 1;
    let mut reset = |request, only: Option<DatabaseName>| {
        let only = only.map(|name| [name].into());
        scene.desired.reset = Some(Reset { request, only });
        scene.run()
    };
    let one = [assign(SECOND, NEW, from_old(), [cache()])];
    assert_eq!(reset(1, Some(cache())), one);
    let all = [assign(SECOND, NEW, DataSource::Seeds, [cache(), db()])];
    assert_eq!(reset(1, None), all);
    // The older request was already carried out by its revision.
    assert_eq!(reset(0, None), [assign_as_is(SECOND, OLD)]);
}

#[test]
fn nothing_is_bound_while_nobody_knows_whom_visitors_will_meet() {
    let scene = Scene::unassigned();
    assert_eq!(scene.run(), [assign_as_is(SECOND, OLD)]);
    for change in [route(FIRST), route(SECOND), Step::Unroute] {
        let steps = scene.during([change.clone()]).run();
        assert!(!steps.iter().any(is_assign), "{change:?}");
    }
    let mut doubted = scene;
    doubted.observed.in_doubt.insert(FIRST);
    assert!(!doubted.run().iter().any(is_assign));
}

#[test]
fn a_push_is_bound_by_what_serves_and_not_by_what_was_overtaken() {
    let mut scene = Scene::copying();
    scene.prepared(SECOND);
    scene.facts(SECOND).outcome = Some(Outcome::Superseded);
    scene.desired.wanted = Wanted::Serve(head('c'));
    scene.revision(THIRD, 'c', Asks::ServiceAndDatabase);
    scene.built(THIRD);
    assert!(scene.run().contains(&assign_as_is(THIRD, OLD)));
    scene.asked(THIRD)[0].migrations = Some("0002".to_owned());
    let third = assign(THIRD, Generation(3), from_old(), []);
    assert!(scene.run().contains(&third));
}

// How its data is created.

#[test]
fn all_databases_are_copied_at_one_moment() {
    let mut scene = Scene::copying();
    scene.asks_for_cache(FIRST);
    scene.asks_for_cache(SECOND);
    scene.database(OLD, &cache());
    let both = fork(SECOND, NEW, from_old(), [cache(), db()]);
    assert_eq!(scene.run(), std::slice::from_ref(&both));
    assert_eq!(scene.during([both.clone()]).run(), [both]);
    // Their network is created at the same time.
    scene.observed.networks.remove(&Network::Data(NEW));
    let words: Vec<_> = scene.run().iter().map(Step::word).collect();
    assert_eq!(words, ["network", "fork"]);
}

#[test]
fn a_new_database_comes_from_its_seed_while_the_others_are_copied() {
    let mut scene = Scene::unassigned();
    scene.asks_for_cache(SECOND);
    scene.asked(SECOND)[0].migrations = Some("0002".to_owned());
    assert_eq!(scene.run(), [assign(SECOND, NEW, from_old(), [cache()])]);
    scene.assigned(SECOND, NEW, from_old());
    scene.generation(NEW).reseed.insert(cache());
    let seeded = create(SECOND, NEW, cache());
    assert_eq!(scene.run(), [copy(SECOND), seeded.clone()]);
    // Also if the serving revision has a database with that name, which is not the requested one.
    scene.database(OLD, &cache());
    let steps = scene.run();
    assert!(
        steps.contains(&copy(SECOND)) && steps.contains(&seeded),
        "{steps:?}"
    );
}

#[test]
fn a_new_database_joins_the_data_that_serve_where_nothing_migrates() {
    let mut scene = Scene::unassigned();
    scene.asks_for_cache(SECOND);
    let joined = assign(SECOND, OLD, from_old(), [cache()]);
    assert_eq!(scene.run(), [joined]);
    scene.assigned(SECOND, OLD, DataSource::Seeds);
    scene.facts(SECOND).migrated.insert(db());
    assert_eq!(scene.run(), [create(SECOND, OLD, cache())]);
}

#[test]
fn a_new_database_waits_until_what_a_failed_push_left_of_it_is_gone() {
    let mut scene = Scene::unassigned();
    scene.asks_for_cache(SECOND);
    let joined = assign(SECOND, OLD, from_old(), [cache()]);
    let (generation, name) = (OLD, cache());
    let removal = Step::RemoveDatabase { generation, name };
    assert_eq!(scene.during([removal.clone()]).run(), []);
    // Complete or not, running or not: no visitor has seen it.
    let left: [fn(&mut Scene); 3] = [
        |scene| scene.database(OLD, &cache()),
        |scene| _ = scene.observed.data.insert((OLD, cache())),
        |scene| _ = scene.generation(OLD).complete.insert(cache()),
    ];
    for leave in left {
        let mut scene = scene.clone();
        leave(&mut scene);
        assert_eq!(scene.run(), std::slice::from_ref(&removal));
    }
    assert_eq!(scene.run(), [joined]);
}

#[test]
fn a_database_that_was_left_out_for_a_while_is_taken_up_again() {
    let mut scene = Scene::unassigned();
    scene.revision(RevisionNumber(0), 'a', Asks::ServiceAndDatabase);
    let zeroth = scene.observed.revisions.pop().unwrap();
    scene.observed.revisions.insert(0, zeroth);
    scene.asks_for_cache(RevisionNumber(0));
    let facts = scene.facts(RevisionNumber(0));
    facts.generation = Some(OLD);
    facts.served = true;
    facts.outcome = Some(Outcome::Retired);
    scene.database(OLD, &cache());
    scene.asks_for_cache(SECOND);
    assert_eq!(scene.run(), [assign_as_is(SECOND, OLD)]);
}

#[test]
fn nothing_is_copied_while_the_source_changes() {
    let scene = Scene::copying();
    assert_eq!(scene.run(), [copy(SECOND)]);
    let left = stray(StrayKind::Volume, None, Some((OLD, db())));
    for change in [
        create(FIRST, OLD, db()),
        start_database(FIRST, OLD),
        stop_database(OLD),
        remove_database(OLD),
        remove_stray(&left),
    ] {
        let steps = scene.during([change.clone()]).run();
        assert!(!steps.contains(&copy(SECOND)), "{change:?}");
    }
    for change in [remove_database(NEW), create(SECOND, NEW, db())] {
        let steps = scene.during([change.clone()]).run();
        assert!(!steps.contains(&copy(SECOND)), "{change:?}");
    }
}

#[test]
fn a_source_is_neither_stopped_nor_removed_while_it_is_copied() {
    let mut kept = Scene::swapped();
    assert_eq!(kept.run(), [stop_database(OLD)]);
    assert_eq!(kept.during([copy(THIRD)]).run(), []);
    kept.observed.undo_is_over = true;
    let removal = remove_database(OLD);
    assert_eq!(kept.run(), [removal]);
    assert_eq!(kept.during([copy(THIRD)]).run(), []);
    // Lost data is copied again, and its source is needed until then.
    kept.unmake(NEW);
    let steps = kept.run();
    assert!(steps.contains(&copy(SECOND)), "{steps:?}");
    assert!(!steps.contains(&remove_database(OLD)), "{steps:?}");
}

// Forks and captures.

#[test]
fn a_fork_copies_the_data_of_what_it_was_taken_of() {
    let mut scene = forked();
    let assigned = assign(FIRST, OLD, elsewhere_data(), []);
    assert!(scene.run().contains(&assigned), "it waits for its images");
    scene.built(FIRST);
    assert_eq!(scene.run(), [assigned]);
    scene.assigned(FIRST, OLD, elsewhere_data());
    assert_eq!(scene.run(), [fork(FIRST, OLD, elsewhere_data(), [db()])]);
    scene.database(OLD, &db());
    assert_eq!(scene.run(), [migrate(FIRST)]);
}

#[test]
fn a_fork_makes_what_the_other_preview_does_not_have() {
    let mut scene = forked();
    scene.built(FIRST);
    scene.asks_for_cache(FIRST);
    let assigned = assign(FIRST, OLD, elsewhere_data(), [cache()]);
    assert_eq!(scene.run(), [assigned]);
    scene.assigned(FIRST, OLD, elsewhere_data());
    scene.generation(OLD).reseed.insert(cache());
    let copied = fork(FIRST, OLD, elsewhere_data(), [db()]);
    assert_eq!(scene.run(), [copied, create(FIRST, OLD, cache())]);
    // A fork whose parent had no data starts like any other preview.
    scene.facts(FIRST).generation = None;
    scene.observed.last_generation = 0;
    scene.desired.parent.as_mut().unwrap().generation = None;
    assert!(
        scene
            .run()
            .contains(&assign(FIRST, OLD, DataSource::Seeds, []))
    );
}

#[test]
fn a_capture_gets_images_and_data_and_nothing_that_runs() {
    let mut scene = forked();
    scene.desired.origin = Origin::Capture;
    // The data is copied immediately: its source may be removed before the builds are done.
    let assigned = assign(FIRST, OLD, elsewhere_data(), []);
    assert_eq!(scene.run(), [build(FIRST), assigned]);
    scene.built(FIRST);
    scene.assigned(FIRST, OLD, elsewhere_data());
    scene.observed.networks.clear();
    assert_eq!(scene.run(), [fork(FIRST, OLD, elsewhere_data(), [db()])]);
    let phase = |scene: &Scene| summary(&scene.desired, &scene.observed).phase;
    assert_eq!(phase(&scene), Phase::Starting);
    scene.database(OLD, &db());
    scene.observed.databases.clear();
    assert_eq!(scene.run(), []);
    assert_eq!(phase(&scene), Phase::Captured);
}

#[test]
fn a_capture_without_databases_is_its_images() {
    let mut scene = forked();
    scene.desired.origin = Origin::Capture;
    scene.facts(FIRST).blueprint = Some(blueprint(Asks::Service));
    assert_eq!(scene.run(), [build(FIRST)]);
    scene.built(FIRST);
    scene.observed.networks.clear();
    assert_eq!(scene.run(), []);
    let phase = |scene: &Scene| summary(&scene.desired, &scene.observed).phase;
    assert_eq!(phase(&scene), Phase::Captured);
    // Its link leads nowhere before the proxy knows its host.
    scene.observed.announced = false;
    assert_eq!(phase(&scene), Phase::Starting);
}
