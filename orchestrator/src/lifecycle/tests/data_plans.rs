//! The data that a revision gets, in cases that are easy to get wrong.

use super::*;

/// A preview with a request for fresh databases; the second revision gets them.
fn resetting() -> Scene {
    let mut scene = Scene::live();
    scene.desired.request = 1;
    scene.desired.reset = Some(Reset {
        request: 1,
        only: None,
    });
    scene.revision(SECOND, 'a', Asks::ServiceAndDatabase);
    scene
}

#[test]
fn a_push_after_a_reset_does_not_reset_again() {
    let mut scene = resetting();
    scene.assigned(SECOND, NEW, DataSource::Seeds);
    scene.up(SECOND);
    scene.serves(SECOND);
    scene.retired(FIRST);
    scene.desired.wanted = Wanted::Serve(head('b'));
    scene.revision(THIRD, 'b', Asks::ServiceAndDatabase);
    scene.built(THIRD);
    let mut assigns = scene.run();
    assigns.retain(is_assign);
    assert_eq!(assigns, [assign_as_is(THIRD, NEW)]);
}

#[test]
fn a_push_after_a_reset_that_failed_keeps_the_data() {
    let mut scene = resetting();
    scene.facts(SECOND).request = 1;
    scene.facts(SECOND).outcome = failed();
    scene.desired.wanted = Wanted::Serve(head('b'));
    scene.revision(THIRD, 'b', Asks::ServiceAndDatabase);
    scene.facts(THIRD).request = 1;
    scene.built(THIRD);
    let mut assigns = scene.run();
    assigns.retain(is_assign);
    assert_eq!(assigns, [assign_as_is(THIRD, OLD)]);
    // A request that was only superseded is still open.
    scene.facts(SECOND).outcome = Some(Outcome::Superseded);
    let mut assigns = scene.run();
    assigns.retain(is_assign);
    assert_eq!(assigns, [assign(THIRD, NEW, DataSource::Seeds, [db()])]);
}

#[test]
fn what_served_last_is_brought_back_where_its_route_was_lost() {
    let mut scene = Scene::live();
    scene.desired.wanted = Wanted::Serve(head('b'));
    scene.revision(SECOND, 'b', Asks::ServiceAndDatabase);
    scene.facts(SECOND).outcome = failed();
    scene.observed.route = None;
    let steps = scene.run();
    assert!(
        !steps.contains(&Step::Retire { revision: FIRST }),
        "{steps:?}"
    );
    assert!(
        steps
            .iter()
            .any(|step| *step == Step::Route { revision: FIRST }
                || *step == Step::Probe { revision: FIRST }),
        "{steps:?}"
    );
}

#[test]
fn two_revisions_are_not_given_one_new_generation() {
    let mut scene = Scene::unassigned();
    scene.asked(SECOND)[0].migrations = Some("0002".to_owned());
    let second = assign(SECOND, NEW, DataSource::Generation(OLD), []);
    assert_eq!(scene.run(), std::slice::from_ref(&second));
    scene.facts(SECOND).outcome = Some(Outcome::Superseded);
    scene.desired.wanted = Wanted::Serve(head('c'));
    scene.revision(THIRD, 'c', Asks::ServiceAndDatabase);
    scene.asked(THIRD)[0].on_push = OnPush::Reset;
    scene.built(THIRD);
    let steps = scene.during([second]).run();
    assert!(!steps.iter().any(is_assign), "{steps:?}");
}

#[test]
fn another_digest_of_the_same_major_version_runs_on_a_copy_of_the_data() {
    let mut scene = Scene::unassigned();
    scene.asked(FIRST)[0].image = "postgres:15@sha256:aa".to_owned();
    scene.asked(SECOND)[0].image = "postgres:15@sha256:bb".to_owned();
    assert_eq!(
        scene.run(),
        [assign(SECOND, NEW, DataSource::Generation(OLD), [])]
    );
}

#[test]
fn a_fork_with_a_database_more_makes_it() {
    let mut scene = Scene::updating();
    scene.desired.origin = Origin::Fork;
    scene.generation(OLD).from = elsewhere_data();
    scene.asks_for_cache(SECOND);
    scene.generation(OLD).reseed.insert(cache());
    assert_eq!(scene.run(), [create(SECOND, OLD, cache())]);
}

#[test]
fn a_database_that_is_new_to_a_generation_comes_from_its_seed() {
    let mut scene = Scene::swapped();
    scene.observed.databases.remove(&(OLD, db()));
    scene.observed.networks.remove(&Network::Data(OLD));
    scene.asks_for_cache(FIRST);
    scene.generation(OLD).complete.insert(cache());
    scene.observed.data.insert((OLD, cache()));
    scene.push(THIRD, 'c');
    scene.asks_for_cache(THIRD);
    scene.facts(THIRD).generation = None;
    let joined = assign(THIRD, NEW, DataSource::Generation(NEW), [cache()]);
    assert!(scene.run().contains(&joined), "{:?}", scene.run());
    scene.facts(THIRD).generation = Some(NEW);
    scene.generation(NEW).reseed.insert(cache());
    let steps = scene.run();
    assert!(steps.contains(&create(THIRD, NEW, cache())), "{steps:?}");
}
