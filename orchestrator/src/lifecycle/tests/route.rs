//! The route, and the revisions that may serve visitors.

use super::*;

#[test]
fn the_head_is_compared_again_before_visitors_are_led_to_it() {
    let mut scene = Scene::updating();
    scene.up(SECOND);
    for unconfirmed in [None, Some(FIRST)] {
        scene.desired.confirmed = unconfirmed;
        assert_eq!(scene.run(), [reading(Some(SECOND))]);
        // Nor while the answer is still outstanding.
        let asking = scene.during([reading(Some(SECOND))]);
        assert_eq!(asking.run(), [reading(Some(SECOND))]);
    }
    scene.desired.confirmed = Some(SECOND);
    assert_eq!(scene.run(), [route(SECOND)]);
    scene.desired.confirmed = None;
    scene.desired.origin = Origin::Local;
    assert_eq!(scene.run(), [route(SECOND)]);
}

#[test]
fn a_change_of_the_route_waits_for_the_one_under_way() {
    let mut scene = Scene::updating();
    scene.up(SECOND);
    scene.desired.confirmed = Some(SECOND);
    assert_eq!(scene.run(), [route(SECOND)]);
    for other in [route(FIRST), Step::Unroute] {
        let changes = scene.during([other]).run();
        assert!(!changes.iter().any(is_route_change), "{changes:?}");
    }
    assert_eq!(scene.during([route(SECOND)]).run(), [route(SECOND)]);
}

#[test]
fn a_plan_changes_the_route_once() {
    let mut scene = Scene::updating();
    scene.runs_at(FIRST, elsewhere(FIRST));
    let first = scene.run();
    assert!(first.contains(&route(FIRST)), "{first:?}");
    scene.up(SECOND);
    scene.desired.confirmed = Some(SECOND);
    let mut changes = scene.run();
    changes.retain(is_route_change);
    assert_eq!(changes, [route(SECOND)]);
}

#[test]
fn the_route_is_taken_away_after_the_change_under_way() {
    let mut scene = Scene::closing();
    assert_eq!(scene.run(), [Step::Unroute]);
    assert_eq!(scene.during([route(SECOND)]).run(), []);
    scene.observed.route = None;
    assert_eq!(scene.during([route(FIRST)]).run(), []);
}

#[test]
fn what_a_change_of_the_route_under_way_leads_to_stays() {
    let mut scene = Scene::updating();
    scene.up(SECOND);
    scene.serves(SECOND);
    let retire = Step::Retire { revision: FIRST };
    let drain = Step::Drain { revision: FIRST };
    assert_eq!(scene.run(), [retire]);
    assert_eq!(scene.during([route(FIRST)]).run(), []);

    scene.facts(FIRST).outcome = Some(Outcome::Retired);
    assert_eq!(scene.run(), [drain]);
    assert_eq!(scene.during([route(FIRST)]).run(), []);

    scene.observed.drained.insert(FIRST);
    assert_eq!(scene.run(), [remove_service(FIRST)]);
    assert_eq!(scene.during([route(FIRST)]).run(), []);

    scene.observed.services.remove(&(FIRST, web()));
    assert_ne!(scene.run(), []);
    assert_eq!(scene.during([route(FIRST)]).run(), []);
}

#[test]
fn a_teardown_leaves_what_a_change_of_the_route_under_way_leads_to() {
    let mut scene = Scene::closing();
    scene.observed.route = None;
    assert_eq!(scene.run(), [remove_service(FIRST)]);
    assert_eq!(scene.during([route(FIRST)]).run(), []);
}

#[test]
fn a_revision_that_visitors_may_meet_is_neither_drained_nor_removed() {
    let mut scene = Scene::updating();
    scene.up(SECOND);
    scene.push(THIRD, 'c');
    scene.observed.drained.insert(SECOND);
    let of_second = |scene: &Scene| {
        let mut steps = scene.run();
        steps.retain(|step| step.revision() == Some(SECOND) && *step != route(SECOND));
        steps
    };
    for outcome in [None, Some(Outcome::Superseded), Some(Outcome::Retired)] {
        scene.facts(SECOND).outcome = outcome.clone();
        scene.observed.in_doubt.clear();
        assert_ne!(of_second(&scene), [], "{outcome:?}");
        scene.observed.in_doubt.insert(SECOND);
        assert_eq!(of_second(&scene), [], "{outcome:?}");
    }
}

#[test]
fn a_doubt_about_the_route_is_ended_by_changing_it_again() {
    for doubted in [FIRST, SECOND] {
        let mut scene = Scene::live();
        scene.observed.in_doubt.insert(doubted);
        assert_eq!(scene.run(), [route(FIRST)]);
        scene.close();
        scene.observed.route = None;
        assert_eq!(scene.run(), [Step::Unroute]);
    }
}

#[test]
fn what_was_started_again_at_the_same_address_is_seen_ready_once_more() {
    let mut scene = Scene::live();
    scene.observed.ready.clear();
    assert_eq!(scene.run(), [probe(FIRST)]);
    // Nor is the route changed for it before that.
    scene.observed.in_doubt.insert(FIRST);
    assert_eq!(scene.run(), [probe(FIRST)]);
}
