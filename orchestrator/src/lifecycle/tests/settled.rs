//! Previews without steps: settled, waiting, or never read.

use super::*;

#[test]
fn a_settled_preview_has_nothing_to_do() {
    let mut scene = Scene::live();
    assert_eq!(scene.plan(), Plan::default());
    scene.desired.confirmed = None;
    scene.desired.origin = Origin::Local;
    assert_eq!(scene.plan(), Plan::default());
}

#[test]
fn what_the_forge_was_not_told_is_the_only_thing_left_to_do() {
    let mut scene = Scene::live();
    let key = "as it is now".to_owned();
    scene.observed.report = Some(key.clone());
    scene.observed.reported = Some("as it was before".to_owned());
    let plan = decide(&scene.desired, &scene.observed, &scene.in_flight, NOW_MS);
    assert_eq!(plan.run, [Step::Report { key }]);
    assert_eq!(plan.wake_at_ms, None);
}

#[test]
fn a_preview_without_a_place_begins_nothing_and_looks_again() {
    let mut scene = Scene::open('a');
    scene.observed.admission = Admission::Waiting { before: 3 };
    let plan = scene.plan();
    assert_eq!(plan.run, []);
    let wake = plan.wake_at_ms.unwrap();
    assert!(wake > NOW_MS && wake <= NOW_MS + 60_000, "{wake}");
    scene.observed.admission = Admission::Granted;
    let begin = Step::BeginRevision {
        number: FIRST,
        commit: head('a').commit,
        request: 0,
    };
    assert_eq!(scene.run(), [begin]);
}

#[test]
fn a_preview_that_was_never_read_is_read_and_left_alone() {
    let mut scene = Scene::live();
    let stranger = stray(StrayKind::Container, Some(THIRD), None);
    scene.observed.strays.insert(stranger);
    scene.observed.records = true;
    scene.desired.wanted = Wanted::Unread;
    scene.desired.refresh_applied = 0;
    assert_eq!(scene.run(), [reading(None)]);
}

#[test]
fn while_the_forge_cannot_be_read_no_revision_begins_and_nothing_is_removed() {
    let mut scene = Scene::live();
    scene.desired.wanted = Wanted::Serve(head('b'));
    scene.desired.refresh_applied = 0;
    let later = backoff(NOW_MS + 5_000);
    let key = reading(None).backoff_key();
    scene.observed.backoffs.insert(key.clone(), later);
    let plan = scene.plan();
    assert_eq!(plan.run, []);
    assert_eq!(plan.wake_at_ms, Some(NOW_MS + 5_000));

    // A retry that is due is not an answer yet.
    scene.observed.backoffs.insert(key, backoff(NOW_MS));
    let read = reading(Some(FIRST)).backoff_key();
    let keys: Vec<_> = scene.run().iter().map(Step::backoff_key).collect();
    assert_eq!(keys, [read]);

    scene.observed.backoffs.clear();
    scene.desired.refresh_applied = 1;
    let begins = |step: &Step| matches!(step, Step::BeginRevision { number: SECOND, .. });
    assert!(scene.run().iter().any(begins));
}
