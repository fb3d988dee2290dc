//! Connects a server to its host: to the engine, and to the pool of databases.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use deploy::{
    docker::{BuildLimits, Ceiling, Docker, DockerConfig, UNSEEN_FILES},
    engine::{Engine as _, Observation},
    names::Instance,
    pool::{Pool, PoolConfig},
};

use super::leave;
use crate::{
    config::{Limits, ServerConfig},
    store::Store,
};

/// Connects to the engine, and opens the pool once the engine answers. A failure leaves nothing
/// mounted.
pub async fn connect_engine(
    config: &ServerConfig,
    store: &Store,
    host_users: Vec<u32>,
) -> anyhow::Result<Docker> {
    let mut engine = engine_config(config, store.instance().clone())?;
    engine.host_users = host_users;
    let docker = Docker::connect(engine.clone())?;
    seen_to_answer(&docker, config).await?;
    seen_to_share_files(&docker, config).await?;
    engine.pool = Some(open_pool(config).await?);
    let docker = Docker::connect(engine)?;
    if let Err(error) = docker.take_up_builds() {
        leave::pool(&docker).await;
        return Err(error).context("cannot read the journal of builds");
    }
    Ok(docker)
}

/// Everything of this instance in the engine. Fails where the engine does not answer.
pub(super) async fn seen_to_answer(
    docker: &Docker,
    config: &ServerConfig,
) -> anyhow::Result<Observation> {
    docker.observe(None).await.with_context(|| {
        format!(
            "no engine answers on {}; is Docker running?",
            config.engine_socket.display()
        )
    })
}

/// Fails where the engine cannot see the files of this host: it could never start a database.
async fn seen_to_share_files(docker: &Docker, config: &ServerConfig) -> anyhow::Result<()> {
    let sees = docker.sees(&config.data).await;
    anyhow::ensure!(
        sees.context("cannot check whether the engine sees the files of this host")?,
        "the engine on {} does not see {}: {UNSEEN_FILES}",
        config.engine_socket.display(),
        config.data.display()
    );
    Ok(())
}

/// The configuration of the engine's client, without the pool.
pub(super) fn engine_config(
    config: &ServerConfig,
    instance: Instance,
) -> anyhow::Result<DockerConfig> {
    let pool = &config.subnet_pool;
    let subnet_pool = pool
        .parse()
        .map_err(|error| anyhow::anyhow!("engine.subnet_pool {pool:?}: {error}"))?;
    let mut engine = DockerConfig::new(instance);
    engine.socket.clone_from(&config.engine_socket);
    engine.subnet_pool = subnet_pool;
    engine.isolate_builds = config.isolate_builds;
    engine.registries = Arc::new(config.registries.clone());
    let limits = &config.limits;
    engine.database_bytes_max = limits.database_mib_max.saturating_mul(1 << 20);
    engine.timeouts.seed = Duration::from_secs(limits.seed_seconds_max);
    engine.timeouts.build = Duration::from_secs(limits.build_seconds_max);
    engine.builds = build_limits(limits);
    engine.builds_journal = Some(config.data.join("builds"));
    Ok(engine)
}

/// Opens the pool of databases. After a restart of the host this mounts it again.
async fn open_pool(config: &ServerConfig) -> anyhow::Result<Pool> {
    let pool = Pool::open(pool_config(config))
        .await
        .context("cannot open the pool of databases")?;
    if let Err(error) = pool.recover().await {
        if let Err(error) = pool.close().await {
            tracing::warn!(%error, "cannot unmount the pool; it stays mounted");
        }
        return Err(error).context("cannot remove the remains of an interrupted seed run");
    }
    if let Some(remedy) = pool.clone_method().remedy() {
        tracing::warn!(remedy, "{}", pool.clone_method().sentence());
    }
    Ok(pool)
}

/// Where the pool is and how large it may be.
pub fn pool_config(config: &ServerConfig) -> PoolConfig {
    PoolConfig {
        directory: config.data.join("pool"),
        file: config.data.join("pool.xfs"),
        file_mib_max: config.limits.pool_mib_max,
        free_mib_min: config.limits.pool_free_mib_min,
    }
}

/// The limits of builds, for the engine's client.
pub fn build_limits(limits: &Limits) -> BuildLimits {
    BuildLimits {
        memory_free_mib_min: limits.build_memory_free_mib_min,
        disk_percent_max: limits.build_disk_percent_max,
        image_mib_max: limits.image_mib_max,
        ceiling: limits.build_memory_mib_max.map(|memory_mib| Ceiling {
            memory_mib,
            cpu_percent: limits.build_cpu_percent_max,
        }),
        ..BuildLimits::default()
    }
}
