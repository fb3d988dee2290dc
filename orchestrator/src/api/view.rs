//! The types of the API's answers. The command line reads the same types.

use std::net::SocketAddr;

use deploy::names::{CommitSha, DatabaseName, PreviewId, ServiceName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ending::Ending, phase::Phase};
use crate::{backup::Failure, lifecycle::Diagnosis, preview::start_path::StartPath};

/// A preview. Fields that are unknown or do not apply are null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewView {
    /// Its id.
    pub id: PreviewId,
    /// `owner/name` of its repository; null for a local checkout.
    pub repository: Option<String>,
    /// Its pull request's number.
    pub number: Option<u64>,
    /// The pull request's title, or the folder of a local checkout. Outside text.
    pub title: Option<String>,
    /// The author of the pull request or checkout. Outside text.
    pub author: Option<String>,
    /// The branch. Outside text.
    pub branch: Option<String>,
    /// The commit that should serve.
    pub commit: Option<CommitSha>,
    /// The commit that serves.
    pub serving_commit: Option<CommitSha>,
    /// Its phase.
    pub phase: Phase,
    /// The reason for the current delay, if there is one.
    pub waiting_for: Option<String>,
    /// The steps that Dayfly runs for it now, in plain words.
    #[serde(default)]
    pub under_way: Vec<String>,
    /// Its address; null once it is removed.
    pub url: Option<String>,
    /// The services of the serving revision, else of the current one.
    pub services: Vec<ServiceView>,
    /// Its databases.
    pub databases: Vec<DatabaseView>,
    /// The parts of the commit that its builds lack, and why: one sentence each. Outside text.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Why its newest commit does not serve.
    pub diagnosis: Option<Diagnosis>,
    /// Why it is removed or being removed.
    pub ending: Option<Ending>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its desired state last changed.
    pub updated_at: Timestamp,
    /// The preview that a fork or a capture was taken of.
    #[serde(default)]
    pub parent: Option<PreviewId>,
    /// The note of the copy's creator. Outside text.
    #[serde(default)]
    pub note: Option<String>,
    /// The path of the application that its link opens; null means the root.
    #[serde(default)]
    pub path: Option<StartPath>,
    /// Whether `dayfly undo` can go back to the revision that served before.
    #[serde(default)]
    pub can_undo: bool,
    /// When its link expires, if earlier than the preview.
    #[serde(default)]
    pub link_expires_at: Option<Timestamp>,
    /// When it is removed unless someone pushes or visits; null once it is removed.
    pub expires_at: Option<Timestamp>,
}

/// A service of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Its name.
    pub name: ServiceName,
    /// Its address; null if it is private.
    pub url: Option<String>,
    /// Its phase.
    pub phase: Phase,
    /// The id of its image in the engine.
    pub image: Option<String>,
    /// The short id of the commit that the image was built for, if the service did not change
    /// since.
    pub unchanged_since: Option<String>,
    /// How often it exited with an error since Dayfly last started it. Only the answer for one
    /// preview has it.
    #[serde(default)]
    pub failures: u32,
    /// When it last did.
    #[serde(default)]
    pub failed_at: Option<Timestamp>,
}

/// A database of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseView {
    /// Its name.
    pub name: DatabaseName,
    /// The image of the database server, such as `postgres:15`.
    pub engine: String,
    /// Its phase.
    pub phase: Phase,
    /// Whether its data comes from an older seed than the one in the commit.
    pub seed_changed: bool,
    /// Whether its data was recreated from the seed, and `dayfly undo` can restore the earlier
    /// data.
    #[serde(default)]
    pub started_again: bool,
}

/// A finished step of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// When it ended.
    pub at: Timestamp,
    /// The revision it was for.
    pub revision: Option<u32>,
    /// The title of the step.
    pub step: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The error, if it failed. Outside text.
    pub note: Option<String>,
}

/// A webhook delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// The forge's id of the delivery.
    pub guid: String,
    /// The event.
    pub event: String,
    /// The action, where the event has one.
    pub action: Option<String>,
    /// The repository it names.
    pub repository: Option<String>,
    /// The pull request it names.
    pub number: Option<u64>,
    /// The decision: `look`, `look-all` or `ignored`.
    pub decision: String,
    /// The reason, if there is one.
    pub reason: Option<String>,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// The state of scheduled backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupsView {
    /// Why the newest attempt failed, if it did.
    pub failure: Option<Failure>,
}

/// The health of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Always `ok`: a server that is not well does not answer.
    pub status: String,
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The id that marks its objects in the engine.
    pub instance: String,
    /// The addresses on which the proxy listens for visitors.
    pub listen: Vec<SocketAddr>,
}

/// The answer to a shutdown request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    /// Its process id.
    pub pid: u32,
    /// Whether the proxy stops with it.
    pub proxy: bool,
}
