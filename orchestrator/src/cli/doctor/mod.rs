//! `dayfly doctor`.

mod backups;
mod outside;

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use deploy::{
    databases::PoolState,
    docker::{Check, CheckState, Docker, DockerConfig, UNSEEN_FILES},
    engine::EngineError,
    names::Instance,
    pool::CloneMethod,
};
use nix::sys::statvfs::statvfs;

use super::{call::Caller, render, units};
use crate::{
    api::client::ClientError,
    config::ServerConfig,
    serve::{host, private},
};

/// Free space below this is too little for builds, in bytes.
const DISK_BYTES_ENOUGH: u64 = 5 << 30;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The server's configuration file; without it, the default settings apply
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Doctor {
    /// Exits with code 1 if a check is bad.
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let config = ServerConfig::read(self.config.as_deref(), Some(caller.data.clone()))
            .context("failed to read the configuration")?;
        let mut checks = vec![data(&caller.data), disk(&caller.data), server(caller).await];
        checks.push(pool(caller).await);
        checks.push(backups::backups(caller, config.backups.as_ref()).await);
        checks.extend(engine(&config).await);
        checks.extend(outside::outside(&config, caller).await);
        checks.extend(config.doubts.iter().map(|doubt| {
            let advice = Some(doubt.advice.clone());
            Check::new(CheckState::Warning, "config", doubt.found.clone(), advice)
        }));
        for check in &checks {
            caller.output.line(&render::check(check, caller.output))?;
        }
        let bad = checks.iter().any(|check| check.state == CheckState::Bad);
        Ok(if bad {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

async fn engine(config: &ServerConfig) -> Vec<Check> {
    let bad = |found: String, advice: &str| {
        vec![Check::new(
            CheckState::Bad,
            "engine",
            found,
            Some(advice.to_owned()),
        )]
    };
    // The checks read no objects of an instance, so any instance id works.
    let Ok(instance) = Instance::parse("00000000") else {
        return Vec::new();
    };
    let Ok(subnet_pool) = config.subnet_pool.parse() else {
        return bad(
            format!("engine.subnet_pool is {:?}", config.subnet_pool),
            "set it to a network such as 10.96.0.0/16",
        );
    };
    let engine = DockerConfig {
        socket: config.engine_socket.clone(),
        subnet_pool,
        builds: host::build_limits(&config.limits),
        ..DockerConfig::new(instance)
    };
    match Docker::connect(engine) {
        Ok(docker) => {
            let mut checks = docker.check().await;
            checks.extend(files(&docker, &config.data).await);
            checks
        }
        Err(error) => bad(
            error.to_string(),
            "start Docker, and allow this user to open its socket",
        ),
    }
}

/// Checks whether the engine sees the data directory. None without a directory or an engine.
async fn files(docker: &Docker, data: &Path) -> Option<Check> {
    if !data.is_dir() {
        return None;
    }
    let shown = data.display();
    match docker.sees(data).await {
        Ok(true) => Some(Check::new(
            CheckState::Good,
            "files",
            format!("Docker sees {shown}"),
            None,
        )),
        Ok(false) => Some(Check::new(
            CheckState::Bad,
            "files",
            format!("Docker cannot see Dayfly's data directory {shown}"),
            Some(UNSEEN_FILES.to_owned()),
        )),
        Err(EngineError::Unreachable(_)) => None,
        Err(error) => Some(Check::new(
            CheckState::Warning,
            "files",
            format!("cannot check whether Docker sees {shown}: {error}"),
            Some("run `dayfly doctor` as the server's user".to_owned()),
        )),
    }
}

/// How databases are copied: as the running server reports, or as a new server would do it.
async fn pool(caller: &Caller) -> Check {
    let server: Result<PoolState, ClientError> = caller.client.get("/api/v1/pool").await;
    if let Ok(pool) = server {
        let found = format!("{}; {} free", pool.way, units::bytes(pool.free_bytes));
        let state = match pool.remedy {
            Some(_) => CheckState::Warning,
            None => CheckState::Good,
        };
        return Check::new(state, "pool", found, pool.remedy);
    }
    let foreseen = CloneMethod::foresee(&caller.data);
    let state = match foreseen.remedy() {
        Some(_) => CheckState::Warning,
        None => CheckState::Good,
    };
    let remedy = foreseen.remedy().map(str::to_owned);
    Check::new(state, "pool", foreseen.sentence(), remedy)
}

fn data(data: &Path) -> Check {
    let shown = data.display().to_string();
    let advice = |text: &str| Some(text.to_owned());
    if let Err(error) = private::check_data(data) {
        return Check::new(CheckState::Bad, "data", format!("{error:#}"), None);
    }
    match std::fs::metadata(data) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let found = format!("{shown} does not exist yet; it is created when a server starts");
            Check::new(CheckState::Good, "data", found, None)
        }
        Err(error) => {
            let advice = advice("choose another directory with --data");
            Check::new(CheckState::Bad, "data", format!("{shown}: {error}"), advice)
        }
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            let advice = advice(
                "run `chmod 700` on the directory, or start the server, which does the same",
            );
            let found = format!("{shown} is open to other users");
            Check::new(CheckState::Warning, "data", found, advice)
        }
        Ok(_) => Check::new(CheckState::Good, "data", shown, None),
    }
}

/// The space of the directory, or of the nearest one above that exists.
fn disk(data: &Path) -> Check {
    let Some(facts) = data.ancestors().find_map(|folder| statvfs(folder).ok()) else {
        let advice = Some("choose another directory with --data".to_owned());
        return Check::new(
            CheckState::Warning,
            "disk",
            "cannot read the free disk space".to_owned(),
            advice,
        );
    };
    let free = facts
        .blocks_available()
        .saturating_mul(facts.fragment_size());
    let found = format!("{} free", units::bytes(free));
    if free >= DISK_BYTES_ENOUGH {
        return Check::new(CheckState::Good, "disk", found, None);
    }
    let advice = format!(
        "free some space: builds need at least {}",
        units::bytes(DISK_BYTES_ENOUGH)
    );
    Check::new(CheckState::Warning, "disk", found, Some(advice))
}

async fn server(caller: &Caller) -> Check {
    let socket = caller.client.socket().display();
    match caller.client.health().await {
        Ok(health) => {
            let listen: Vec<String> = health.listen.iter().map(ToString::to_string).collect();
            let found = format!(
                "dayfly {} answers on {socket}; visitors connect to {}",
                health.version,
                listen.join(", ")
            );
            Check::new(CheckState::Good, "server", found, None)
        }
        Err(ClientError::NoServer { .. }) => {
            let found = format!("no server answers on {socket}");
            Check::new(CheckState::Good, "server", found, None)
        }
        Err(error) => {
            let advice = Some("stop the server with `dayfly down` and start it again".to_owned());
            Check::new(CheckState::Bad, "server", error.to_string(), advice)
        }
    }
}
