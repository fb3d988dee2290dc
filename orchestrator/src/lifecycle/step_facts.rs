//! What each kind of step is: its word, its deadline, how it may end, what it does to the engine.
//!
//! The one place that says so. Worker, planner and simulation read it; a new kind of step does not
//! compile before it stands here.

use deploy::{engine::Network, names::RevisionNumber};

use super::{observed::Attempt, step::Step};

/// A limit of the operator's that a deadline follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `limits.build_seconds_max`.
    Build,
    /// `limits.seed_seconds_max`.
    Seed,
    /// `limits.migrate_seconds_max`.
    Migrate,
    /// `limits.start_seconds_max`.
    Start,
    /// `limits.drain_seconds_max`.
    Drain,
}

/// How long a step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// This many seconds.
    Seconds(u64),
    /// A limit of the operator's, and this many seconds for what the limit does not count.
    Limit(Limit, u64),
    /// A limit of the operator's from the step's turn on; its place in the queue has no deadline.
    FromItsTurn(Limit),
}

/// What ends a step before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// It is dropped when it is no longer wanted, at its deadline, and when the server stops.
    Any,
    /// It is dropped when the server stops, and leaves what a crash of the server leaves. At its
    /// deadline the waiting ends, and the work goes on.
    ServerStop,
    /// Nothing. At its deadline the waiting ends; the call goes on and no second attempt begins.
    Never,
}

/// What a step does to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineUse {
    /// Nothing.
    None,
    /// It changes or removes something, or learns something that an older observation lacks.
    Changes,
    /// It makes something, which may still appear after the step was dropped.
    Creates,
}

/// What holds for every step of a kind.
#[derive(Debug)]
struct Kind {
    word: &'static str,
    deadline: Deadline,
    interruption: Interruption,
    engine: EngineUse,
    in_history: bool,
}

impl Kind {
    const fn new(word: &'static str, interruption: Interruption, deadline: Deadline) -> Self {
        Self {
            word,
            deadline,
            interruption,
            engine: EngineUse::None,
            in_history: true,
        }
    }

    /// A step that always runs to its end.
    const fn whole(word: &'static str, seconds: u64) -> Self {
        Self::new(word, Interruption::Never, Deadline::Seconds(seconds))
    }

    const fn on_engine(mut self, engine: EngineUse) -> Self {
        self.engine = engine;
        self
    }

    const fn out_of_history(mut self) -> Self {
        self.in_history = false;
        self
    }

    fn facts(&'static self) -> StepFacts<'static> {
        StepFacts {
            kind: self,
            about: None,
            revision: None,
            attempt: None,
        }
    }

    fn of(&'static self, revision: RevisionNumber) -> StepFacts<'static> {
        let revision = Some(revision);
        StepFacts {
            revision,
            ..self.facts()
        }
    }
}

const ANY: Interruption = Interruption::Any;
const CHANGES: EngineUse = EngineUse::Changes;
const CREATES: EngineUse = EngineUse::Creates;

/// A call to the store or to the proxy, which are on this host.
const HERE_SECONDS: u64 = 60;
/// A call to the forge, which may ask several times.
const FORGE_SECONDS: u64 = 5 * 60;
/// A change of one object in the engine: its own deadline is 70 seconds, and some need two calls.
const ENGINE_SECONDS: u64 = 3 * 60;
/// A commit's fetch and its submodules (5 minutes each), then its Git LFS files and theirs (10 each).
const SOURCE_SECONDS: u64 = 31 * 60;
/// A copy of data has 10 minutes for each of its two passes, and an image may have to be pulled.
const DATA_SECONDS: u64 = 30 * 60;
/// A probe has a clock of its own and says more when it runs out.
const PROBE_SPARE_SECONDS: u64 = 30;
const DRAIN_SPARE_SECONDS: u64 = 15;

static READ: Kind = Kind::whole("read", FORGE_SECONDS);
static BEGIN: Kind = Kind::whole("begin", HERE_SECONDS);
static SOURCE: Kind = Kind::new("source", ANY, Deadline::Seconds(SOURCE_SECONDS));
static NETWORK: Kind = Kind::whole("network", ENGINE_SECONDS).on_engine(CREATES);
static BUILD: Kind =
    Kind::new("build", ANY, Deadline::FromItsTurn(Limit::Build)).on_engine(CREATES);
static DATA: Kind = Kind::whole("data", HERE_SECONDS).out_of_history();
static FORK: Kind = Kind::whole("fork", DATA_SECONDS).on_engine(CREATES);
static DATABASE: Kind = Kind::new(
    "database",
    Interruption::ServerStop,
    Deadline::Limit(Limit::Seed, DATA_SECONDS),
)
.on_engine(CREATES);
static START_DATABASE: Kind = Kind::whole("start-database", DATA_SECONDS).on_engine(CREATES);
static STOP_DATABASE: Kind = Kind::whole("stop-database", ENGINE_SECONDS).on_engine(CHANGES);
static MIGRATE: Kind =
    Kind::new("migrate", ANY, Deadline::Limit(Limit::Migrate, 0)).on_engine(CREATES);
static START: Kind = Kind::whole("start", ENGINE_SECONDS).on_engine(CREATES);
static HEALTHY: Kind = Kind::new(
    "healthy",
    ANY,
    Deadline::Limit(Limit::Start, PROBE_SPARE_SECONDS),
)
.on_engine(CHANGES);
static EXPLAIN: Kind = Kind::whole("explain", ENGINE_SECONDS);
static GIVE_UP: Kind = Kind::whole("give-up", HERE_SECONDS);
static ANNOUNCE: Kind = Kind::whole("announce", HERE_SECONDS).out_of_history();
static TAKE_PLACE: Kind = Kind::whole("place", HERE_SECONDS).out_of_history();
static ROUTE: Kind = Kind::whole("route", HERE_SECONDS);
static UNROUTE: Kind = Kind::whole("unroute", HERE_SECONDS);
static DRAIN: Kind = Kind::new(
    "drain",
    ANY,
    Deadline::Limit(Limit::Drain, DRAIN_SPARE_SECONDS),
);
static REMOVE_SERVICE: Kind = Kind::whole("remove-service", ENGINE_SECONDS).on_engine(CHANGES);
static REMOVE_DATABASE: Kind = Kind::whole("remove-database", DATA_SECONDS).on_engine(CHANGES);
static REMOVE_IMAGE: Kind = Kind::whole("remove-image", ENGINE_SECONDS).on_engine(CHANGES);
static REMOVE_STRAY: Kind = Kind::whole("remove-stray", ENGINE_SECONDS).on_engine(CHANGES);
static REMOVE_NETWORK: Kind = Kind::whole("remove-network", ENGINE_SECONDS).on_engine(CHANGES);
static RETIRE: Kind = Kind::whole("retire", HERE_SECONDS).out_of_history();
static REPORT: Kind = Kind::whole("report", FORGE_SECONDS).out_of_history();
static DELETE_RECORDS: Kind = Kind::whole("delete-records", FORGE_SECONDS);
static CONFIRM_EMPTY: Kind = Kind::whole("look-again", ENGINE_SECONDS)
    .on_engine(CHANGES)
    .out_of_history();
static GONE: Kind = Kind::whole("gone", HERE_SECONDS);

/// What is known of one step without doing it.
#[derive(Debug)]
pub struct StepFacts<'a> {
    kind: &'static Kind,
    about: Option<&'a str>,
    revision: Option<RevisionNumber>,
    attempt: Option<Attempt>,
}

impl<'a> StepFacts<'a> {
    fn about<'b>(self, about: &'b str) -> StepFacts<'b>
    where
        'a: 'b,
    {
        StepFacts {
            about: Some(about),
            ..self
        }
    }

    fn counted(self, attempt: Attempt) -> Self {
        Self {
            attempt: Some(attempt),
            ..self
        }
    }

    /// One word for logs and timelines.
    pub fn word(&self) -> &'static str {
        self.kind.word
    }

    /// What the step is called in a preview's history: its word, and the service or database that it
    /// is about.
    pub fn title(&self) -> String {
        match self.about {
            Some(about) => format!("{} {about}", self.kind.word),
            None => self.kind.word.to_owned(),
        }
    }

    /// The revision that the step is about.
    pub fn revision(&self) -> Option<RevisionNumber> {
        self.revision
    }

    /// The revision and the work that is counted, for steps that are given up after too many attempts.
    pub fn attempt(self) -> Option<(RevisionNumber, Attempt)> {
        self.revision.zip(self.attempt)
    }

    /// How long the step may take.
    pub fn deadline(&self) -> Deadline {
        self.kind.deadline
    }

    /// What ends the step before it is done.
    pub fn interruption(&self) -> Interruption {
        self.kind.interruption
    }

    /// What the step does to the engine.
    pub fn engine(&self) -> EngineUse {
        self.kind.engine
    }

    /// Whether a step that went well stands in the preview's history.
    pub fn is_in_history(&self) -> bool {
        self.kind.in_history
    }
}

impl Step {
    /// What is known of the step without doing it.
    pub fn facts(&self) -> StepFacts<'_> {
        match self {
            Self::ReadPullRequest { .. } => READ.facts(),
            Self::BeginRevision { number, .. } => BEGIN.of(*number),
            Self::ReadSource { revision } => SOURCE.of(*revision).counted(Attempt::Source),
            Self::EnsureNetwork { network, .. } => NETWORK.facts().about(holds(network)),
            Self::Build { revision, service } => {
                let attempt = Attempt::Build(service.clone());
                BUILD.of(*revision).about(service.as_str()).counted(attempt)
            }
            Self::AssignData { revision, .. } => DATA.of(*revision),
            Self::ForkData { revision, .. } => FORK.of(*revision).counted(Attempt::Fork),
            Self::CreateDatabase { name, revision, .. } => {
                let attempt = Attempt::Database(name.clone());
                DATABASE.of(*revision).about(name.as_str()).counted(attempt)
            }
            Self::StartDatabase { name, revision, .. } => {
                let facts = START_DATABASE.of(*revision).about(name.as_str());
                facts.counted(Attempt::StartDatabase(name.clone()))
            }
            Self::StopDatabase { name, .. } => STOP_DATABASE.facts().about(name.as_str()),
            Self::Migrate { revision, database } => {
                let facts = MIGRATE.of(*revision).about(database.as_str());
                facts.counted(Attempt::Migrate(database.clone()))
            }
            Self::StartService { revision, service } => {
                let attempt = Attempt::Start(service.clone());
                START.of(*revision).about(service.as_str()).counted(attempt)
            }
            Self::Probe { revision } => HEALTHY.of(*revision).counted(Attempt::Probe),
            Self::Explain { revision, .. } => EXPLAIN.of(*revision),
            Self::GiveUp { revision, .. } => GIVE_UP.of(*revision),
            Self::Announce => ANNOUNCE.facts(),
            Self::TakePlace => TAKE_PLACE.facts(),
            Self::Route { revision } => ROUTE.of(*revision),
            Self::Unroute => UNROUTE.facts(),
            Self::Drain { revision } => DRAIN.of(*revision),
            Self::RemoveService { revision, service } => {
                REMOVE_SERVICE.of(*revision).about(service.as_str())
            }
            Self::RemoveDatabase { name, .. } => REMOVE_DATABASE.facts().about(name.as_str()),
            Self::RemoveImage { .. } => REMOVE_IMAGE.facts(),
            Self::RemoveStray { .. } => REMOVE_STRAY.facts(),
            Self::RemoveNetwork { .. } => REMOVE_NETWORK.facts(),
            Self::Retire { revision } => RETIRE.of(*revision),
            Self::Report { .. } => REPORT.facts(),
            Self::DeleteRecords => DELETE_RECORDS.facts(),
            Self::ConfirmEmpty { .. } => CONFIRM_EMPTY.facts(),
            Self::ConfirmGone => GONE.facts(),
        }
    }

    /// One word for logs and timelines.
    pub fn word(&self) -> &'static str {
        self.facts().word()
    }

    /// The revision that the step is about.
    pub fn revision(&self) -> Option<RevisionNumber> {
        self.facts().revision()
    }

    /// Whether the step is dropped when it is no longer wanted.
    pub fn is_cancellable(&self) -> bool {
        self.facts().interruption() == Interruption::Any
    }

    /// Whether the server may drop the step when it stops.
    pub fn may_be_cut_off(&self) -> bool {
        self.facts().interruption() != Interruption::Never
    }

    /// Whether the step makes something in the engine. While one of these is under way, what it
    /// may make cannot be removed yet.
    pub fn creates(&self) -> bool {
        self.facts().engine() == EngineUse::Creates
    }

    /// Whether the engine has to be observed again after the step.
    pub fn touches_engine(&self) -> bool {
        self.facts().engine() != EngineUse::None
    }
}

/// What runs on a network.
fn holds(network: &Network) -> &'static str {
    match network {
        Network::Revision(_) => "services",
        Network::Data(_) => "databases",
    }
}
