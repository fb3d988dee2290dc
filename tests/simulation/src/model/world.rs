//! The modelled world: its parts, its clock, and what is due next.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    engine::ContainerState,
    fake::ServiceAt,
    names::{DatabaseName, RevisionNumber},
};

use super::{
    app::{App, Fate, migrations_of},
    effect::Effect,
    engine::Engine,
    forge::Forge,
    process::Control,
    proxy::Proxy,
    rng::Rng,
    store::Store,
};

/// Something that happens at its time.
#[derive(Debug)]
pub(super) enum Event {
    /// A step goes on.
    Flight(u64),
    /// An effect appears though nobody waits for it any more.
    Late(Effect),
    /// A wake-up without content reaches the control plane.
    Wake,
    /// A webhook reaches the control plane: a hint to read the forge.
    Hint,
    /// The control plane is started again.
    Restart,
    /// A container ends by itself, if it is still the one with this address.
    Exit(ServiceAt, std::net::SocketAddr),
    /// A migration's container ends.
    RunEnds(u64),
    /// A request ends.
    Leave(RevisionNumber),
}

/// How much happened in a life.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Decisions.
    pub looks: u64,
    /// Steps begun.
    pub steps: u64,
    /// Deaths of the control plane.
    pub crashes: u64,
    /// Requests that reached a revision.
    pub visits: u64,
    /// Times that databases were copied for a push.
    pub copies: u64,
    /// Times that somebody went back to what served before.
    pub undos: u64,
}

/// Everything.
#[derive(Debug)]
pub struct World {
    /// Milliseconds since 1970, for everybody.
    pub(super) now: u64,
    /// Chance.
    pub(super) rng: Rng,
    /// Commits, in the order in which they were made.
    pub(super) apps: Vec<App>,
    /// Where the pull request lives.
    pub(super) forge: Forge,
    /// Where services run.
    pub(super) engine: Engine,
    /// What visitors meet.
    pub(super) proxy: Proxy,
    /// What outlives the control plane.
    pub(super) store: Store,
    /// The control plane, while it lives.
    pub(super) control: Option<Control>,
    /// No more faults from now on.
    pub(super) calm: bool,
    /// Revisions that may have failed for what others did to them.
    pub(super) excused: BTreeSet<RevisionNumber>,
    /// For how long what was replaced is kept to go back to.
    pub(super) undo_ms: u64,
    /// How much happened.
    pub tally: Tally,
    /// The first order that was broken.
    pub broken: Option<String>,
    /// What happened, where somebody wants to read it.
    pub trace: Option<Vec<String>>,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
}

impl World {
    /// A world with an open pull request that nobody has looked at.
    pub(super) fn new(seed: u64, traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let app = App::draw(&mut rng, 0);
        let undo_ms = if rng.percent(20) {
            30_000
        } else {
            u64::MAX / 2
        };
        Self {
            now: 1_000_000,
            forge: Forge::new(app.commit.clone()),
            apps: vec![app],
            rng,
            engine: Engine::default(),
            proxy: Proxy::default(),
            store: Store::default(),
            control: None,
            calm: false,
            excused: BTreeSet::new(),
            undo_ms,
            tally: Tally::default(),
            broken: None,
            trace: traced.then(Vec::new),
            queue: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Writes a line of the trace.
    pub(super) fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9} {}", self.now - 1_000_000, line()));
        }
    }

    /// Notes that an order was broken.
    pub(super) fn broke(&mut self, what: impl FnOnce() -> String) {
        if self.broken.is_none() {
            let what = what();
            self.say(|| format!("BROKEN: {what}"));
            self.broken = Some(what);
        }
    }

    /// The commit of a revision, and how it behaves.
    pub(super) fn app(&self, number: RevisionNumber) -> Option<&App> {
        let commit = &self.store.revision(number)?.commit;
        self.apps.iter().find(|app| app.commit == *commit)
    }

    /// How a revision behaves.
    pub(super) fn fate(&self, number: RevisionNumber) -> Fate {
        self.app(number).map_or(Fate::Works, |app| app.fate)
    }

    /// What stands for the migrations of a revision on a database; nothing where it has none.
    pub(super) fn migrations(&self, number: RevisionNumber, name: &DatabaseName) -> Option<String> {
        let app = self.app(number)?;
        let mut databases = app.blueprint.databases.iter();
        let database = databases.find(|database| database.name == *name)?;
        let runs = database.migrate.is_some();
        runs.then(|| migrations_of(database, &app.commit))
    }

    /// Lets something happen after a while.
    pub(super) fn after(&mut self, wait_ms: u64, event: Event) {
        self.sequence += 1;
        self.queue
            .insert((self.now + wait_ms, self.sequence), event);
    }

    /// When the next thing happens, the control plane's own timer included.
    pub(super) fn next_at(&self) -> u64 {
        let queued = self.queue.keys().next().map_or(u64::MAX, |(at, _)| *at);
        let timer = self
            .control
            .as_ref()
            .map_or(u64::MAX, |control| control.wake_at);
        queued.min(timer)
    }

    /// Whether nothing is due but the control plane's timer.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Goes on until `until`, or until an order is broken.
    pub(super) fn run_until(&mut self, until: u64) {
        while self.broken.is_none() && self.next_at() <= until {
            self.advance();
        }
        self.now = self.now.max(until);
    }

    /// Lets the next thing happen.
    pub(super) fn advance(&mut self) {
        let at = self.next_at();
        self.now = self.now.max(at);
        let due = self
            .queue
            .keys()
            .next()
            .is_some_and(|(first, _)| *first <= at);
        match self.queue.pop_first() {
            Some((_, event)) if due => self.happen(event),
            Some((key, event)) => {
                self.queue.insert(key, event);
                self.wake();
            }
            None => self.wake(),
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Flight(id) => self.go_on(id),
            Event::Late(effect) => {
                self.say(|| format!("late: {effect:?}"));
                self.engine.outside_at = self.now;
                let _ = self.apply(effect, None, None);
                self.engine.outside_at = self.now;
                self.maybe_hint_engine();
            }
            Event::Wake => self.wake(),
            Event::Hint => {
                if self.control.is_some() {
                    self.say(|| "hint".to_owned());
                    self.store.desired.refresh_requested += 1;
                    self.wake();
                }
            }
            Event::Restart => self.restart(),
            Event::Exit(key, address) => self.exit(&key, address),
            Event::RunEnds(id) => self.run_ends(id),
            Event::Leave(revision) => self.proxy.leave(revision),
        }
    }

    /// The engine tells of changes, mostly.
    pub(super) fn maybe_hint_engine(&mut self) {
        if self.rng.percent(70) {
            let wait = self.rng.wait_ms();
            self.after(wait, Event::Wake);
        }
    }

    fn exit(&mut self, key: &ServiceAt, address: std::net::SocketAddr) {
        let exited = ContainerState::Exited {
            exit_code: 1,
            out_of_memory: false,
        };
        let service = self.engine.objects.services.get_mut(key);
        let service = service.filter(|service| service.address == address);
        if !service.is_some_and(|service| service.end(exited)) {
            return;
        }
        self.say(|| format!("{} {} exits", key.0, key.1));
        self.maybe_hint_engine();
    }

    fn run_ends(&mut self, id: u64) {
        let Some(run) = self.engine.objects.runs.get(&id) else {
            return;
        };
        let revision = run.spec.key.revision;
        let migration = self.engine.migrations.get_mut(&id);
        let ended = migration.and_then(|it| it.ends_at.take().map(|_| it.database.clone()));
        let Some(database) = ended else {
            return;
        };
        if let Some(migrations) = self.migrations(revision, &database.1) {
            self.engine.objects.write(&database, migrations);
        }
    }
}
