//! What workers reach the outside worlds through.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use async_trait::async_trait;
use deploy::{
    blueprint::Blueprint, builder::Builder, data_access::DataAccess, databases::Databases,
    engine::Engine, names::CommitSha, source::Tree,
};
use proxy::table::{Activity, RouteTable};
use webhook::forge::Forge;

use super::{
    admission::AdmissionQueue, build_queue::BuildQueue, preview_state::StateBoard,
    seed_progress::SeedProgress,
};
use crate::{
    routes::Routes,
    secrets::SecretsFile,
    store::{PreviewRow, Store},
};

/// Why a commit's source cannot be had.
#[derive(Debug)]
pub enum SourceError {
    /// The commit itself is at fault; the same commit fails the same way.
    Blueprint(deploy::blueprint::BlueprintError),
    /// The checkout cannot be used: too large, an unreadable tree, refused credentials.
    Refused(String),
    /// Asking again later may help.
    Unreachable(String),
}

/// Where source comes from: the forge's git, or an imported checkout.
#[async_trait]
pub trait Sources: Send + Sync {
    /// The commit's files, fetched if need be.
    async fn fetch(&self, preview: &PreviewRow, commit: &CommitSha) -> Result<Tree, SourceError>;

    /// What the files ask for.
    async fn blueprint(&self, tree: &Tree) -> Result<Blueprint, SourceError>;

    /// Drops what was kept of a preview that is gone, where nobody else uses it.
    async fn forget(&self, preview: &PreviewRow) -> Result<(), SourceError>;

    /// One file of the tree.
    async fn file(&self, tree: &Tree, path: &str) -> Result<Option<bytes::Bytes>, SourceError>;
}

/// The proxy, as far as workers need it.
#[async_trait]
pub trait RouteSwitch: Send + Sync {
    /// Puts a whole table in place. When this returns, every new request sees it.
    async fn put_table(&self, table: &RouteTable) -> Result<(), String>;

    /// Returns once nothing is in flight under the key, or the deadline has passed and what was
    /// left has been cut.
    async fn drain(&self, key: &str, deadline: Duration) -> Result<(), String>;

    /// What happens under each key.
    async fn activity(&self) -> Result<Activity, String>;
}

/// Limits that an operator may change; each has its unit in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many previews may have something running.
    pub previews_awake_max: usize,
    /// How many builds run at once.
    pub builds_max: usize,
    /// How many days after the last push or visit a preview is removed.
    pub preview_days_max: u64,
    /// How much memory a service may ask for, in MiB.
    pub service_memory_mib_max: u64,
    /// How long a build may take, from its turn on.
    pub build_seconds_max: u64,
    /// MiB of memory that all builds together may use, where the operator wants a ceiling.
    pub build_memory_mib_max: Option<u64>,
    /// Hundredths of one processor that all builds together may use, where there is a ceiling.
    pub build_cpu_percent_max: u64,
    /// MiB of memory that have to be free before a build begins.
    pub build_memory_free_mib_min: u64,
    /// Percent of the engine's disk in use above which no build begins.
    pub build_disk_percent_max: u64,
    /// Percent of the engine's disk in use above which only what runs is kept: no images for
    /// reverts, no cache of our builds.
    pub evict_disk_percent_max: u64,
    /// MiB that the builder's cache of our builds may have.
    pub build_cache_mib_max: u64,
    /// MiB that a built image may have.
    pub image_mib_max: u64,
    /// How long an image that somebody else builds for a commit is waited for.
    pub image_wait_seconds_max: u64,
    /// MiB that the pool's file may grow to, where it has to be a file.
    pub pool_mib_max: u64,
    /// MiB that the data of one database may take.
    pub database_mib_max: u64,
    /// MiB of the pool that are kept free.
    pub pool_free_mib_min: u64,
    /// How long a seed may take.
    pub seed_seconds_max: u64,
    /// After how many hours without a use a snapshot that nobody named goes.
    pub snapshot_hours_max: u64,
    /// For how many hours one can go back to what a push replaced.
    pub undo_hours_max: u64,
    /// After how many hours a fork goes where nothing else was said.
    pub fork_hours_max: u64,
    /// After how many days a capture goes where nothing else was said.
    pub capture_days_max: u64,
    /// How many forks, captures and databases alone there may be.
    pub forks_max: usize,
    /// How long a migration may take.
    pub migrate_seconds_max: u64,
    /// How long a revision may take to become healthy.
    pub start_seconds_max: u64,
    /// How long requests in flight are waited for when a revision is replaced.
    pub drain_seconds_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            previews_awake_max: 30,
            builds_max: (cores / 2).max(1),
            preview_days_max: 14,
            service_memory_mib_max: 4 * 1024,
            build_seconds_max: 20 * 60,
            build_memory_mib_max: None,
            build_cpu_percent_max: 100 * (cores as u64),
            build_memory_free_mib_min: 256,
            build_disk_percent_max: 80,
            evict_disk_percent_max: 90,
            build_cache_mib_max: 10 * 1024,
            image_mib_max: 8 * 1024,
            image_wait_seconds_max: 20 * 60,
            pool_mib_max: 100 * 1024,
            database_mib_max: 32 * 1024,
            pool_free_mib_min: 1024,
            seed_seconds_max: 10 * 60,
            snapshot_hours_max: 7 * 24,
            undo_hours_max: 24,
            fork_hours_max: 24,
            capture_days_max: 14,
            forks_max: 20,
            migrate_seconds_max: 10 * 60,
            start_seconds_max: 2 * 60,
            drain_seconds_max: 30,
        }
    }
}

/// What the operator decided about addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The domain under which previews live.
    pub domain: String,
    /// The host of webhook and health.
    pub control_host: String,
    /// `http` or `https`, as visitors see it.
    pub public_scheme: String,
    /// The port as visitors see it.
    pub public_port: u16,
    /// Where build logs and the last lines of ended services are kept.
    pub logs: PathBuf,
    /// Limits.
    pub limits: Limits,
}

impl Settings {
    /// Whether previews live on this machine's own name, where no link is asked for.
    pub fn is_local(&self) -> bool {
        self.domain == "localhost" || self.domain.ends_with(".localhost")
    }

    /// The address of a host as visitors see it.
    pub fn url(&self, host: &str) -> String {
        let standard = matches!(
            (self.public_scheme.as_str(), self.public_port),
            ("http", 80) | ("https", 443)
        );
        if standard {
            format!("{}://{host}", self.public_scheme)
        } else {
            format!("{}://{host}:{}", self.public_scheme, self.public_port)
        }
    }
}

/// Everything that workers share.
pub struct Ports {
    /// Facts.
    pub store: Store,
    /// Where services run.
    pub engine: Arc<dyn Engine>,
    /// What makes images.
    pub builder: Arc<dyn Builder>,
    /// What makes databases.
    pub databases: Arc<dyn Databases>,
    /// What people do with data beside previews.
    pub data_access: Arc<dyn DataAccess>,
    /// Where pull requests live; none for local previews only.
    pub forge: Option<Arc<dyn Forge>>,
    /// Where source comes from.
    pub sources: Arc<dyn Sources>,
    /// Which host leads where.
    pub routes: Routes,
    /// Who may be awake.
    pub admission: AdmissionQueue,
    /// What each preview looks like now.
    pub board: StateBoard,
    /// Places for builds.
    pub builds: Arc<BuildQueue>,
    /// What the makings of data last said.
    pub seed_progress: Arc<SeedProgress>,
    /// Secrets of projects.
    pub secrets: SecretsFile,
    /// Whether the engine's disk was over [`Limits::evict_disk_percent_max`] at the last sweep.
    pub disk_is_full: AtomicBool,
    /// What the operator decided.
    pub settings: Settings,
}
