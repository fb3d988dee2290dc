//! Removal of replaced objects, and of everything when a preview ends.

use super::*;

#[test]
fn a_stray_goes_also_where_nothing_else_of_its_revision_is_left() {
    for revision in [Some(FIRST), Some(THIRD), None] {
        let mut scene = Scene::live();
        let left = stray(StrayKind::Container, revision, None);
        scene.observed.strays.insert(left.clone());
        assert_eq!(scene.run(), [remove_stray(&left)], "{revision:?}");
    }
}

#[test]
fn a_half_made_database_goes_when_nobody_runs_on_its_generation() {
    let mut scene = Scene::copying();
    scene.database(NEW, &db());
    scene.generation(NEW).complete.clear();
    assert_eq!(scene.run(), [copy(SECOND)], "it is made once more");
    scene.overtaken(SECOND);
    assert_eq!(scene.run(), [remove_database(NEW)]);
}

#[test]
fn a_database_that_visitors_met_stays_with_its_generation_asked_for_or_not() {
    let mut scene = Scene::updating();
    scene.asks_for_cache(FIRST);
    scene.database(OLD, &cache());
    scene.up(SECOND);
    scene.serves(SECOND);
    scene.retired(FIRST);
    assert_eq!(scene.run(), []);
    // Objects of a push that never served are removed.
    scene.facts(FIRST).served = false;
    let (generation, name) = (OLD, cache());
    assert_eq!(scene.run(), [Step::RemoveDatabase { generation, name }]);
}

#[test]
fn what_an_image_keeps_beside_the_data_goes_with_its_generation() {
    let mut scene = Scene::copying();
    let left = stray(StrayKind::Volume, None, Some((NEW, db())));
    scene.observed.strays.insert(left.clone());
    scene.prepared(SECOND);
    assert!(!scene.run().contains(&remove_stray(&left)));
    scene.overtaken(SECOND);
    assert!(scene.run().contains(&remove_database(NEW)));
    let removing = scene.during([remove_database(NEW)]);
    assert!(!removing.run().contains(&remove_stray(&left)));
    scene.unmake(NEW);
    assert!(scene.run().contains(&remove_stray(&left)));
}

#[test]
fn a_data_network_goes_when_nobody_uses_it() {
    let mut scene = Scene::copying();
    scene.overtaken(SECOND);
    let network = remove_network(Network::Data(NEW));
    assert_eq!(scene.run(), std::slice::from_ref(&network));
    // A revision's own network is another one, and so is that of another generation.
    let own = ensure_network(Network::Revision(SECOND));
    let others = [
        own.clone(),
        ensure_network(Network::Data(OLD)),
        start_database(FIRST, OLD),
    ];
    for step in others {
        assert!(
            scene.during([step.clone()]).run().contains(&network),
            "{step:?}"
        );
    }
    let mut seeding: Vec<_> = creating(SECOND, NEW).into();
    seeding.push(ensure_network(Network::Data(NEW)));
    seeding.retain(|step| *step != own);
    for step in seeding {
        assert_eq!(scene.during([step.clone()]).run(), [], "{step:?}");
    }
    scene.database(NEW, &db());
    assert_eq!(scene.run(), [remove_database(NEW)], "servers go first");
}

#[test]
fn a_teardown_waits_for_what_is_still_being_made() {
    let mut scene = Scene::closing();
    scene.observed.route = None;
    assert_eq!(scene.run(), [remove_service(FIRST)]);
    for step in creating(FIRST, OLD) {
        assert_eq!(scene.during([step.clone()]).run(), [], "{step:?}");
    }
    scene.observed.services.clear();
    assert_ne!(scene.run(), []);
    for step in creating(FIRST, OLD) {
        assert_eq!(scene.during([step.clone()]).run(), [], "{step:?}");
    }
}

#[test]
fn a_replaced_revision_goes_after_what_is_still_being_made_for_it() {
    let mut scene = Scene::updating();
    scene.up(SECOND);
    scene.serves(SECOND);
    scene.facts(FIRST).outcome = Some(Outcome::Retired);
    scene.observed.services.remove(&(FIRST, web()));
    let network = remove_network(Network::Revision(FIRST));
    assert_eq!(scene.run(), [network]);
    for step in creating(FIRST, OLD) {
        assert_eq!(scene.during([step.clone()]).run(), [], "{step:?}");
    }
}

#[test]
fn a_failed_revision_goes_while_the_older_one_serves_on() {
    let mut scene = Scene::updating();
    scene.facts(SECOND).outcome = failed();
    let image = remove_image(image(SECOND));
    let network = remove_network(Network::Revision(SECOND));
    assert_eq!(scene.run(), [network, image]);
}

#[test]
fn the_image_before_stays_for_a_revert_and_older_ones_go() {
    let mut scene = Scene::updating();
    scene.up(SECOND);
    scene.push(THIRD, 'c');
    scene.up(THIRD);
    scene.serves(THIRD);
    for number in [FIRST, SECOND] {
        scene.retired(number);
    }
    let oldest = remove_image(image(FIRST));
    assert_eq!(scene.run(), std::slice::from_ref(&oldest));
    let mut full = scene.clone();
    full.observed.disk_is_full = true;
    let newer = remove_image(image(SECOND));
    assert_eq!(full.run(), [oldest, newer], "on a full disk both go");
    // Nothing of the second has changed in the third, so the one before is the first.
    scene.facts(THIRD).images = BTreeMap::from([(web(), image(SECOND))]);
    scene.observed.images.remove(&image(THIRD));
    assert_eq!(scene.run(), []);
}

#[test]
fn an_image_stays_while_the_start_of_what_was_made_of_it_is_under_way() {
    let mut scene = Scene::updating();
    scene.up(SECOND);
    scene.serves(SECOND);
    scene.retired(FIRST);
    scene.facts(FIRST).healthy = false;
    let unused = remove_image(image(FIRST));
    assert_eq!(scene.run(), [unused]);
    assert_eq!(scene.during([start(FIRST)]).run(), []);
}

#[test]
fn a_preview_is_gone_after_two_checks_that_found_nothing() {
    let mut scene = Scene::open('a');
    scene.close();
    for seen in [0, 1] {
        scene.observed.empty_checks = seen;
        assert_eq!(scene.run(), [Step::ConfirmEmpty { seen }]);
    }
    scene.observed.empty_checks = 2;
    assert_eq!(scene.run(), [Step::ConfirmGone]);
    let report = Step::Report { key: String::new() };
    for step in creating(FIRST, OLD).into_iter().chain([
        remove_service(FIRST),
        remove_database(OLD),
        stop_database(OLD),
        assign(FIRST, OLD, DataSource::Seeds, []),
        remove_network(Network::Data(OLD)),
        report.clone(),
    ]) {
        let steps = scene.during([step.clone()]).run();
        assert!(!steps.contains(&Step::ConfirmGone), "{step:?}");
    }
    let mut found = scene.clone();
    found.observed.networks.insert(Network::Data(OLD));
    assert_eq!(found.run(), [remove_network(Network::Data(OLD))]);
    scene.observed.records = true;
    assert_eq!(scene.run(), [Step::DeleteRecords]);
    // A report that began earlier may still make one.
    assert_eq!(scene.during([report.clone()]).run(), [report]);
}

#[test]
fn a_teardown_removes_the_data_of_all_generations() {
    let mut scene = Scene::swapped();
    scene.close();
    scene.observed.route = None;
    scene.observed.services.clear();
    // Only data is left of the third revision, and only a record of the fourth.
    let [third, fourth] = [Generation(3), Generation(4)];
    scene.observed.data.insert((third, db()));
    scene.assigned(SECOND, fourth, DataSource::Seeds);
    scene.generation(fourth).complete.insert(db());
    let steps = scene.run();
    for generation in [OLD, NEW, third, fourth] {
        assert!(steps.contains(&remove_database(generation)), "{steps:?}");
    }
    let is_network = |step: &Step| matches!(step, Step::RemoveNetwork { .. });
    assert!(!steps.iter().any(is_network), "{steps:?}");
    scene.observed.images.clear();
    for generation in [OLD, NEW, fourth] {
        scene.unmake(generation);
    }
    assert_eq!(scene.run(), [remove_database(third)]);
    scene.observed.data.clear();
    assert!(scene.run().iter().all(is_network), "{:?}", scene.run());
}

#[test]
fn a_teardown_waits_for_a_server_that_is_being_stopped() {
    let mut scene = Scene::swapped();
    scene.close();
    scene.observed.route = None;
    scene.observed.services.clear();
    let steps = scene.during([stop_database(OLD)]).run();
    assert!(!steps.contains(&remove_database(OLD)), "{steps:?}");
    assert!(steps.contains(&remove_database(NEW)), "{steps:?}");
}

#[test]
fn data_of_what_was_replaced_stay_until_it_is_written_down_that_one_can_go_back() {
    let mut scene = Scene::swapped();
    scene.facts(FIRST).outcome = None;
    let steps = scene.run();
    assert!(steps.contains(&Step::Retire { revision: FIRST }));
    assert!(!steps.contains(&remove_database(OLD)), "{steps:?}");
}

#[test]
fn what_an_image_keeps_beside_data_that_are_kept_stays() {
    let mut scene = Scene::swapped();
    scene.observed.databases.remove(&(OLD, db()));
    scene.observed.networks.remove(&Network::Data(OLD));
    let left = stray(StrayKind::Volume, None, Some((OLD, db())));
    scene.observed.strays.insert(left);
    assert_eq!(scene.run(), []);
}

#[test]
fn a_plan_does_not_remove_what_a_server_that_it_stops_may_use() {
    let mut scene = Scene::swapped();
    scene.observed.undo_is_over = true;
    let left = stray(StrayKind::Volume, None, Some((OLD, db())));
    scene.observed.strays.insert(left.clone());
    assert_eq!(scene.run(), [remove_database(OLD)]);
}
