//! Tests which steps `decide` must plan, and above all which ones it must not plan yet.
//!
//! This file has the [`Scene`] that every test builds. The tests are in one file per topic. `steps`
//! and `values` have the steps and values that the tests use.

mod data_plans;
mod databases;
mod generations;
mod retiring;
mod route;
mod services;
mod settled;
mod steps;
mod undo;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use deploy::{
    blueprint::{Command, Database, DatabaseKind, ImageSource, OnPush, SeedSource},
    databases::DataSet,
    engine::{ContainerState, Network, StrayKind},
    names::{CommitSha, DatabaseName, Generation, ImageId, PreviewId, RevisionNumber, ServiceName},
};
use steps::*;
use values::*;

use super::*;

const NOW_MS: u64 = 1_000_000;
const FIRST: RevisionNumber = RevisionNumber(1);
const SECOND: RevisionNumber = RevisionNumber(2);
const THIRD: RevisionNumber = RevisionNumber(3);
const OLD: Generation = Generation(1);
const NEW: Generation = Generation(2);

/// One preview, built by a test: a service `web`, and a database `db` with a migration
/// where the commit asks for one.
#[derive(Clone)]
struct Scene {
    desired: Desired,
    observed: Observed,
    in_flight: BTreeSet<Step>,
}

/// The blueprint of a revision's commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Service,
    ServiceAndDatabase,
}

impl Scene {
    /// An open pull request with this head, without any objects yet.
    fn open(commit: char) -> Self {
        let mut desired = Desired::new(Origin::PullRequest);
        desired.refresh_applied = desired.refresh_requested;
        desired.wanted = Wanted::Serve(head(commit));
        Self {
            desired,
            observed: Observed::nothing(),
            in_flight: BTreeSet::new(),
        }
    }

    /// Its first revision serves, and no steps are left.
    fn live() -> Self {
        let mut scene = Self::open('a');
        scene.revision(FIRST, 'a', Asks::ServiceAndDatabase);
        scene.up(FIRST);
        scene.serves(FIRST);
        scene
    }

    /// Its first revision serves, and a newer commit has everything but its services. Both run on
    /// the same data.
    fn updating() -> Self {
        let mut scene = Self::live();
        scene.push(SECOND, 'b');
        scene
    }

    /// Its first revision serves, and a newer commit is built and assigned to no data yet.
    fn unassigned() -> Self {
        let mut scene = Self::live();
        scene.desired.wanted = Wanted::Serve(head('b'));
        scene.revision(SECOND, 'b', Asks::ServiceAndDatabase);
        scene.built(SECOND);
        scene
    }

    /// The same, assigned to its own generation, whose data is not copied yet.
    fn copying() -> Self {
        let mut scene = Self::unassigned();
        scene.assigned(SECOND, NEW, DataSource::Generation(OLD));
        scene
    }

    /// A newer commit with its own data serves. Only data is left of the replaced revision.
    fn swapped() -> Self {
        let mut scene = Self::copying();
        scene.up(SECOND);
        scene.serves(SECOND);
        scene.retired(FIRST);
        scene
    }

    /// Its first revision serves, and the preview should be removed.
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
            generation: None,
            migrated: BTreeSet::new(),
            attempts: BTreeMap::new(),
            healthy: false,
            served: false,
            outcome: None,
        });
    }

    /// Built, in its network.
    fn built(&mut self, number: RevisionNumber) {
        let id = image(number);
        self.observed.images.insert(id.clone(), number);
        self.observed.networks.insert(Network::Revision(number));
        self.facts(number).images.insert(web(), id);
    }

    /// It is to run on this generation, which has its network.
    fn assigned(&mut self, number: RevisionNumber, generation: Generation, from: DataSource) {
        self.facts(number).generation = Some(generation);
        let observed = &mut self.observed;
        observed.last_generation = observed.last_generation.max(generation.0);
        observed.networks.insert(Network::Data(generation));
        let facts = GenerationFacts {
            from,
            reseed: BTreeSet::new(),
            complete: BTreeSet::new(),
            answering: [db(), cache()].into(),
        };
        observed.generations.entry(generation).or_insert(facts);
    }

    /// Built, in its network, beside its databases, which it has migrated. Runs on the first generation
    /// unless it is assigned to another one.
    fn prepared(&mut self, number: RevisionNumber) {
        self.built(number);
        let asked = self.facts(number).blueprint.clone();
        let names = asked.iter().flat_map(|b| &b.databases).map(|d| &d.name);
        for name in names {
            let generation = self.facts(number).generation.unwrap_or(OLD);
            self.assigned(number, generation, DataSource::Seeds);
            self.facts(number).migrated.insert(name.clone());
            self.database(generation, name);
        }
    }

    /// A database that is complete and runs.
    fn database(&mut self, generation: Generation, name: &DatabaseName) {
        let key = (generation, name.clone());
        self.generation(generation).complete.insert(name.clone());
        self.observed.data.insert(key.clone());
        self.observed.databases.insert(key, ContainerState::Running);
    }

    /// As if the databases of a generation had never been created.
    fn unmake(&mut self, generation: Generation) {
        self.generation(generation).complete.clear();
        let of = |key: &(Generation, DatabaseName)| key.0 == generation;
        self.observed.data.retain(|key| !of(key));
        self.observed.databases.retain(|key, _| !of(key));
    }

    /// All of it runs and was seen ready.
    fn up(&mut self, number: RevisionNumber) {
        self.prepared(number);
        self.runs_at(number, address(number));
        self.facts(number).healthy = true;
    }

    /// Its service runs at this address and was seen ready there.
    fn runs_at(&mut self, number: RevisionNumber, at: SocketAddr) {
        self.service(number, ContainerState::Running, Some(at));
        let ready = BTreeMap::from([(web(), at)]);
        self.observed.ready.insert(number, ready);
    }

    fn service(
        &mut self,
        number: RevisionNumber,
        state: ContainerState,
        address: Option<SocketAddr>,
    ) {
        let view = ServiceView { state, address };
        self.observed.services.insert((number, web()), view);
    }

    fn ended(&mut self, number: RevisionNumber, exit_code: i64, out_of_memory: bool) {
        let state = exited(exit_code, out_of_memory);
        self.service(number, state, None);
    }

    fn serves(&mut self, number: RevisionNumber) {
        self.facts(number).served = true;
        self.desired.confirmed = Some(number);
        self.observed.route = Some(Routed {
            revision: number,
            addresses: BTreeMap::from([(web(), address(number))]),
        });
    }

    /// It served and was replaced; its service and its network are gone.
    fn retired(&mut self, number: RevisionNumber) {
        self.facts(number).outcome = Some(Outcome::Retired);
        self.observed.services.remove(&(number, web()));
        self.observed.networks.remove(&Network::Revision(number));
    }

    /// The head went back to the first commit before this one served; only its data is left.
    fn overtaken(&mut self, number: RevisionNumber) {
        self.desired.wanted = Wanted::Serve(head('a'));
        self.retired(number);
        let facts = self.facts(number);
        facts.outcome = Some(Outcome::Superseded);
        facts.images.clear();
        self.observed.images.remove(&image(number));
    }

    fn facts(&mut self, number: RevisionNumber) -> &mut RevisionFacts {
        let mut all = self.observed.revisions.iter_mut();
        all.find(|revision| revision.number == number).unwrap()
    }

    fn generation(&mut self, generation: Generation) -> &mut GenerationFacts {
        self.observed.generations.get_mut(&generation).unwrap()
    }

    /// The databases that the commit of a revision asks for.
    fn asked(&mut self, number: RevisionNumber) -> &mut Vec<Database> {
        &mut self.facts(number).blueprint.as_mut().unwrap().databases
    }

    /// The commit of a revision asks for a database `cache` beside `db`, which has no migration.
    fn asks_for_cache(&mut self, number: RevisionNumber) {
        let mut second = self.asked(number)[0].clone();
        second.name = cache();
        second.migrate = None;
        second.migrations = None;
        self.asked(number).push(second);
    }

    /// The same preview while these steps are under way.
    fn during(&self, steps: impl IntoIterator<Item = Step>) -> Self {
        let mut scene = self.clone();
        scene.in_flight.extend(steps);
        scene
    }

    /// The plan if the forge has the latest report.
    fn plan(&self) -> Plan {
        let mut observed = self.observed.clone();
        observed.reported.clone_from(&observed.report);
        decide(&self.desired, &observed, &self.in_flight, NOW_MS)
    }

    /// The steps of the plan.
    fn run(&self) -> Vec<Step> {
        self.plan().run
    }
}
