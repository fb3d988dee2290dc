//! What workers reach the outside worlds through.

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
    /// What the seed runs last said.
    pub seed_progress: Arc<Progress>,
    /// What is seen of services that are not ready yet.
    pub start_progress: Arc<Progress>,
    /// Secrets of projects.
    pub secrets: SecretsFile,
    /// Whether the engine's disk was over `limits.evict_disk_percent_max` at the last sweep.
    pub disk_is_full: AtomicBool,
    /// What the operator decided.
    pub settings: Settings,
}
