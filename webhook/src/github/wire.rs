//! The fields that are decoded from GitHub's answers. All others are ignored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Repo {
    pub(super) id: u64,
    pub(super) full_name: String,
    /// Absent in shortened objects.
    #[serde(default)]
    pub(super) clone_url: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RepoPage {
    pub(super) repositories: Vec<Repo>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) state: String,
    /// Only present when a single pull request is read.
    #[serde(default)]
    pub(super) merged: Option<bool>,
    #[serde(default)]
    pub(super) merged_at: Option<String>,
    #[serde(default)]
    pub(super) draft: Option<bool>,
    pub(super) title: String,
    /// `None` when the account was deleted.
    pub(super) user: Option<User>,
    pub(super) head: Head,
    pub(super) base: Base,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: String,
    /// `None` when the repository was deleted.
    pub(super) repo: Option<RepoId>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RepoId {
    pub(super) id: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Base {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) repo: Repo,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct App {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) slug: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
    #[serde(default)]
    pub(super) performed_via_github_app: Option<App>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
    /// An object, or an object encoded as text in older records.
    #[serde(default)]
    pub(super) payload: Value,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeploymentStatus {
    pub(super) state: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) environment_url: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Installation {
    pub(super) id: u64,
    /// When someone suspended it.
    #[serde(default)]
    pub(super) suspended_at: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct InstallationToken {
    pub(super) token: String,
    pub(super) expires_at: String,
}

/// An object with an id.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Created {
    pub(super) id: u64,
}
