//! A replaced revision is kept for an undo, and is removed when the undo window expires.

use super::*;

/// A rollback to the first revision is requested while the second one serves.
fn rolled_back_to() -> Scene {
    let mut scene = Scene::swapped();
    scene.observed.databases.remove(&(OLD, db()));
    scene.desired.request = 1;
    scene.desired.rollback = Some(Rollback {
        head: head('b').commit,
        request: 1,
        revision: FIRST,
        commit: head('a').commit,
    });
    scene
}

fn before(scene: &Scene) -> Option<RevisionNumber> {
    scene.observed.before().map(|revision| revision.number)
}

#[test]
fn after_a_swap_the_old_servers_stop_and_their_data_stay() {
    let mut scene = Scene::swapped();
    assert_eq!(scene.run(), [stop_database(OLD)]);
    scene.observed.databases.remove(&(OLD, db()));
    assert_eq!(scene.run(), [remove_network(Network::Data(OLD))]);
    scene.observed.networks.remove(&Network::Data(OLD));
    assert_eq!(scene.run(), []);
}

#[test]
fn the_old_data_go_when_the_time_to_go_back_is_over() {
    let mut scene = Scene::swapped();
    scene.observed.undo_is_over = true;
    assert_eq!(scene.run(), [remove_database(OLD)]);
    scene.observed.databases.remove(&(OLD, db()));
    let network = remove_network(Network::Data(OLD));
    assert_eq!(scene.run(), [remove_database(OLD), network.clone()]);
    scene.unmake(OLD);
    assert_eq!(scene.run(), [network]);
}

#[test]
fn the_old_data_go_when_a_newer_revision_serves() {
    let third = Generation(3);
    let mut scene = Scene::swapped();
    scene.observed.databases.remove(&(OLD, db()));
    scene.observed.networks.remove(&Network::Data(OLD));
    scene.desired.wanted = Wanted::Serve(head('c'));
    scene.revision(THIRD, 'c', Asks::ServiceAndDatabase);
    scene.assigned(THIRD, third, DataSource::Generation(NEW));
    scene.prepared(THIRD);
    assert_eq!(scene.run(), [start(THIRD)], "not before that");
    scene.up(THIRD);
    scene.serves(THIRD);
    scene.retired(SECOND);
    let steps = scene.run();
    assert!(steps.contains(&remove_database(OLD)), "{steps:?}");
    assert!(steps.contains(&stop_database(NEW)), "{steps:?}");
}

#[test]
fn the_old_data_stay_while_requests_to_them_are_in_flight() {
    let mut scene = Scene::swapped();
    scene.observed.undo_is_over = true;
    scene.service(FIRST, ContainerState::Running, Some(address(FIRST)));
    assert_eq!(scene.run(), [Step::Drain { revision: FIRST }]);
    scene.observed.services.remove(&(FIRST, web()));
    let left = stray(StrayKind::Container, Some(FIRST), None);
    scene.observed.strays.insert(left.clone());
    assert_eq!(scene.run(), [remove_stray(&left)]);
}

#[test]
fn nothing_is_removed_while_a_revision_is_being_bound() {
    let mut scene = Scene::swapped();
    scene.observed.undo_is_over = true;
    let assigning = assign(THIRD, Generation(3), DataSource::Generation(NEW), []);
    assert_eq!(scene.during([assigning]).run(), []);
}

#[test]
fn the_data_of_a_failed_revision_go_while_those_that_serve_stay() {
    let mut scene = Scene::copying();
    scene.prepared(SECOND);
    scene.facts(SECOND).outcome = failed();
    let network = remove_network(Network::Revision(SECOND));
    let unused = remove_image(image(SECOND));
    assert_eq!(scene.run(), [network, unused.clone(), remove_database(NEW)]);
    scene.unmake(NEW);
    scene.observed.networks.remove(&Network::Revision(SECOND));
    assert_eq!(scene.run(), [unused, remove_network(Network::Data(NEW))]);
}

#[test]
fn only_what_served_last_and_is_whole_can_be_gone_back_to() {
    assert_eq!(before(&Scene::live()), None);
    assert_eq!(before(&Scene::updating()), None);
    let scene = Scene::swapped();
    assert_eq!(before(&scene), Some(FIRST));
    let without = |change: fn(&mut Scene)| {
        let mut scene = scene.clone();
        change(&mut scene);
        before(&scene)
    };
    assert_eq!(without(|scene| scene.unmake(OLD)), None);
    assert_eq!(without(|scene| scene.observed.undo_is_over = true), None);
    // A route that was lost, as after a restore, comes back.
    assert_eq!(without(|scene| scene.observed.route = None), Some(FIRST));
    assert_eq!(without(|scene| scene.facts(FIRST).served = false), None);
    assert_eq!(without(|scene| scene.facts(FIRST).outcome = None), None);
    // A revision without data is complete.
    let asks_nothing = |scene: &mut Scene| {
        scene.facts(FIRST).blueprint = Some(blueprint(Asks::Service));
        scene.facts(FIRST).generation = None;
    };
    assert_eq!(without(asks_nothing), Some(FIRST));
}

#[test]
fn what_nobody_met_is_passed_over_on_the_way_back() {
    let mut scene = Scene::swapped();
    scene.desired.wanted = Wanted::Serve(head('c'));
    scene.revision(THIRD, 'c', Asks::ServiceAndDatabase);
    scene.assigned(THIRD, Generation(3), DataSource::Generation(NEW));
    scene.up(THIRD);
    scene.serves(THIRD);
    scene.retired(SECOND);
    assert_eq!(before(&scene), Some(SECOND));
    scene.facts(SECOND).served = false;
    assert_eq!(before(&scene), Some(FIRST));
    scene.facts(SECOND).served = true;
    scene.unmake(NEW);
    assert_eq!(before(&scene), Some(FIRST), "its data is lost");
}

#[test]
fn somebody_goes_back_to_what_served_before_until_a_newer_head_comes() {
    let mut scene = rolled_back_to();
    assert_eq!(scene.desired.target(), Some(&head('a').commit));
    assert_eq!(scene.desired.rolled_back_to(1), Some(FIRST));
    assert_eq!(
        scene.desired.rolled_back_to(0),
        None,
        "that was asked before"
    );
    let begin = Step::BeginRevision {
        number: THIRD,
        commit: head('a').commit,
        request: 1,
    };
    let steps = scene.run();
    assert!(steps.contains(&begin), "{steps:?}");
    assert!(!steps.contains(&remove_database(OLD)), "{steps:?}");
    // A push to the pull request ends the rollback.
    scene.desired.wanted = Wanted::Serve(head('c'));
    assert_eq!(scene.desired.target(), Some(&head('c').commit));
    assert_eq!(scene.desired.rolled_back_to(1), None);
}

#[test]
fn what_is_gone_back_to_is_kept_from_the_moment_at_which_that_is_asked() {
    let mut scene = rolled_back_to();
    scene.observed.undo_is_over = true;
    let steps = scene.run();
    assert!(!steps.contains(&remove_database(OLD)), "{steps:?}");
}

#[test]
fn going_back_starts_the_old_data_again_and_can_itself_be_undone() {
    let mut scene = rolled_back_to();
    scene.observed.networks.remove(&Network::Data(OLD));
    // The beginning revision takes over the images, data and migrations of the first revision.
    scene.revision(THIRD, 'a', Asks::ServiceAndDatabase);
    let given = scene.facts(FIRST).clone();
    let facts = scene.facts(THIRD);
    facts.images = given.images;
    facts.generation = given.generation;
    facts.migrated = given.migrated;
    let own = ensure_network(Network::Revision(THIRD));
    assert_eq!(scene.run(), [own, ensure_network(Network::Data(OLD))]);
    scene.observed.networks.insert(Network::Revision(THIRD));
    scene.observed.networks.insert(Network::Data(OLD));
    assert_eq!(scene.run(), [start_database(THIRD, OLD)]);
    scene.database(OLD, &db());
    assert_eq!(scene.run(), [start(THIRD)]);
    scene.runs_at(THIRD, address(THIRD));
    scene.facts(THIRD).healthy = true;
    scene.serves(THIRD);
    scene.retired(SECOND);
    assert_eq!(before(&scene), Some(SECOND));
    assert_eq!(scene.run(), [stop_database(NEW)]);
}

#[test]
fn a_newer_head_ends_a_rollback_for_good() {
    let mut desired = Desired::new(Origin::PullRequest);
    desired.wanted = Wanted::Serve(head('b'));
    desired.rollback = Some(Rollback {
        head: head('b').commit,
        request: 1,
        revision: FIRST,
        commit: head('a').commit,
    });
    let read = |refresh, commit| Read {
        refresh,
        confirms: None,
        at_ms: 0,
        answer: Answer::Open(head(commit)),
    };
    let pushed = intent(&desired, &read(2, 'c'));
    let back = intent(&pushed, &read(3, 'b'));
    assert_eq!(back.target(), Some(&head('b').commit));
}

#[test]
fn data_that_started_again_are_told_while_those_of_before_are_kept() {
    let told = |scene: &Scene| {
        let seen = scene.observed.revision(SECOND).unwrap();
        scene.observed.started_again(seen, &db())
    };
    let mut scene = Scene::swapped();
    assert!(!told(&scene), "a copy has the earlier data");
    scene.observed.generations.get_mut(&NEW).unwrap().from = DataSource::Seeds;
    assert!(told(&scene));
    let other = scene.observed.revision(SECOND).unwrap();
    assert!(
        !scene.observed.started_again(other, &cache()),
        "it had none before"
    );
    scene.facts(FIRST).outcome = None;
    assert!(told(&scene), "it is being removed");
    scene.observed.undo_is_over = true;
    assert!(!told(&scene));
}
