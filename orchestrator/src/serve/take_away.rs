//! `dayfly down` where no server runs: takes away what one left that ended by itself.

use anyhow::Context as _;
use deploy::{
    docker::Docker,
    engine::{Engine as _, Observation},
    pool::Pool,
};
use proxy::client::ControlClient;

use super::{
    host::{engine_config, pool_config, seen_to_answer},
    leave::has_containers,
    lock::{DataLock, RecordsLock},
};
use crate::{config::ServerConfig, store::Store};

/// What was taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenAway {
    /// The proxy was stopped.
    pub proxy: bool,
    /// So many networks were removed.
    pub networks: usize,
    /// Rules were taken out of the host's firewall.
    pub rules: bool,
    /// Why nobody could look for such rules: without root or `iptables` there can hardly be any.
    pub rules_unseen: Option<String>,
    /// The pool's file was unmounted.
    pub pool: bool,
    /// Containers are there, so their networks, the rules and the pool stayed.
    pub in_use: bool,
}

/// Stops the proxy of a data directory without a server, and takes its networks, its firewall rules, its
/// mount and its lock away, unless containers of previews still need them.
///
/// # Errors
/// Where a server holds the directory, and where the engine or the mount says no. What was
/// taken away until then is gone.
pub async fn take_away(config: &ServerConfig) -> anyhow::Result<TakenAway> {
    let mut done = TakenAway::default();
    if !config.data.try_exists()? {
        return Ok(done);
    }
    let _lock = DataLock::acquire(&config.data)?;
    let proxy = ControlClient::new(&config.data.join("proxy"));
    if proxy.about().await.is_ok() {
        proxy.stop().await.context("failed to stop the proxy")?;
        done.proxy = true;
    }
    let records = config.data.join("dayfly.db");
    if !records.try_exists()? {
        return Ok(done);
    }
    let store = Store::open(&records)?;
    let _records = RecordsLock::acquire(store.instance())?;
    let docker = Docker::connect(engine_config(config, store.instance().clone())?)?;
    let seen = seen_to_answer(&docker, config).await;
    let seen = seen.context("networks, firewall rules and the pool stay as they are")?;
    if has_containers(&seen) {
        done.in_use = true;
        return Ok(done);
    }
    done.networks = remove_networks(&docker, &seen).await?;
    done.pool = Pool::close_left(&pool_config(config)).await?;
    match docker.firewall().remove().await {
        Ok(removed) => done.rules = removed,
        Err(why) => done.rules_unseen = Some(why),
    }
    Ok(done)
}

async fn remove_networks(docker: &Docker, seen: &Observation) -> anyhow::Result<usize> {
    for (preview, network) in &seen.networks {
        docker
            .remove_network(preview, network)
            .await
            .with_context(|| format!("a network of {preview} stays"))?;
    }
    Ok(seen.networks.len())
}
