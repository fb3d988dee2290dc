//! What `decide` protects: what must be named, and above all what must not be named yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use deploy::{
    blueprint::{Blueprint, Command, Database, Health, ImageSource, Migrate, Service},
    engine::{Activity, Room, Stray, StrayKind},
    names::{CommitSha, DatabaseName, ImageId, PreviewId, RevisionNumber, ServiceName},
};

use super::*;

const NOW_MS: u64 = 1_000_000;
const FIRST: RevisionNumber = RevisionNumber(1);
const SECOND: RevisionNumber = RevisionNumber(2);
const THIRD: RevisionNumber = RevisionNumber(3);

/// One preview, put together by a test: a service `web`, and a database `db` with a migration
/// where the commit asks for one.
#[derive(Clone)]
struct Scene {
    desired: Desired,
    observed: Observed,
    in_flight: BTreeSet<Step>,
}

/// What the commit of a revision asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Service,
    ServiceAndDatabase,
}

impl Scene {
    /// An open pull request with this head, of which nothing is there yet.
    fn open(commit: char) -> Self {
        let mut desired = Desired::new(Origin::PullRequest);
        desired.looks_applied = desired.looks_raised;
        desired.wanted = Wanted::Serve(head(commit));
        Self {
            desired,
            observed: Observed::nothing(),
            in_flight: BTreeSet::new(),
        }
    }

    /// Its first revision serves, and nothing is left to do.
    fn live() -> Self {
        let mut scene = Self::open('a');
        scene.revision(FIRST, 'a', Asks::ServiceAndDatabase);
        scene.up(FIRST);
        scene.serves(FIRST);
        scene
    }

    /// Its first revision serves, and a newer commit has everything but its services.
    fn updating() -> Self {
        let mut scene = Self::live();
        scene.push(SECOND, 'b');
        scene
    }

    /// Its first revision serves, and nothing should be left.
    fn closing() -> Self {
        let mut scene = Self::live();
        scene.close();
        scene
    }

    fn close(&mut self) {
        self.desired.wanted = Wanted::Nothing(Ending::Closed);
        self.desired.clearing = true;
    }

    /// A newer head, whose revision was begun and built.
    fn push(&mut self, number: RevisionNumber, commit: char) {
        self.desired.wanted = Wanted::Serve(head(commit));
        self.revision(number, commit, Asks::ServiceAndDatabase);
        self.prepared(number);
    }

    /// A revision that was begun and whose commit was read.
    fn revision(&mut self, number: RevisionNumber, commit: char, asks: Asks) {
        self.observed.last_number = number.0;
        self.observed.revisions.push(RevisionFacts {
            number,
            life: self.desired.life,
            commit: head(commit).commit,
            request: self.desired.request,
            blueprint: Some(blueprint(asks)),
            images: BTreeMap::new(),
            fingerprints: BTreeMap::new(),
            migrated: BTreeSet::new(),
            attempts: BTreeMap::new(),
            healthy: false,
            outcome: None,
        });
    }

    /// Built, in its room, beside its database, which it has migrated.
    fn prepared(&mut self, number: RevisionNumber) {
        let id = image(number);
        self.observed.images.insert(id.clone(), number);
        self.observed.rooms.insert(Room::Revision(number));
        let facts = self.facts(number);
        facts.images.insert(web(), id);
        let asked = facts.blueprint.clone().map_or(vec![], |b| b.databases);
        for database in asked {
            self.facts(number).migrated.insert(database.name.clone());
            self.observed.rooms.insert(Room::Data);
            self.observed.born.insert(database.name.clone());
            let running = Activity::Running;
            self.observed.databases.insert(database.name, running);
        }
    }

    /// All of it runs and was seen ready.
    fn up(&mut self, number: RevisionNumber) {
        self.prepared(number);
        self.runs_at(number, address(number));
        self.facts(number).healthy = true;
    }

    /// Its service runs at this address and was seen ready there.
    fn runs_at(&mut self, number: RevisionNumber, at: SocketAddr) {
        self.service(number, Activity::Running, Some(at));
        let ready = BTreeMap::from([(web(), at)]);
        self.observed.ready.insert(number, ready);
    }

    fn service(&mut self, number: RevisionNumber, activity: Activity, address: Option<SocketAddr>) {
        let view = ServiceView { activity, address };
        self.observed.services.insert((number, web()), view);
    }

    fn ended(&mut self, number: RevisionNumber, exit_code: i64, out_of_memory: bool) {
        let activity = Activity::Exited {
            exit_code,
            out_of_memory,
        };
        self.service(number, activity, None);
    }

    fn serves(&mut self, number: RevisionNumber) {
        self.desired.confirmed = Some(number);
        self.observed.route = Some(Routed {
            revision: number,
            addresses: BTreeMap::from([(web(), address(number))]),
        });
    }

    fn facts(&mut self, number: RevisionNumber) -> &mut RevisionFacts {
        let mut all = self.observed.revisions.iter_mut();
        all.find(|revision| revision.number == number).unwrap()
    }

    /// The same preview while these steps are under way.
    fn during(&self, steps: impl IntoIterator<Item = Step>) -> Self {
        let mut scene = self.clone();
        scene.in_flight.extend(steps);
        scene
    }

    /// The plan, where the forge was told all there is to tell.
    fn plan(&self) -> Plan {
        let mut observed = self.observed.clone();
        observed.reported = Some(summary(&self.desired, &observed).key());
        decide(&self.desired, &observed, &self.in_flight, NOW_MS)
    }

    /// The steps of the plan.
    fn run(&self) -> Vec<Step> {
        self.plan().run
    }
}

fn head(digit: char) -> Head {
    let commit = CommitSha::parse(&digit.to_string().repeat(40)).unwrap();
    let text = || "x".to_owned();
    Head {
        commit,
        branch: text(),
        base: text(),
        author: text(),
        title: text(),
    }
}

fn web() -> ServiceName {
    ServiceName::parse("web").unwrap()
}

fn db() -> DatabaseName {
    DatabaseName::parse("db").unwrap()
}

fn image(number: RevisionNumber) -> ImageId {
    ImageId::parse(&format!("sha256:{:064x}", number.0)).unwrap()
}

fn address(number: RevisionNumber) -> SocketAddr {
    format!("10.0.0.{}:8080", number.0).parse().unwrap()
}

/// Where a service is reached after it was started again.
fn elsewhere(number: RevisionNumber) -> SocketAddr {
    format!("10.0.1.{}:8080", number.0).parse().unwrap()
}

fn blueprint(asks: Asks) -> Blueprint {
    let service = Service {
        name: web(),
        image: ImageSource::Build {
            context: String::new(),
            dockerfile: "Dockerfile".to_owned(),
            target: None,
            args: BTreeMap::new(),
            secrets: Vec::new(),
        },
        public: true,
        main: true,
        port: 8080,
        health: Health::Default,
        command: None,
        env: BTreeMap::new(),
        memory_bytes: 1 << 28,
        cpu_milli: 500,
    };
    let database = Database {
        name: db(),
        image: "postgres:15".to_owned(),
        seed: None,
        migrate: Some(Migrate {
            run: Command(vec!["migrate".to_owned()]),
            service: web(),
        }),
        url_variable: "DATABASE_URL".to_owned(),
    };
    let asked = asks == Asks::ServiceAndDatabase;
    Blueprint {
        origin: "dayfly.toml".to_owned(),
        services: vec![service],
        databases: asked.then_some(database).into_iter().collect(),
        notes: Vec::new(),
    }
}

fn stray(
    kind: StrayKind,
    revision: Option<RevisionNumber>,
    database: Option<DatabaseName>,
) -> Stray {
    Stray {
        preview: PreviewId::parse("shop-1").unwrap(),
        kind,
        id: "left".to_owned(),
        revision,
        database,
    }
}

fn setback(retry_at_ms: u64) -> Setback {
    Setback {
        count: 1,
        retry_at_ms,
        reason: "no answer".to_owned(),
    }
}

fn diagnosis() -> Diagnosis {
    let text = || "x".to_owned();
    Diagnosis {
        code: "DF302".to_owned(),
        sentence: text(),
        evidence: Vec::new(),
        action: text(),
    }
}

fn reading(confirms: Option<RevisionNumber>) -> Step {
    Step::ReadPullRequest { look: 1, confirms }
}

fn route(revision: RevisionNumber) -> Step {
    Step::Route { revision }
}

fn probe(revision: RevisionNumber) -> Step {
    Step::Probe { revision }
}

fn start(revision: RevisionNumber) -> Step {
    let service = web();
    Step::StartService { revision, service }
}

fn remove_service(revision: RevisionNumber) -> Step {
    let service = web();
    Step::RemoveService { revision, service }
}

fn create_database(revision: RevisionNumber) -> Step {
    let name = db();
    Step::CreateDatabase { name, revision }
}

fn migrate(revision: RevisionNumber) -> Step {
    let database = db();
    Step::Migrate { revision, database }
}

fn remove_stray(stray: &Stray) -> Step {
    let stray = stray.clone();
    Step::RemoveStray { stray }
}

fn remove_room(room: Room) -> Step {
    Step::RemoveRoom { room }
}

fn ensure_room(room: Room) -> Step {
    Step::EnsureRoom { room, members: 4 }
}

fn is_route_change(step: &Step) -> bool {
    step.changes_route()
}

/// Every step that makes something for the first revision.
fn creating() -> [Step; 6] {
    [
        ensure_room(Room::Revision(FIRST)),
        Step::Build {
            revision: FIRST,
            service: web(),
        },
        create_database(FIRST),
        Step::StartDatabase { name: db() },
        migrate(FIRST),
        start(FIRST),
    ]
}

// Settled, waiting, unread.

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
    let scene = Scene::live();
    let key = summary(&scene.desired, &scene.observed).key();
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
    scene.desired.looks_applied = 0;
    assert_eq!(scene.run(), [reading(None)]);
}

#[test]
fn while_the_forge_cannot_be_read_no_revision_begins_and_nothing_is_removed() {
    let mut scene = Scene::live();
    scene.desired.wanted = Wanted::Serve(head('b'));
    scene.desired.looks_applied = 0;
    let later = setback(NOW_MS + 5_000);
    let key = reading(None).backoff_key();
    scene.observed.setbacks.insert(key.clone(), later);
    let plan = scene.plan();
    assert_eq!(plan.run, []);
    assert_eq!(plan.wake_at_ms, Some(NOW_MS + 5_000));

    // A try that is due is not yet an answer.
    scene.observed.setbacks.insert(key, setback(NOW_MS));
    let read = reading(Some(FIRST)).backoff_key();
    let keys: Vec<_> = scene.run().iter().map(Step::backoff_key).collect();
    assert_eq!(keys, [read]);

    scene.observed.setbacks.clear();
    scene.desired.looks_applied = 1;
    let begins = |step: &Step| matches!(step, Step::BeginRevision { number: SECOND, .. });
    assert!(scene.run().iter().any(begins));
}

// The route.

#[test]
fn the_head_is_compared_again_before_visitors_are_led_to_it() {
    let mut scene = Scene::updating();
    scene.up(SECOND);
    for unconfirmed in [None, Some(FIRST)] {
        scene.desired.confirmed = unconfirmed;
        assert_eq!(scene.run(), [reading(Some(SECOND))]);
        // Nor while the answer is on its way.
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

// Services.

#[test]
fn what_is_being_taken_away_is_neither_brought_up_nor_routed() {
    let removals = [remove_service(FIRST), remove_room(Room::Revision(FIRST))];
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
        let stopped = Activity::Exited {
            exit_code: 1,
            out_of_memory: false,
        };
        newer.observed.databases.insert(db(), stopped);
        newer.ended(FIRST, 1, false);
        let steps = newer.run();
        let database = Step::StartDatabase { name: db() };
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
        // A start that is under way may be the answer to it.
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
    unmade.observed.born.clear();
    unmade.observed.databases.clear();
    let mut unmigrated = Scene::updating();
    unmigrated.facts(SECOND).migrated.clear();
    let unstarted = Scene::updating();
    let mut unproven = Scene::updating();
    unproven.desired.confirmed = Some(SECOND);
    unproven.service(SECOND, Activity::Running, Some(address(SECOND)));
    for (mut scene, attempt, what) in [
        (unread, Attempt::Source, "source"),
        (unbuilt, Attempt::Build(web()), "build"),
        (unmade, Attempt::Database(db()), "database"),
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

// Databases.

#[test]
fn a_database_is_not_made_while_its_leftovers_are_removed() {
    let mut scene = Scene::open('a');
    scene.revision(FIRST, 'a', Asks::ServiceAndDatabase);
    scene.prepared(FIRST);
    scene.observed.born.clear();
    scene.observed.databases.clear();
    let left = stray(StrayKind::Volume, None, Some(db()));
    scene.observed.strays.insert(left.clone());
    // Making it anew takes the directory away.
    assert_eq!(scene.run(), [create_database(FIRST)]);
    for removal in [remove_stray(&left), Step::RemoveDatabase { name: db() }] {
        assert_eq!(scene.during([removal]).run(), []);
    }
}

#[test]
fn the_leftovers_of_a_database_are_not_removed_while_it_is_made() {
    let mut scene = Scene::live();
    scene.facts(FIRST).blueprint = Some(blueprint(Asks::Service));
    scene.observed.born.clear();
    scene.observed.databases.clear();
    let left = stray(StrayKind::Volume, None, Some(db()));
    let mut directory = scene.clone();
    directory.observed.strays.insert(left.clone());
    let mut container = scene;
    container.observed.databases.insert(db(), Activity::Running);
    for (mut scene, removal) in [
        (directory, remove_stray(&left)),
        (container, Step::RemoveDatabase { name: db() }),
    ] {
        let making = [create_database(SECOND)];
        assert_eq!(scene.run(), std::slice::from_ref(&removal));
        assert_eq!(scene.during(making.clone()).run(), []);
        scene.close();
        scene.observed.route = None;
        scene.observed.services.clear();
        assert!(scene.run().contains(&removal));
        assert_eq!(scene.during(making).run(), []);
    }
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
    // The container of the run that is under way is no leftover.
    let own = stray(StrayKind::Container, Some(SECOND), None);
    scene.observed.strays.insert(own);
    assert_eq!(scene.during([migrate(SECOND)]).run(), [migrate(SECOND)]);
}

// Taking away.

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
fn a_half_made_database_goes_when_nobody_asks_for_it() {
    let mut scene = Scene::live();
    scene.observed.born.clear();
    assert_eq!(scene.run(), [create_database(FIRST)]);
    scene.facts(FIRST).blueprint = Some(blueprint(Asks::Service));
    assert_eq!(scene.run(), [Step::RemoveDatabase { name: db() }]);
    // What is complete belongs to the preview, asked for or not.
    scene.observed.born.insert(db());
    assert_eq!(scene.run(), []);
}

#[test]
fn the_data_room_goes_when_nobody_uses_it() {
    let mut scene = Scene::live();
    scene.observed.born.clear();
    scene.observed.databases.clear();
    scene.facts(FIRST).blueprint = Some(blueprint(Asks::Service));
    assert_eq!(scene.run(), [remove_room(Room::Data)]);
    for step in creating() {
        assert_eq!(scene.during([step.clone()]).run(), [], "{step:?}");
    }
    scene.facts(FIRST).blueprint = Some(blueprint(Asks::ServiceAndDatabase));
    assert_eq!(scene.run(), [create_database(FIRST)]);
}

#[test]
fn a_teardown_waits_for_what_is_still_being_made() {
    let mut scene = Scene::closing();
    scene.observed.route = None;
    assert_eq!(scene.run(), [remove_service(FIRST)]);
    for step in creating() {
        assert_eq!(scene.during([step.clone()]).run(), [], "{step:?}");
    }
    scene.observed.services.clear();
    assert_ne!(scene.run(), []);
    for step in creating() {
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
    let room = remove_room(Room::Revision(FIRST));
    assert_eq!(scene.run(), [room]);
    let of_first = |step: &Step| *step != Step::StartDatabase { name: db() };
    for step in creating().into_iter().filter(of_first) {
        assert_eq!(scene.during([step.clone()]).run(), [], "{step:?}");
    }
}

#[test]
fn a_failed_revision_goes_while_the_older_one_serves_on() {
    let mut scene = Scene::updating();
    scene.facts(SECOND).outcome = Some(Outcome::Failed(diagnosis()));
    let image = Step::RemoveImage {
        image: image(SECOND),
    };
    let room = remove_room(Room::Revision(SECOND));
    assert_eq!(scene.run(), [room, image]);
}

#[test]
fn the_image_before_stays_for_a_revert_and_older_ones_go() {
    let third = RevisionNumber(3);
    let mut scene = Scene::updating();
    scene.up(SECOND);
    scene.push(third, 'c');
    scene.up(third);
    scene.serves(third);
    for number in [FIRST, SECOND] {
        scene.facts(number).outcome = Some(Outcome::Retired);
        scene.observed.services.remove(&(number, web()));
        scene.observed.rooms.remove(&Room::Revision(number));
    }
    let oldest = Step::RemoveImage {
        image: image(FIRST),
    };
    assert_eq!(scene.run(), std::slice::from_ref(&oldest));
    let mut full = scene.during([]);
    full.observed.disk_is_full = true;
    let newer = Step::RemoveImage {
        image: image(SECOND),
    };
    assert_eq!(full.run(), [oldest, newer], "on a full disk both go");
    // Nothing of the second has changed in the third, so the one before is the first.
    let mut unchanged = scene;
    unchanged.facts(third).images = BTreeMap::from([(web(), image(SECOND))]);
    unchanged.observed.images.remove(&image(third));
    assert_eq!(unchanged.run(), []);
    // A revision whose start is under way may still need its image.
    unchanged.observed.images.insert(image(third), third);
    unchanged.facts(FIRST).images = BTreeMap::from([(web(), image(third))]);
    unchanged.facts(FIRST).healthy = false;
    let unused = Step::RemoveImage {
        image: image(third),
    };
    assert_eq!(
        unchanged.run(),
        [
            Step::RemoveImage {
                image: image(FIRST)
            },
            unused
        ]
    );
    let starting = unchanged.during([start(FIRST)]).run();
    assert_eq!(
        starting,
        [Step::RemoveImage {
            image: image(FIRST)
        }]
    );
}

#[test]
fn no_image_goes_while_a_build_may_take_it_up_and_none_is_built_while_one_goes() {
    let build = Step::Build {
        revision: SECOND,
        service: web(),
    };
    let mut scene = Scene::updating();
    scene.facts(SECOND).images.clear();
    let unused = Step::RemoveImage {
        image: image(SECOND),
    };
    assert_eq!(scene.run(), std::slice::from_ref(&build));
    assert_eq!(scene.during([unused.clone()]).run(), [unused]);
    let during = scene.during([build.clone()]);
    assert_eq!(during.run(), std::slice::from_ref(&build));
    scene.prepared(SECOND);
    scene
        .observed
        .images
        .insert(image(RevisionNumber(9)), SECOND);
    let unused = Step::RemoveImage {
        image: image(RevisionNumber(9)),
    };
    assert!(scene.run().contains(&unused), "{:?}", scene.run());
    assert!(!scene.during([build]).run().contains(&unused));
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
    let blueprint = scene.facts(FIRST).blueprint.as_mut().unwrap();
    blueprint.services[1].image = ImageSource::Reference("other".to_owned());
    assert_eq!(scene.run(), [build(web()), build(api)]);
}

#[test]
fn a_preview_is_gone_after_two_looks_that_found_nothing() {
    let mut scene = Scene::open('a');
    scene.close();
    for seen in [0, 1] {
        scene.observed.empty_looks = seen;
        assert_eq!(scene.run(), [Step::LookAgain { seen }]);
    }
    scene.observed.empty_looks = 2;
    assert_eq!(scene.run(), [Step::ConfirmGone]);
    let report = Step::Report { key: String::new() };
    for step in creating().into_iter().chain([
        remove_service(FIRST),
        Step::RemoveDatabase { name: db() },
        remove_room(Room::Data),
        report.clone(),
    ]) {
        let steps = scene.during([step.clone()]).run();
        assert!(!steps.contains(&Step::ConfirmGone), "{step:?}");
    }
    let mut found = scene.clone();
    found.observed.rooms.insert(Room::Data);
    assert_eq!(found.run(), [remove_room(Room::Data)]);
    scene.observed.records = true;
    assert_eq!(scene.run(), [Step::DeleteRecords]);
    // A report that began earlier may still make one.
    assert_eq!(scene.during([report.clone()]).run(), [report]);
}
