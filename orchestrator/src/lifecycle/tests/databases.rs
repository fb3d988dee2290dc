//! Databases on the data that a revision is assigned to.

use super::*;

/// Its first revision is assigned to data that is not created yet.
fn unmade() -> Scene {
    let mut scene = Scene::open('a');
    scene.revision(FIRST, 'a', Asks::ServiceAndDatabase);
    scene.prepared(FIRST);
    scene.facts(FIRST).migrated.clear();
    scene.unmake(OLD);
    scene
}

#[test]
fn data_are_made_then_served_then_migrated() {
    let mut scene = unmade();
    scene.observed.networks.remove(&Network::Data(OLD));
    // The data and the network that its server will need are created at the same time.
    let network = ensure_network(Network::Data(OLD));
    assert_eq!(scene.run(), [network, create_database(FIRST)]);
    scene.observed.networks.insert(Network::Data(OLD));
    assert_eq!(scene.run(), [create_database(FIRST)]);
    scene.database(OLD, &db());
    scene.observed.databases.clear();
    assert_eq!(scene.run(), [start_database(FIRST, OLD)]);
    scene.database(OLD, &db());
    // A server that is being started may not answer yet.
    let starting = scene.during([start_database(FIRST, OLD)]);
    assert_eq!(starting.run(), [start_database(FIRST, OLD)]);
    assert_eq!(scene.run(), [migrate(FIRST)]);
    scene.facts(FIRST).migrated.insert(db());
    assert_eq!(scene.run(), [start(FIRST)]);
}

#[test]
fn a_seed_that_is_run_waits_for_the_image_that_it_runs_in() {
    let mut scene = unmade();
    scene.facts(FIRST).images.clear();
    assert_eq!(scene.run(), [build(FIRST), create_database(FIRST)]);
    scene.asked(FIRST)[0].seed = Some(seed_that_runs());
    assert_eq!(scene.run(), [build(FIRST)]);
    scene.built(FIRST);
    assert_eq!(scene.run(), [create_database(FIRST)]);
    // Nor without the network in which it reaches the server.
    scene.observed.networks.remove(&Network::Data(OLD));
    assert_eq!(scene.run(), [ensure_network(Network::Data(OLD))]);
}

#[test]
fn data_that_are_lost_are_made_anew_where_they_came_from() {
    // The start of the server finds no data, so the record of it is dropped.
    let mut first = Scene::live();
    first.unmake(OLD);
    assert_eq!(first.run(), [create_database(FIRST)]);
    let mut second = Scene::swapped();
    second.unmake(NEW);
    assert!(second.run().contains(&copy(SECOND)));
    second.unmake(OLD);
    assert!(second.run().contains(&create(SECOND, NEW, db())));
}

#[test]
fn a_database_is_not_made_while_its_leftovers_are_removed() {
    let mut scene = unmade();
    let left = stray(StrayKind::Volume, None, Some((OLD, db())));
    scene.observed.strays.insert(left.clone());
    // Recreating the database removes the directory.
    assert_eq!(scene.run(), [create_database(FIRST)]);
    for removal in [remove_stray(&left), remove_database(OLD)] {
        assert_eq!(scene.during([removal]).run(), []);
    }
    // A step on the database of another generation is no reason to wait.
    let other = scene.during([remove_database(NEW)]);
    assert_eq!(other.run(), [create_database(FIRST)]);
}

#[test]
fn the_leftovers_of_a_database_are_not_removed_while_it_is_made() {
    let mut scene = Scene::copying();
    scene.overtaken(SECOND);
    scene.observed.networks.remove(&Network::Data(NEW));
    let left = stray(StrayKind::Volume, None, Some((NEW, db())));
    let mut directory = scene.clone();
    directory.observed.strays.insert(left.clone());
    let mut data = scene.clone();
    data.observed.data.insert((NEW, db()));
    let mut container = scene;
    let key = (NEW, db());
    container
        .observed
        .databases
        .insert(key, ContainerState::Running);
    for (mut scene, removal) in [
        (directory, remove_stray(&left)),
        (data, remove_database(NEW)),
        (container, remove_database(NEW)),
    ] {
        assert_eq!(scene.run(), std::slice::from_ref(&removal));
        for seeding in [copy(SECOND), create(SECOND, NEW, db())] {
            assert_eq!(scene.during([seeding]).run(), []);
        }
        scene.close();
        scene.observed.route = None;
        scene.observed.services.clear();
        assert!(scene.run().contains(&removal));
        for seeding in [copy(SECOND), create(SECOND, NEW, db())] {
            assert_eq!(scene.during([seeding]).run(), []);
        }
    }
}

#[test]
fn a_server_that_two_revisions_share_is_started_once() {
    let mut scene = Scene::updating();
    scene.observed.databases.clear();
    let newer = start_database(SECOND, OLD);
    let starts = |scene: &Scene| {
        let mut steps = scene.run();
        steps.retain(|step| matches!(step, Step::StartDatabase { .. }));
        steps
    };
    assert_eq!(starts(&scene), std::slice::from_ref(&newer));
    assert_eq!(starts(&scene.during([newer.clone()])), [newer]);
    let older = start_database(FIRST, OLD);
    assert_eq!(starts(&scene.during([older.clone()])), [older]);
}

#[test]
fn no_server_is_started_on_data_that_are_being_copied() {
    let mut scene = Scene::copying();
    let ended = exited(137, true);
    scene.observed.databases.insert((OLD, db()), ended);
    assert_eq!(scene.run(), [copy(SECOND)], "nor in one plan");
    assert_eq!(scene.during([copy(SECOND)]).run(), [copy(SECOND)]);
}

#[test]
fn no_migration_runs_beside_one_that_a_crash_left() {
    let mut scene = Scene::updating();
    scene.facts(SECOND).migrated.clear();
    assert_eq!(scene.run(), [migrate(SECOND)]);
    for revision in [Some(FIRST), Some(SECOND), Some(THIRD), None] {
        let left = stray(StrayKind::Container, revision, None);
        let mut scene = scene.clone();
        scene.observed.strays.insert(left.clone());
        assert_eq!(scene.run(), [remove_stray(&left)], "{revision:?}");
    }
    // The container of the migration under way is not a leftover.
    let own = stray(StrayKind::Container, Some(SECOND), None);
    scene.observed.strays.insert(own);
    assert_eq!(scene.during([migrate(SECOND)]).run(), [migrate(SECOND)]);
}

#[test]
fn a_migration_waits_for_another_one_and_for_changes_of_its_database() {
    let mut scene = Scene::copying();
    scene.prepared(SECOND);
    scene.facts(SECOND).migrated.clear();
    assert_eq!(scene.run(), [migrate(SECOND)]);
    for other in [
        migrate(FIRST),
        stop_database(NEW),
        start_database(FIRST, NEW),
    ] {
        let steps = scene.during([other.clone()]).run();
        assert!(!steps.contains(&migrate(SECOND)), "{other:?}");
    }
}
