//! `dayfly down` where no server runs: removes what the last server left behind.

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

/// What `take_away` removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenAway {
    /// The proxy was stopped.
    pub proxy: bool,
    /// The number of removed networks.
    pub networks: usize,
    /// Firewall rules were removed from the host.
    pub rules: bool,
    /// Why the firewall could not be checked: without root or `iptables` it has hardly any rules.
    pub rules_unseen: Option<String>,
    /// The pool's file was unmounted.
    pub pool: bool,
    /// Containers exist, so their networks, the rules and the pool stay.
    pub in_use: bool,
}

/// Stops the proxy of a data directory without a server, and removes its networks, its firewall
/// rules, its mount and its lock, unless containers of previews still need them.
///
/// # Errors
/// Where a server holds the directory, and where the engine or the unmount fails. Earlier removals
/// are not undone.
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
        // A killed restore leaves the pool mounted, and no records.
        done.pool = Pool::close_left(&pool_config(config)).await?;
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
            .with_context(|| format!("cannot remove a network of {preview}"))?;
    }
    Ok(seen.networks.len())
}
