//! The store, the engine, the forge, and the other parts that all workers share.

use std::sync::{Arc, atomic::AtomicBool};

use deploy::{builder::Builder, data_access::DataAccess, databases::Databases, engine::Engine};
use webhook::forge::Forge;

use super::{
    admission::AdmissionQueue, build_queue::BuildQueue, preview_state::StateBoard,
    progress::Progress,
};
use crate::{
    config::Settings,
    inputs::{secrets::SecretsFile, sources::Sources},
    routes::Routes,
    store::Store,
};

/// Everything that workers share.
pub struct Ports {
    /// Stores the facts about previews.
    pub store: Store,
    /// Runs services.
    pub engine: Arc<dyn Engine>,
    /// Builds and pulls images.
    pub builder: Arc<dyn Builder>,
    /// Creates, forks and removes databases.
    pub databases: Arc<dyn Databases>,
    /// Connections, archives and imports of data.
    pub data_access: Arc<dyn DataAccess>,
    /// The forge with the pull requests; none where the server has local previews only.
    pub forge: Option<Arc<dyn Forge>>,
    /// Fetches source code.
    pub sources: Arc<dyn Sources>,
    /// Routes hosts to services.
    pub routes: Routes,
    /// Limits how many previews run at once.
    pub admission: AdmissionQueue,
    /// The last observed state of each preview.
    pub board: StateBoard,
    /// Limits how many builds run at once.
    pub builds: Arc<BuildQueue>,
    /// The last progress message of each seed run.
    pub seed_progress: Arc<Progress>,
    /// The last progress message of each start.
    pub start_progress: Arc<Progress>,
    /// The secrets for builds.
    pub secrets: SecretsFile,
    /// Whether the engine's disk was over `limits.evict_disk_percent_max` at the last sweep.
    pub disk_is_full: AtomicBool,
    /// The operator's settings.
    pub settings: Settings,
}
