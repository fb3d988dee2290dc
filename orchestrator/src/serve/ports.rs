//! Creates the ports of workers from the configuration.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use deploy::{
    docker::Docker,
    source::{self, Mirrors},
};
use webhook::forge::Forge;

use super::proxy_process::ProxyProcess;
use crate::{
    clock::wall_ms,
    config::{LinkKey, ServerConfig, Settings},
    inputs::sources::GitSources,
    routes::Routes,
    store::Store,
    worker::{AdmissionQueue, BuildQueue, Ports, StateBoard},
};

/// Everything that workers share.
pub(super) async fn ports(
    config: &ServerConfig,
    proxy: &Arc<ProxyProcess>,
    docker: &Docker,
    store: Store,
    (forge, mirrors): (Option<Arc<dyn Forge>>, Arc<Mirrors>),
) -> anyhow::Result<Ports> {
    let settings = settings(config, proxy, link_key(&config.data, &store).await?);
    let sources = sources(config, mirrors, forge.clone());
    Ok(Ports {
        store,
        engine: Arc::new(docker.clone()),
        builder: Arc::new(docker.clone()),
        databases: Arc::new(docker.clone()),
        data_access: Arc::new(docker.clone()),
        forge,
        sources: Arc::new(sources),
        routes: Routes::new(settings.clone(), Arc::clone(proxy) as _),
        admission: AdmissionQueue::new(settings.limits.previews_awake_max),
        board: StateBoard::default(),
        builds: BuildQueue::new(settings.limits.builds_max),
        seed_progress: Arc::default(),
        start_progress: Arc::default(),
        secrets: config.secrets.clone(),
        disk_is_full: AtomicBool::default(),
        settings,
    })
}

/// The mirrors of repositories, with the operator's limits.
pub(super) fn mirrors(config: &ServerConfig) -> Mirrors {
    let allowed = &config.limits;
    let limits = source::Limits {
        lfs_bytes_max: allowed.lfs_mib_max << 20,
        lfs_cache_bytes_max: allowed.lfs_cache_mib_max << 20,
        ..source::Limits::default()
    };
    Mirrors::with_limits(config.data.join("mirrors"), limits)
}

/// Fetches source code.
fn sources(
    config: &ServerConfig,
    mirrors: Arc<Mirrors>,
    forge: Option<Arc<dyn Forge>>,
) -> GitSources {
    let github = config.github.as_ref();
    GitSources {
        mirrors,
        forge,
        allow_insecure_clone: github.is_some_and(|github| github.allow_insecure_clone),
        submodules: github.map_or_else(Vec::new, |github| github.submodules.clone()),
    }
}

/// The key of links, created where it is missing. A new key makes the links in comments invalid, so
/// the store first requests new comments: a crash in between must not leave invalid links.
async fn link_key(data: &Path, store: &Store) -> anyhow::Result<LinkKey> {
    if let Some(key) = LinkKey::read(data)? {
        return Ok(key);
    }
    store.forget_reports().await?;
    LinkKey::make(data)
}

fn settings(config: &ServerConfig, proxy: &ProxyProcess, link_key: LinkKey) -> Settings {
    let own_port = proxy
        .listen()
        .first()
        .map_or(80, std::net::SocketAddr::port);
    Settings {
        domain: config.domain.clone(),
        control_host: config.control_host.clone(),
        public_scheme: config.public_scheme.clone(),
        public_port: config.public_port.unwrap_or(own_port),
        repositories: config
            .github
            .as_ref()
            .map(|github| github.repositories.clone())
            .unwrap_or_default(),
        logs: config.data.join("logs"),
        link_key,
        limits: config.limits.clone(),
    }
}

/// Adopts the routes that the proxy served while no server ran.
pub(super) async fn adopt_routes(ports: &Ports, proxy: &ProxyProcess) -> anyhow::Result<()> {
    let table = proxy.table().await.unwrap_or_default();
    for row in ports.store.previews().await? {
        let sessions = ports.store.sessions(&row.id, wall_ms()).await?;
        let revisions = ports.store.revisions(&row.id).await?;
        ports.routes.adopt(&table, &row, sessions, |number| {
            let known = revisions
                .iter()
                .find(|revision| revision.facts.number == number)?;
            (known.facts.life == row.desired.life).then(|| known.facts.blueprint.clone())?
        });
    }
    Ok(())
}
