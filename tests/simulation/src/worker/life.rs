//! One seeded life of a preview, driven by the real worker.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use deploy::{
    fake::{AppScript, BuildScript, FakeEngine, StartScript},
    names::PreviewId,
};
use orchestrator::{
    clock::wall_ms,
    config::{Limits, LinkKey, Settings},
    inputs::secrets::SecretsFile,
    lifecycle::Phase,
    routes::Routes,
    store::Store,
    worker::{AdmissionQueue, BuildQueue, Ports, PreviewState, Progress, StateBoard, Workers},
};
use proxy::table::{RouteTable, Upstream};
use webhook::{
    forge::{PullRequest, PullRequestState, Repository},
    names::{CommitSha, PullRequestNumber, RepoName, RepositoryId},
};

use super::outside::{Outside, State};
use crate::model::{App, Fate, Rng};

/// How far the clock moves at once.
const TICK: Duration = Duration::from_millis(25);
/// How many ticks a preview may take to settle once nothing goes wrong: ten minutes.
pub(super) const SETTLE_TICKS: u32 = 10 * 60 * 40;
/// How often the sweep asks for a look meanwhile: every ten seconds.
const SWEEP_TICKS: u32 = 400;

/// How a life ended.
#[derive(Debug)]
pub struct Ended {
    /// Where the preview stands.
    pub phase: Phase,
}

pub(super) struct Life {
    rng: Rng,
    pub(super) engine: FakeEngine,
    pub(super) outside: Arc<Outside>,
    pub(super) store: Store,
    settings: Settings,
    pub(super) workers: Workers,
    pub(super) preview: PreviewId,
}

/// Lives one life; an error says what was wrong. The clock must be paused.
pub async fn life(seed: u64, dir: &Path) -> anyhow::Result<Ended> {
    // While this task blocks, the paused clock stands still unless it is moved.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let keeper = tokio::task::spawn_blocking(move || held.recv().is_ok());
    let ended = live(seed, dir).await;
    drop(release);
    keeper.await?;
    ended
}

async fn live(seed: u64, dir: &Path) -> anyhow::Result<Ended> {
    let mut life = Life::new(seed, dir).await?;
    for _ in 0..3 + life.rng.below(8) {
        let ticks = match life.rng.below(6) {
            0..3 => life.rng.below(20),
            3..5 => life.rng.below(100),
            _ => life.rng.below(800),
        };
        for _ in 0..ticks {
            life.tick().await?;
        }
        life.act().await?;
    }
    let ended = life.settle().await;
    life.workers.stop_by_ticking(&life.store).await?;
    ended
}

/// Workers that are stopped while somebody moves the clock.
pub(super) trait StopByTicking {
    async fn stop_by_ticking(&self, store: &Store) -> anyhow::Result<()>;
}

impl StopByTicking for Workers {
    async fn stop_by_ticking(&self, store: &Store) -> anyhow::Result<()> {
        let workers = self.clone();
        let stopping = tokio::spawn(async move { workers.stop().await });
        while !stopping.is_finished() {
            pass(store).await?;
        }
        Ok(stopping.await?)
    }
}

/// Lets everybody who waits for the store go on, then moves the clock.
async fn pass(store: &Store) -> anyhow::Result<()> {
    for _ in 0..2 {
        store.write(|_| Ok(())).await?;
        tokio::task::yield_now().await;
    }
    tokio::time::advance(TICK).await;
    Ok(())
}

impl Life {
    pub(super) async fn new(seed: u64, dir: &Path) -> anyhow::Result<Self> {
        let mut rng = Rng::new(seed);
        let store = Store::open(&dir.join("store.sqlite"))?;
        let engine = FakeEngine::new(store.instance());
        let app = App::draw(&mut rng, 0);
        script(&engine, &app);
        let repository = Repository {
            id: RepositoryId(7),
            name: RepoName::parse("acme/shop")?,
        };
        let pull = PullRequest {
            repository: repository.clone(),
            number: PullRequestNumber(1),
            state: PullRequestState::Open,
            head: CommitSha::parse(app.commit.as_str())?,
            head_branch: "work".to_owned(),
            head_repository: Some(repository.id),
            base_branch: "main".to_owned(),
            draft: false,
            author: "ada".to_owned(),
            title: "a change".to_owned(),
        };
        let state = State {
            pull,
            apps: vec![app],
            comment: None,
            deployments: 0,
            table: RouteTable::default(),
            faults: 4,
            forge_away: false,
            rng: Rng::new(seed.wrapping_add(1)),
        };
        engine.faults(seed, 0.04);
        let outside = Arc::new(Outside::new(state, engine.clone()));
        let settings = Settings {
            domain: "localhost".to_owned(),
            control_host: "dayfly.localhost".to_owned(),
            public_scheme: "http".to_owned(),
            public_port: 8080,
            repositories: Vec::new(),
            logs: dir.join("logs"),
            link_key: LinkKey::make(dir)?,
            limits: Limits::default(),
        };
        let preview = store
            .refresh_pull(repository, PullRequestNumber(1), wall_ms())
            .await?;
        let workers = workers(&store, &engine, &outside, &settings);
        workers.wake(&preview);
        Ok(Self {
            rng,
            engine,
            outside,
            store,
            settings,
            workers,
            preview,
        })
    }

    pub(super) async fn tick(&self) -> anyhow::Result<()> {
        pass(&self.store).await
    }

    async fn hint(&self) -> anyhow::Result<()> {
        self.store.request_refresh(&self.preview, wall_ms()).await?;
        self.workers.wake(&self.preview);
        Ok(())
    }

    async fn act(&mut self) -> anyhow::Result<()> {
        match self.rng.below(12) {
            0..4 => self.push()?,
            4..6 => self.end_or_reopen(),
            6..8 => self.restart().await?,
            8 => {
                let away = !self.outside.state().forge_away;
                self.outside.state().forge_away = away;
            }
            9 => {
                self.engine.engine_away(true);
                for _ in 0..self.rng.below(200) {
                    self.tick().await?;
                }
                self.engine.engine_away(false);
            }
            _ => {}
        }
        // One webhook in four is lost.
        if self.rng.percent(75) {
            self.hint().await?;
        }
        Ok(())
    }

    fn push(&mut self) -> anyhow::Result<()> {
        let mut state = self.outside.state();
        let app = App::draw(&mut self.rng, state.apps.len());
        script(&self.engine, &app);
        state.pull.head = CommitSha::parse(app.commit.as_str())?;
        state.apps.push(app);
        Ok(())
    }

    fn end_or_reopen(&mut self) {
        let pull = &mut self.outside.state().pull;
        pull.state = match pull.state {
            PullRequestState::Open => PullRequestState::Closed,
            _ => PullRequestState::Open,
        };
    }

    /// The control plane stops and starts: routes are taken over from the proxy.
    async fn restart(&mut self) -> anyhow::Result<()> {
        self.workers.stop_by_ticking(&self.store).await?;
        self.workers = workers(&self.store, &self.engine, &self.outside, &self.settings);
        let row = self
            .store
            .preview(&self.preview)
            .await?
            .context("the row is gone")?;
        let revisions = self.store.revisions(&self.preview).await?;
        let table = self.outside.state().table.clone();
        let blueprint_of = |number| {
            let mut facts = revisions.iter().map(|row| &row.facts);
            facts
                .find(|facts| facts.number == number)?
                .blueprint
                .clone()
        };
        self.workers
            .ports()
            .routes
            .adopt(&table, &row, Vec::new(), blueprint_of);
        self.workers.wake(&self.preview);
        Ok(())
    }

    async fn settle(&mut self) -> anyhow::Result<Ended> {
        self.engine.stop_faults();
        self.engine.engine_away(false);
        self.outside.calm();
        let mut last = Ok(Phase::Queued);
        for tick in 0..SETTLE_TICKS {
            if tick % SWEEP_TICKS == 0 {
                self.hint().await?;
            }
            self.tick().await?;
            if tick % 40 == 39 && tick > SWEEP_TICKS {
                last = self.check().await;
                if let Ok(phase) = last {
                    let violations = self.engine.violations();
                    ensure!(violations.is_empty(), "violations: {violations:?}");
                    return Ok(Ended { phase });
                }
            }
        }
        last.map(|phase| Ended { phase })
            .context("it does not settle")
    }

    /// Whether everything is as the pull request asks for.
    async fn check(&self) -> anyhow::Result<Phase> {
        let known = self
            .workers
            .ports()
            .board
            .get(&self.preview)
            .context("no state yet")?;
        let row = self
            .store
            .preview(&self.preview)
            .await?
            .context("the row is gone")?;
        ensure!(
            row.reported == known.observed.report,
            "the report is not up to date"
        );
        let phase = known.summary.phase;
        let state = self.outside.state();
        let seen = self.engine.everything();
        let led = |table: &RouteTable| {
            table
                .routes
                .values()
                .filter(|r| matches!(r.upstream, Upstream::Address(_)))
                .count()
        };
        if state.pull.state != PullRequestState::Open {
            ensure!(phase == Phase::Gone, "what is closed is {phase}");
            ensure!(seen.is_empty(), "{seen:?} is left");
            ensure!(
                state.deployments == 0 && led(&state.table) == 0,
                "records or routes are left"
            );
            return Ok(phase);
        }
        let head = state.pull.head.as_str();
        ensure!(
            known
                .summary
                .head
                .as_ref()
                .is_some_and(|commit| commit.as_str() == head),
            "another commit than the head is wanted"
        );
        let app = state
            .apps
            .iter()
            .find(|app| app.commit.as_str() == head)
            .context("no app")?;
        match phase {
            Phase::Live => ensure!(led(&state.table) > 0, "nothing is led to what is live"),
            Phase::Failed if app.fate != Fate::Works => {}
            other => bail!("the head ({:?}) is {other}: {:?}", app.fate, known.summary),
        }
        exact(&known, &seen)?;
        Ok(phase)
    }
}

/// Nothing is there but what serves, and databases.
fn exact(state: &PreviewState, seen: &deploy::engine::Observation) -> anyhow::Result<()> {
    let serving = state.observed.route.as_ref().map(|route| route.revision);
    let others = seen
        .services
        .iter()
        .filter(|service| Some(service.key.revision) != serving);
    ensure!(
        others.count() == 0,
        "services of others than {serving:?} are left"
    );
    let images = seen
        .images
        .iter()
        .filter(|image| Some(image.revision) != serving);
    ensure!(
        images.count() == 0,
        "images of others than {serving:?} are left"
    );
    ensure!(seen.strays.is_empty(), "{:?} are left", seen.strays);
    Ok(())
}

fn workers(
    store: &Store,
    engine: &FakeEngine,
    outside: &Arc<Outside>,
    settings: &Settings,
) -> Workers {
    Workers::new(Arc::new(Ports {
        store: store.clone(),
        engine: Arc::new(engine.clone()),
        builder: Arc::new(engine.clone()),
        databases: Arc::new(engine.clone()),
        data_access: Arc::new(engine.clone()),
        forge: Some(outside.clone()),
        sources: outside.clone(),
        routes: Routes::new(settings.clone(), outside.clone()),
        admission: AdmissionQueue::new(4),
        board: StateBoard::default(),
        builds: BuildQueue::new(2),
        seed_progress: Arc::new(Progress::default()),
        start_progress: Arc::new(Progress::default()),
        secrets: SecretsFile::default(),
        disk_is_full: Default::default(),
        settings: settings.clone(),
    }))
}

fn script(engine: &FakeEngine, app: &App) {
    let mut script = AppScript::default();
    match app.fate {
        Fate::BuildFails => {
            let (step, message) = ("[1/1] RUN make".to_owned(), "exit code 2".to_owned());
            script.build = BuildScript::Fails { step, message };
        }
        Fate::MigrationFails => script.migrate = 1,
        Fate::Exits | Fate::StartRefused => script.start = StartScript::ExitsWith(1),
        Fate::NeverReady => script.start = StartScript::NeverListens,
        Fate::Works | Fate::SeedFails | Fate::BadBlueprint => {}
    }
    engine.app(&app.commit, script);
}
