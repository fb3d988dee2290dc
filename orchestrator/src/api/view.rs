//! What the API answers, word by word. The command line reads the same types.

use std::net::SocketAddr;

use deploy::names::{CommitSha, DatabaseName, PreviewId, ServiceName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    backup::Failure,
    lifecycle::{Diagnosis, Ending, Phase},
    preview::start_path::StartPath,
};

/// A preview. What is not known, or does not apply, is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewView {
    /// Its id.
    pub id: PreviewId,
    /// `owner/name` of its repository; null for a local checkout.
    pub repository: Option<String>,
    /// Its pull request's number.
    pub number: Option<u64>,
    /// What the pull request is called, or the folder of a local checkout. Outside text.
    pub title: Option<String>,
    /// Who opened it. Outside text.
    pub author: Option<String>,
    /// The branch. Outside text.
    pub branch: Option<String>,
    /// The commit that should serve.
    pub commit: Option<CommitSha>,
    /// The commit that serves.
    pub serving_commit: Option<CommitSha>,
    /// Where it stands.
    pub phase: Phase,
    /// What it waits for.
    pub waiting_for: Option<String>,
    /// Where it is visited; null once it is gone.
    pub url: Option<String>,
    /// The services of the revision that serves, or else of the one that comes up.
    pub services: Vec<ServiceView>,
    /// Its databases.
    pub databases: Vec<DatabaseView>,
    /// What its builds do not get of the commit, and why: one sentence each. Outside text.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Why its newest commit does not serve.
    pub diagnosis: Option<Diagnosis>,
    /// Why nothing should be left of it.
    pub ending: Option<Ending>,
    /// When it was first heard of.
    pub created_at: Timestamp,
    /// When what is wanted of it last changed.
    pub updated_at: Timestamp,
    /// What a fork or a capture was taken of.
    #[serde(default)]
    pub parent: Option<PreviewId>,
    /// What whoever took it said. Outside text.
    #[serde(default)]
    pub note: Option<String>,
    /// Where in the application its link leads; null is its root.
    #[serde(default)]
    pub path: Option<StartPath>,
    /// Whether what served before is kept, so that one can go back to it.
    #[serde(default)]
    pub can_undo: bool,
    /// When its link ends, if before the preview does.
    #[serde(default)]
    pub link_expires_at: Option<Timestamp>,
    /// When it is removed if nobody pushes or visits; null once it is.
    pub expires_at: Option<Timestamp>,
}

/// A service of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Its name.
    pub name: ServiceName,
    /// Where it is visited; null where it is private.
    pub url: Option<String>,
    /// Where it stands.
    pub phase: Phase,
    /// The engine's id of its image.
    pub image: Option<String>,
    /// The commit, in short, that the image was built for, where nothing of it changed since.
    pub unchanged_since: Option<String>,
}

/// A database of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseView {
    /// Its name.
    pub name: DatabaseName,
    /// The server's image, such as `postgres:15`.
    pub engine: String,
    /// Where it stands.
    pub phase: Phase,
    /// Whether its data were kept although the commit has another seed than they were made from.
    pub seed_changed: bool,
    /// Whether they were made from the seed while those of before are kept to go back to.
    #[serde(default)]
    pub started_again: bool,
}

/// Something that was done for a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// When it ended.
    pub at: Timestamp,
    /// The revision it was for.
    pub revision: Option<u32>,
    /// What was done.
    pub step: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it failed, where it did. Outside text.
    pub note: Option<String>,
}

/// A webhook delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryView {
    /// The forge's id of it.
    pub guid: String,
    /// The event.
    pub event: String,
    /// The action, where the event has one.
    pub action: Option<String>,
    /// The repository it names.
    pub repository: Option<String>,
    /// The pull request it names.
    pub number: Option<u64>,
    /// What was made of it: `look`, `look-all` or `ignored`.
    pub decision: String,
    /// Why, where there is something to say.
    pub reason: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
}

/// How backups by schedule fare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupsView {
    /// Why the newest attempt failed, where it did.
    pub failure: Option<Failure>,
}

/// That the server is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Always `ok`: a server that is not well does not answer.
    pub status: String,
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Its id on the engine.
    pub instance: String,
    /// Where visitors come in.
    pub listen: Vec<SocketAddr>,
}

/// That the server stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    /// Its process.
    pub pid: u32,
    /// Whether the proxy stops with it.
    pub proxy: bool,
}
