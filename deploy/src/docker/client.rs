//! The handle that all three ports share.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bollard::errors::Error;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::{
    DockerConfig, Firewall,
    build::under_way::BuildsUnderWay,
    config::CLOSE_SECONDS_MAX,
    database::DataLocks,
    error::{classify, found},
    image_facts::ImageFacts,
    image_list::ImageList,
    names::Names,
    transport,
};
use crate::{
    engine::{EngineError, Network},
    labels,
    names::{ImageId, PreviewId},
};

/// Maximum number of cached image facts; beyond it, the cache is cleared.
const IMAGE_FACTS_MAX: usize = 1_000;

/// A Docker engine behind a Unix socket. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Docker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    api: bollard::Docker,
    config: DockerConfig,
    firewall: Firewall,
    /// Known network ids of the engine; an entry is dropped when the engine denies it.
    networks: Mutex<BTreeMap<(PreviewId, Network), String>>,
    /// Facts of images. They never change, since an image's id is its digest.
    images: Mutex<HashMap<ImageId, Arc<ImageFacts>>>,
    image_list: Arc<ImageList>,
    /// Held while a subnet is chosen and its network is created.
    allocation: tokio::sync::Mutex<()>,
    /// Locks on snapshots and data.
    data_locks: DataLocks,
    builds: BuildsUnderWay,
    means: OnceCell<Means>,
    /// The last known interface of builds that must be isolated.
    builds_bridge: Mutex<Option<Option<String>>>,
    /// The folder in which the engine stores images and containers.
    root: OnceCell<PathBuf>,
}

/// Capabilities of the engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means {
    /// Its number of processors.
    pub(super) processors: u64,
    /// Whether it filters system calls.
    pub(super) seccomp: bool,
}

impl Docker {
    /// A handle on the engine behind that socket. This sends nothing: the first call detects an
    /// unreachable engine, and the engine may come back between two calls.
    pub fn connect(config: DockerConfig) -> Result<Self, EngineError> {
        // The slowest answer is that of a stop, which waits for the grace period.
        let close = Duration::from_secs(CLOSE_SECONDS_MAX.unsigned_abs().into());
        let head = config.timeouts.change.max(close + config.timeouts.call);
        let api = transport::client(&config.socket, head, CancellationToken::new())
            .map_err(|error| classify("the engine", error))?;
        Ok(Self {
            inner: Arc::new(Inner {
                api,
                firewall: Firewall::new(
                    config.instance.clone(),
                    config.subnet_pool,
                    config.host_users.clone(),
                ),
                builds: BuildsUnderWay::new(config.builds_journal.clone()),
                config,
                networks: Mutex::default(),
                images: Mutex::default(),
                image_list: Arc::default(),
                allocation: tokio::sync::Mutex::default(),
                data_locks: DataLocks::default(),
                means: OnceCell::new(),
                builds_bridge: Mutex::default(),
                root: OnceCell::new(),
            }),
        })
    }

    pub(super) fn builds_under_way(&self) -> &BuildsUnderWay {
        &self.inner.builds
    }

    pub(super) fn image_list(&self) -> &Arc<ImageList> {
        &self.inner.image_list
    }

    /// Its configuration.
    pub fn config(&self) -> &DockerConfig {
        &self.inner.config
    }

    /// The host's firewall.
    pub fn firewall(&self) -> &Firewall {
        &self.inner.firewall
    }

    pub(super) fn api(&self) -> &bollard::Docker {
        &self.inner.api
    }

    pub(super) fn names<'a>(&'a self, preview: &'a PreviewId) -> Names<'a> {
        Names {
            instance: &self.inner.config.instance,
            preview,
        }
    }

    pub(super) fn allocation(&self) -> &tokio::sync::Mutex<()> {
        &self.inner.allocation
    }

    /// Runs a query or a small change, with the short deadline.
    pub(super) async fn call<T>(
        &self,
        what: &str,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        within(self.inner.config.timeouts.call, what, future).await
    }

    /// Like [`Docker::call`], for an object that may not exist.
    pub(super) async fn find<T>(
        &self,
        what: &str,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<Option<T>, EngineError> {
        self.call(what, async { found(future.await) }).await
    }

    /// Runs a start, stop or removal, with the long deadline.
    pub(super) async fn change<T>(
        &self,
        what: &str,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        within(self.inner.config.timeouts.change, what, future).await
    }

    /// Like [`Docker::change`], but an absent object counts as success.
    pub(super) async fn absent(
        &self,
        what: &str,
        future: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), EngineError> {
        self.change(what, async { found(future.await) })
            .await
            .map(|_| ())
    }

    pub(super) fn data_locks(&self) -> &DataLocks {
        &self.inner.data_locks
    }

    /// Capabilities of the engine; queried once.
    pub(super) async fn means(&self) -> Result<Means, EngineError> {
        let ask = || async {
            let info = self.call("the engine's facts", self.api().info()).await?;
            // Without CPU quotas, the engine would start containers without any limit.
            if info.cpu_cfs_quota == Some(false) || info.cpu_cfs_period == Some(false) {
                return Err(EngineError::Refused {
                    what: "a CPU limit".to_owned(),
                    why: "the kernel does not support CPU quotas (CONFIG_CFS_BANDWIDTH)".to_owned(),
                });
            }
            let processors = info.ncpu.and_then(|n| u64::try_from(n).ok());
            let options = info.security_options.unwrap_or_default();
            Ok(Means {
                processors: processors.unwrap_or(1).max(1),
                seccomp: options.iter().any(|option| option.contains("name=seccomp")),
            })
        };
        self.inner.means.get_or_try_init(ask).await.copied()
    }

    /// The folder in which the engine stores images and containers, if it reports one.
    pub(super) async fn engine_root(&self) -> Option<PathBuf> {
        let ask = || async {
            let info = self.call("the engine's facts", self.api().info()).await?;
            info.docker_root_dir.map(PathBuf::from).ok_or_else(|| {
                EngineError::Unreachable("the engine does not say where its data is".to_owned())
            })
        };
        self.inner.root.get_or_try_init(ask).await.ok().cloned()
    }

    /// The last known interface of builds that must be isolated; `None` if never seen.
    pub(super) fn last_builds_bridge(&self) -> Option<Option<String>> {
        lock(&self.inner.builds_bridge).clone()
    }

    pub(super) fn remember_builds_bridge(&self, interface: Option<&str>) {
        *lock(&self.inner.builds_bridge) = Some(interface.map(str::to_owned));
    }

    pub(super) fn remembered_network(
        &self,
        preview: &PreviewId,
        network: &Network,
    ) -> Option<String> {
        lock(&self.inner.networks)
            .get(&(preview.clone(), network.clone()))
            .cloned()
    }

    pub(super) fn remember_network(&self, preview: &PreviewId, network: &Network, id: &str) {
        lock(&self.inner.networks).insert((preview.clone(), network.clone()), id.to_owned());
    }

    pub(super) fn forget_network(&self, preview: &PreviewId, network: &Network) {
        lock(&self.inner.networks).remove(&(preview.clone(), network.clone()));
    }

    pub(super) fn remembered_image(&self, image: &ImageId) -> Option<Arc<ImageFacts>> {
        lock(&self.inner.images).get(image).cloned()
    }

    pub(super) fn remember_image(&self, image: &ImageId, facts: Arc<ImageFacts>) {
        let mut images = lock(&self.inner.images);
        if images.len() >= IMAGE_FACTS_MAX {
            images.clear();
        }
        images.insert(image.clone(), facts);
    }

    /// The filter that finds objects with these labels, of this instance only.
    pub(super) fn filter(&self, more: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
        let instance = format!("{}={}", labels::INSTANCE, self.inner.config.instance);
        let more = more.iter().map(|(key, value)| format!("{key}={value}"));
        HashMap::from([(
            "label".to_owned(),
            std::iter::once(instance).chain(more).collect(),
        )])
    }
}

/// Waits for an answer, with a time limit.
pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, EngineError> {
    match tokio::time::timeout(limit, future).await {
        Ok(result) => result.map_err(|error| classify(what, error)),
        Err(_) => Err(EngineError::Unreachable(format!(
            "{what}: no answer within {} s",
            limit.as_secs()
        ))),
    }
}

/// Ignores poisoning: the map is valid even if a holder of the lock panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
