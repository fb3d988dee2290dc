//! What a server needs of its host: the engine, and the pool that databases live in.

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

/// Connects to the engine, and opens the pool once the engine is seen to answer. Where it fails, nothing is
/// left mounted.
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
        return Err(error).context("the journal of builds cannot be read");
    }
    Ok(docker)
}

/// All that the engine holds of this instance.
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

/// An engine that does not see our files would never start a database.
async fn seen_to_share_files(docker: &Docker, config: &ServerConfig) -> anyhow::Result<()> {
    let sees = docker.sees(&config.data).await;
    anyhow::ensure!(
        sees.context("the engine cannot be asked for the files of this host")?,
        "the engine on {} does not see {}: {UNSEEN_FILES}",
        config.engine_socket.display(),
        config.data.display()
    );
    Ok(())
}

/// What the engine's client is told, without the pool.
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

/// Where databases live: mounted again after the host was restarted, before anything is started.
async fn open_pool(config: &ServerConfig) -> anyhow::Result<Pool> {
    let pool = Pool::open(pool_config(config))
        .await
        .context("the pool of databases cannot be opened")?;
    if let Err(error) = pool.recover().await {
        if let Err(error) = pool.close().await {
            tracing::warn!(%error, "the pool stays mounted");
        }
        return Err(error).context("what an unfinished seed run left cannot be removed");
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

/// What builds may take of the host, in the engine's words.
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
