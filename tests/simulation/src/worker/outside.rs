//! The outside worlds of the worker, beside the engine: forge, source, proxy.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use deploy::{
    blueprint::{Blueprint, BlueprintError},
    content::Content,
    fake::FakeEngine,
    names::CommitSha,
    source::Tree,
};
use orchestrator::{
    inputs::sources::{SourceError, Sources},
    routes::RouteSwitch,
    store::PreviewRow,
};
use proxy::table::{Activity, RouteTable, Upstream};
use webhook::{
    forge::{
        CloneAccess, Deployment, DeploymentState, Forge, ForgeError, PullRequest, PullRequestState,
        Repository,
    },
    names::{PullRequestNumber, RepoName},
};

use crate::model::{App, Fate, Rng};

/// What forge, source and proxy hold, and how they fail.
pub(super) struct State {
    pub(super) pull: PullRequest,
    pub(super) apps: Vec<App>,
    pub(super) comment: Option<String>,
    pub(super) deployments: usize,
    pub(super) table: RouteTable,
    /// How many calls in a hundred go wrong.
    pub(super) faults: u64,
    pub(super) forge_away: bool,
    pub(super) rng: Rng,
}

/// All of them in one.
pub(super) struct Outside {
    state: Mutex<State>,
    engine: FakeEngine,
}

impl Outside {
    pub(super) fn new(state: State, engine: FakeEngine) -> Self {
        Self {
            state: Mutex::new(state),
            engine,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing goes wrong.
    pub(super) fn calm(&self) {
        let mut state = self.state();
        (state.faults, state.forge_away) = (0, false);
    }

    /// A call to the forge: it may take a moment, and it may go wrong.
    async fn call(&self) -> Result<(), ForgeError> {
        let (wait, fails) = {
            let mut state = self.state();
            let (wait, chance) = (state.rng.below(40), state.faults);
            (wait, state.rng.percent(chance) || state.forge_away)
        };
        tokio::time::sleep(Duration::from_millis(wait)).await;
        match fails {
            true => Err(ForgeError::Unavailable("a fault".to_owned())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Sources for Outside {
    async fn fetch(&self, _: &PreviewRow, commit: &CommitSha) -> Result<Tree, SourceError> {
        let unreachable = |error: ForgeError| SourceError::Unreachable(error.to_string());
        self.call().await.map_err(unreachable)?;
        Ok(Tree::detached(commit.clone()))
    }

    async fn blueprint(&self, tree: &Tree) -> Result<Blueprint, SourceError> {
        let state = self.state();
        let app = state.apps.iter().find(|app| app.commit == *tree.commit());
        match app {
            Some(app) if app.fate != Fate::BadBlueprint => Ok(app.blueprint.clone()),
            _ => Err(SourceError::Blueprint(BlueprintError::Nothing(
                "nothing to run".to_owned(),
            ))),
        }
    }

    async fn forget(&self, _: &PreviewRow) -> Result<(), SourceError> {
        let unreachable = |error: ForgeError| SourceError::Unreachable(error.to_string());
        self.call().await.map_err(unreachable)
    }

    async fn file(&self, _: &Tree, _: &str) -> Result<Option<Content>, SourceError> {
        Ok(None)
    }
}

#[async_trait]
impl RouteSwitch for Outside {
    async fn put_table(&self, table: &RouteTable) -> Result<(), String> {
        let lost = {
            let mut state = self.state();
            let chance = state.faults;
            if state.rng.percent(chance) {
                return Err("a fault".to_owned());
            }
            state.table = table.clone();
            state.rng.percent(chance)
        };
        let address = |upstream: &Upstream| match upstream {
            Upstream::Address(address) => Some(*address),
            _ => None,
        };
        self.engine.route(
            table
                .routes
                .values()
                .filter_map(|route| address(&route.upstream)),
        );
        match lost {
            true => Err("the answer was lost".to_owned()),
            false => Ok(()),
        }
    }

    async fn drain(&self, _: &str, _: Duration) -> Result<(), String> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(())
    }

    async fn activity(&self) -> Result<Activity, String> {
        Ok(Activity::new())
    }
}

#[async_trait]
impl Forge for Outside {
    async fn repositories(&self) -> Result<Vec<Repository>, ForgeError> {
        self.call().await?;
        Ok(vec![self.state().pull.repository.clone()])
    }

    async fn repository(&self, _: &RepoName) -> Result<Repository, ForgeError> {
        self.call().await?;
        Ok(self.state().pull.repository.clone())
    }

    async fn pull_request(
        &self,
        _: &RepoName,
        _: PullRequestNumber,
    ) -> Result<PullRequest, ForgeError> {
        self.call().await?;
        Ok(self.state().pull.clone())
    }

    async fn open_pull_requests(&self, _: &RepoName) -> Result<Vec<PullRequest>, ForgeError> {
        self.call().await?;
        let pull = self.state().pull.clone();
        let open = pull.state == PullRequestState::Open;
        Ok(open.then_some(pull).into_iter().collect())
    }

    async fn keep_comment(
        &self,
        _: &RepoName,
        _: PullRequestNumber,
        _: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        self.call().await?;
        self.state().comment = Some(body.to_owned());
        Ok(())
    }

    async fn keep_deployment(&self, _: &RepoName, _: &Deployment) -> Result<(), ForgeError> {
        self.call().await?;
        self.state().deployments += 1;
        Ok(())
    }

    async fn delete_deployments(&self, _: &RepoName, _: &str) -> Result<(), ForgeError> {
        self.call().await?;
        self.state().deployments = 0;
        Ok(())
    }

    async fn set_commit_status(
        &self,
        _: &RepoName,
        _: &webhook::names::CommitSha,
        _: DeploymentState,
        _: &str,
        _: Option<&str>,
    ) -> Result<(), ForgeError> {
        self.call().await
    }

    async fn clone_access(&self, _: &RepoName) -> Result<CloneAccess, ForgeError> {
        self.call().await?;
        Ok(CloneAccess {
            url: String::new(),
            token: None,
            expires_at: None,
        })
    }
}
