//! Builds, starts, diagnoses and abandoned revisions.

use super::*;

#[test]
fn what_is_being_taken_away_is_neither_brought_up_nor_routed() {
    let removals = [
        remove_service(FIRST),
        remove_network(Network::Revision(FIRST)),
    ];
    let mut back = Scene::live();
    back.observed.route = None;
    assert_eq!(back.run(), [route(FIRST)]);
    for removal in &removals {
        assert_eq!(back.during([removal.clone()]).run(), []);
    }
    back.observed.services.clear();
    assert_eq!(back.run(), [start(FIRST)]);
    for removal in &removals {
        assert_eq!(back.during([removal.clone()]).run(), []);
    }

    let mut serving = Scene::updating();
    serving.observed.services.clear();
    assert_eq!(serving.run(), [start(SECOND), start(FIRST)]);
    for removal in &removals {
        assert_eq!(serving.during([removal.clone()]).run(), [start(SECOND)]);
    }
}

#[test]
fn what_serves_is_kept_running_while_a_newer_revision_comes_up() {
    let mut scene = Scene::live();
    scene.desired.wanted = Wanted::Serve(head('b'));
    scene.revision(SECOND, 'b', Asks::Service);
    let mut unread = scene.clone();
    unread.facts(SECOND).blueprint = None;
    for mut newer in [scene, unread] {
        let key = (OLD, db());
        newer.observed.databases.insert(key, exited(1, false));
        newer.ended(FIRST, 1, false);
        let steps = newer.run();
        let database = start_database(FIRST, OLD);
        assert!(steps.contains(&database), "{steps:?}");
        assert!(steps.contains(&start(FIRST)), "{steps:?}");
        newer.runs_at(FIRST, elsewhere(FIRST));
        assert!(newer.run().contains(&route(FIRST)));
    }
}

#[test]
fn a_service_ended_from_outside_is_started_again_and_one_that_ends_is_explained() {
    let mut scene = Scene::updating();
    let explain = Step::Explain {
        revision: SECOND,
        service: web(),
    };
    for exit_code in [137, 143] {
        scene.ended(SECOND, exit_code, false);
        assert_eq!(scene.run(), [start(SECOND)], "{exit_code}");
    }
    for (exit_code, out_of_memory) in [(0, false), (1, false), (139, false), (137, true)] {
        scene.ended(SECOND, exit_code, out_of_memory);
        assert_eq!(scene.run(), std::slice::from_ref(&explain), "{exit_code}");
        // A start under way may already fix it.
        let starting = scene.during([start(SECOND)]);
        assert_eq!(starting.run(), [start(SECOND)]);
    }
    scene.facts(SECOND).healthy = true;
    assert_eq!(scene.run(), [start(SECOND)], "it was seen healthy before");
}

#[test]
fn a_revision_is_given_up_after_its_attempts_unless_it_is_healthy() {
    let mut unread = Scene::updating();
    unread.facts(SECOND).blueprint = None;
    let mut unbuilt = Scene::updating();
    unbuilt.facts(SECOND).images.clear();
    unbuilt.observed.images.remove(&image(SECOND));
    let mut unmade = Scene::updating();
    unmade.unmake(OLD);
    let uncopied = Scene::copying();
    let mut stopped = Scene::copying();
    stopped.prepared(SECOND);
    stopped.observed.databases.remove(&(NEW, db()));
    let mut unmigrated = Scene::updating();
    unmigrated.facts(SECOND).migrated.clear();
    let unstarted = Scene::updating();
    let mut unproven = Scene::updating();
    unproven.desired.confirmed = Some(SECOND);
    unproven.service(SECOND, ContainerState::Running, Some(address(SECOND)));
    for (mut scene, attempt, what) in [
        (unread, Attempt::Source, "source"),
        (unbuilt, Attempt::Build(web()), "build"),
        (unmade, Attempt::Database(db()), "database"),
        (uncopied, Attempt::Fork, "fork"),
        (stopped, Attempt::StartDatabase(db()), "start-database"),
        (unmigrated, Attempt::Migrate(db()), "migrate"),
        (unstarted, Attempt::Start(web()), "start"),
        (unproven, Attempt::Probe, "healthy"),
    ] {
        let mut begun = |count| scene.facts(SECOND).attempts.insert(attempt.clone(), count);
        begun(ATTEMPTS_MAX - 1);
        let words: Vec<_> = scene.run().iter().map(Step::word).collect();
        assert_eq!(words, [what]);
        let trying = scene.run();
        scene.facts(SECOND).attempts.insert(attempt, ATTEMPTS_MAX);
        let give_up = Step::GiveUp {
            revision: SECOND,
            what: what.to_owned(),
        };
        assert_eq!(scene.run(), [give_up]);
        assert_eq!(scene.during(trying.clone()).run(), trying, "the last try");
        scene.facts(SECOND).healthy = true;
        assert_eq!(scene.run(), [], "{what}");
    }
}

#[test]
fn no_image_goes_while_a_build_may_take_it_up_and_none_is_built_while_one_goes() {
    let build = build(SECOND);
    let mut scene = Scene::updating();
    scene.facts(SECOND).images.clear();
    let unused = remove_image(image(SECOND));
    assert_eq!(scene.run(), std::slice::from_ref(&build));
    assert_eq!(scene.during([unused.clone()]).run(), [unused]);
    let during = scene.during([build.clone()]);
    assert_eq!(during.run(), std::slice::from_ref(&build));
    scene.prepared(SECOND);
    let old = image(RevisionNumber(9));
    scene.observed.images.insert(old.clone(), SECOND);
    let unused = remove_image(old);
    assert!(scene.run().contains(&unused), "{:?}", scene.run());
    // The beginning revision may take over the images of the revision that an undo goes back to.
    let begins = Step::BeginRevision {
        number: THIRD,
        commit: head('c').commit,
        request: 0,
    };
    for step in [build, begins] {
        assert!(!scene.during([step]).run().contains(&unused));
    }
}

#[test]
fn services_that_are_made_of_the_same_are_built_once() {
    let mut scene = Scene::open('a');
    scene.revision(FIRST, 'a', Asks::Service);
    scene.prepared(FIRST);
    let api = ServiceName::parse("api").unwrap();
    let facts = scene.facts(FIRST);
    facts.images.clear();
    let blueprint = facts.blueprint.as_mut().unwrap();
    let mut second = blueprint.services[0].clone();
    second.name = api.clone();
    blueprint.services.push(second);
    let build = |service: ServiceName| Step::Build {
        revision: FIRST,
        service,
    };
    assert_eq!(scene.run(), [build(web())]);
    let made_of_the_same = scene.facts(FIRST).made_of_the_same(&web());
    assert_eq!(made_of_the_same, [web(), api.clone()]);
    let blueprint = scene.facts(FIRST).blueprint.as_mut().unwrap();
    blueprint.services[1].image = ImageSource::Reference("other".to_owned());
    assert_eq!(scene.facts(FIRST).made_of_the_same(&web()), [web()]);
    assert_eq!(scene.run(), [build(web()), build(api)]);
}
