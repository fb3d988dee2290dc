//! The state of the model.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::{config::ModelConfig, webhooks::Webhooks};
use crate::names::{CommitSha, RepoName};

/// Requests per hour, same as GitHub.
const QUOTA: u64 = 5000;

/// Behind one lock, which is never held across an await.
pub(super) struct State {
    pub(super) config: ModelConfig,
    /// `http://address:port`.
    pub(super) base: String,
    pub(super) repos: BTreeMap<u64, Repo>,
    /// Ids by name, including past names.
    pub(super) names: HashMap<RepoName, u64>,
    pub(super) tokens: HashMap<String, IssuedToken>,
    pub(super) webhooks: Webhooks,
    pub(super) quota_left: u64,
    pub(super) quota_reset: u64,
    clock_ahead: Duration,
    last_id: u64,
}

/// An installation's token.
pub(super) struct IssuedToken {
    pub(super) expires_at: SystemTime,
    /// `None` means all repositories.
    pub(super) repositories: Option<Vec<u64>>,
    /// `None` means all of the App's permissions.
    pub(super) permissions: Option<Value>,
}

pub(super) struct Repo {
    pub(super) id: u64,
    pub(super) name: RepoName,
    /// The directory's name below the root.
    pub(super) directory: String,
    pub(super) path: PathBuf,
    pub(super) branches: BTreeMap<String, CommitSha>,
    pub(super) commits: HashSet<CommitSha>,
    /// The Git LFS objects, by SHA-256.
    pub(super) objects: BTreeMap<String, Bytes>,
    pub(super) pulls: BTreeMap<u64, Pull>,
    pub(super) comments: Vec<Comment>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) statuses: Vec<CommitStatusView>,
    pub(super) last_number: u64,
}

#[derive(Clone)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) open: bool,
    pub(super) merged: bool,
    pub(super) draft: bool,
    pub(super) labels: Vec<String>,
    pub(super) head_branch: String,
    pub(super) head: CommitSha,
    /// Id and name; `None` when it was deleted.
    pub(super) head_repo: Option<(u64, RepoName)>,
    pub(super) base_branch: String,
    pub(super) at: String,
}

pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) author: String,
    pub(super) body: String,
    pub(super) edits: u32,
    pub(super) at: String,
}

pub(super) struct Deployment {
    pub(super) id: u64,
    pub(super) sha: String,
    pub(super) request: Value,
    pub(super) statuses: Vec<Value>,
    pub(super) at: String,
}

/// The current state of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentView {
    /// Its id.
    pub id: u64,
    /// The login of its author.
    pub author: String,
    /// Its current body.
    pub body: String,
    /// Number of edits.
    pub edits: u32,
}

/// The current state of a deployment record.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentView {
    /// Its id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// The body of the request that created it.
    pub request: Value,
    /// The request bodies of its statuses, oldest first.
    pub statuses: Vec<Value>,
}

/// The status of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatusView {
    /// The commit.
    pub sha: String,
    /// pending, success, failure or error.
    pub state: String,
    /// Its context.
    pub context: String,
    /// Its description.
    pub description: String,
    /// Its link.
    pub target_url: Option<String>,
}

impl State {
    pub(super) fn new(config: ModelConfig, base: String) -> Self {
        let webhooks = Webhooks::new(config.webhook.clone());
        let mut state = Self {
            config,
            base,
            repos: BTreeMap::new(),
            names: HashMap::new(),
            tokens: HashMap::new(),
            webhooks,
            quota_left: QUOTA,
            quota_reset: 0,
            clock_ahead: Duration::ZERO,
            last_id: 1000,
        };
        state.quota_reset = state.unix() + 3600;
        state
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The model's clock, which tests can move ahead.
    pub(super) fn now(&self) -> SystemTime {
        SystemTime::now() + self.clock_ahead
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.clock_ahead += by;
    }

    pub(super) fn timestamp(&self) -> String {
        rfc3339(self.now())
    }

    pub(super) fn repo(&self, name: &RepoName) -> Option<&Repo> {
        self.repos.get(self.names.get(name)?)
    }

    pub(super) fn repo_mut(&mut self, name: &RepoName) -> Option<&mut Repo> {
        self.repos.get_mut(self.names.get(name)?)
    }

    fn unix(&self) -> u64 {
        self.now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    }
}

/// With a resolution of one second, like GitHub.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let seconds = i64::try_from(seconds).unwrap_or_default();
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
