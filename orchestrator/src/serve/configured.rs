//! What the configuration becomes: sources, the key of links, settings.

use std::{path::Path, sync::Arc};

use deploy::source::{self, Mirrors};
use webhook::forge::Forge;

use super::proxy_process::ProxyProcess;
use crate::{
    config::{LinkKey, ServerConfig, Settings},
    inputs::sources::GitSources,
    store::Store,
};

/// Where source comes from, with what the operator allows.
pub(super) fn sources(
    config: &ServerConfig,
    settings: &Settings,
    forge: Option<Arc<dyn Forge>>,
) -> GitSources {
    let github = config.github.as_ref();
    let limits = source::Limits {
        lfs_bytes_max: settings.limits.lfs_mib_max << 20,
        lfs_cache_bytes_max: settings.limits.lfs_cache_mib_max << 20,
        ..source::Limits::default()
    };
    let mirrors = Mirrors::with_limits(config.data.join("mirrors"), limits);
    GitSources {
        mirrors: Arc::new(mirrors),
        forge,
        allow_insecure_clone: github.is_some_and(|github| github.allow_insecure_clone),
        submodules: github.map_or_else(Vec::new, |github| github.submodules.clone()),
    }
}

/// The key of links. Where there is none yet, what comments say of links is true no more: they are edited,
/// which is asked for before the key is there, since a death between the two must not leave them as they are.
pub(super) async fn link_key(data: &Path, store: &Store) -> anyhow::Result<LinkKey> {
    if let Some(key) = LinkKey::read(data)? {
        return Ok(key);
    }
    store.forget_reports().await?;
    LinkKey::make(data)
}

/// What everybody is told of the configuration.
pub(super) fn settings(config: &ServerConfig, proxy: &ProxyProcess, link_key: LinkKey) -> Settings {
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
