//! What a server needs of its host: the engine, and the pool that databases live in.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use deploy::{
    docker::{BuildLimits, Ceiling, Docker, DockerConfig},
    engine::Engine as _,
    pool::{Pool, PoolConfig},
};

use crate::{
    config::{Limits, ServerConfig},
    store::Store,
};

/// Connects to the engine and sees that it answers.
pub async fn connect_engine(config: &ServerConfig, store: &Store) -> anyhow::Result<Docker> {
    let pool = &config.subnet_pool;
    let subnet_pool = pool
        .parse()
        .map_err(|error| anyhow::anyhow!("engine.subnet_pool {pool:?}: {error}"))?;
    let mut engine = DockerConfig::new(store.instance().clone());
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
    // Before the pool is mounted: where this fails nothing stays behind.
    try_engine(&Docker::connect(engine.clone())?, config).await?;
    engine.pool = Some(open_pool(config).await?);
    let docker = Docker::connect(engine)?;
    docker
        .take_up_builds()
        .context("the journal of builds cannot be read")?;
    Ok(docker)
}

/// Sees that the engine answers, and that it sees our files.
async fn try_engine(docker: &Docker, config: &ServerConfig) -> anyhow::Result<()> {
    let socket = config.engine_socket.display();
    docker
        .observe(None)
        .await
        .with_context(|| format!("no engine answers on {socket}; is Docker running?"))?;
    let sees = docker.sees(&config.data).await;
    anyhow::ensure!(
        sees.context("the engine cannot be asked for the files of this host")?,
        "the engine on {socket} does not see {}: it runs on another host or in a container, or Dayfly does; \
         give both the same folder at the same path",
        config.data.display()
    );
    Ok(())
}

/// Where databases live: mounted again after the host was restarted, before anything is started.
async fn open_pool(config: &ServerConfig) -> anyhow::Result<Pool> {
    let pool = Pool::open(pool_config(config))
        .await
        .context("the pool of databases cannot be opened")?;
    pool.recover()
        .await
        .context("what an unfinished seed run left cannot be removed")?;
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
