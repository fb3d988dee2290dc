//! The proxy as a process of its own: started, adopted, watched, started again.
//!
//! It outlives us: after our death it goes on with its last table, and the next server adopts it.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use proxy::{
    ProxyConfig,
    client::{About, ControlClient},
    table::{Activity, RouteTable},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::routes::{RouteSwitch, Routes};

/// How long a proxy that was just started may take to answer.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// How often it is asked until it does.
const START_PAUSE: Duration = Duration::from_millis(10);
/// How long after a failed start the next one is tried.
const RESTART_PAUSE: Duration = Duration::from_millis(500);
/// How long a proxy that was asked to stop may take.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// The user the proxy becomes where we are root: one made for it, else `nobody`.
const USERS: [&str; 2] = ["dayfly-proxy", "nobody"];

/// The proxy that serves our table.
pub struct ProxyProcess {
    dir: PathBuf,
    public_scheme: String,
    client: ControlClient,
    /// Where it listens; once known it stays, so that a proxy that is started again is found where
    /// the first one was.
    listen: Mutex<Vec<SocketAddr>>,
}

impl ProxyProcess {
    /// Adopts the proxy that runs in `dir`, or starts one.
    pub async fn ensure(
        dir: PathBuf,
        listen: Vec<SocketAddr>,
        public_scheme: String,
    ) -> anyhow::Result<Arc<Self>> {
        proxy::prepare_dir(&dir, run_as()?)?;
        let client = ControlClient::new(&dir);
        let process = Self {
            dir,
            public_scheme,
            client,
            listen: Mutex::new(listen),
        };
        let about = match process.client.about().await {
            Ok(about) if process.is_ours(&about) => {
                tracing::info!(pid = about.pid, "adopted the proxy that was running");
                about
            }
            Ok(about) => {
                tracing::info!(
                    pid = about.pid,
                    "the running proxy is not the one wanted; it is replaced"
                );
                process.stop().await?;
                process.start().await?
            }
            Err(_) => process.start().await?,
        };
        *process.addresses() = about.listen;
        Ok(Arc::new(process))
    }

    /// Where it listens.
    pub fn listen(&self) -> Vec<SocketAddr> {
        self.addresses().clone()
    }

    /// The table it serves.
    pub async fn table(&self) -> Option<RouteTable> {
        self.client.table().await.ok().flatten()
    }

    /// Starts it again whenever it goes away, until we stop.
    pub async fn supervise(
        self: Arc<Self>,
        routes: Arc<crate::worker::Ports>,
        stop: CancellationToken,
    ) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                watched = self.client.watch() => {
                    if stop.is_cancelled() {
                        return;
                    }
                    tracing::warn!(?watched, "the proxy went away; it is started again");
                }
            }
            if let Err(error) = self.restart(&routes.routes).await {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the proxy could not be started"
                );
                tokio::time::sleep(RESTART_PAUSE).await;
            }
        }
    }

    async fn restart(&self, routes: &Routes) -> anyhow::Result<()> {
        self.start().await?;
        routes.publish_anew().await.map_err(anyhow::Error::msg)
    }

    /// Stops it and waits until it is gone.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.client
            .stop()
            .await
            .context("the proxy could not be stopped")?;
        let deadline = Instant::now() + STOP_DEADLINE;
        while self.client.about().await.is_ok() {
            anyhow::ensure!(Instant::now() < deadline, "the proxy does not stop");
            tokio::time::sleep(START_PAUSE).await;
        }
        Ok(())
    }

    async fn start(&self) -> anyhow::Result<About> {
        let listen = self.listen();
        let mut child = command(&self.dir, &listen, &self.public_scheme)?
            .spawn()
            .context("the proxy could not be started")?;
        let pid = child.id();
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if let Ok(about) = self.client.about().await {
                // Its end is learned from its socket; this only takes its remains away. A thread of
                // its own, since the runtime would not end before one of its own threads does, and
                // the proxy outlives us.
                std::thread::spawn(move || child.wait());
                tracing::info!(pid, listen = ?about.listen, "the proxy runs");
                return Ok(about);
            }
            if let Some(status) = child.try_wait()? {
                let log = self.dir.with_extension("log");
                anyhow::bail!("the proxy ended with {status}: {}", last_line(&log));
            }
            anyhow::ensure!(Instant::now() < deadline, "the proxy does not answer");
            tokio::time::sleep(START_PAUSE).await;
        }
    }

    /// Whether a running proxy is the one that this server would start.
    fn is_ours(&self, about: &About) -> bool {
        let wanted = self.addresses();
        let same = |(wanted, found): (&SocketAddr, &SocketAddr)| {
            wanted.ip() == found.ip() && (wanted.port() == 0 || wanted.port() == found.port())
        };
        about.version == env!("CARGO_PKG_VERSION")
            && about.scheme == self.public_scheme
            && wanted.len() == about.listen.len()
            && wanted.iter().zip(&about.listen).all(same)
    }

    fn addresses(&self) -> std::sync::MutexGuard<'_, Vec<SocketAddr>> {
        self.listen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RouteSwitch for ProxyProcess {
    async fn put_table(&self, table: &RouteTable) -> Result<(), String> {
        self.client
            .put_table(table)
            .await
            .map_err(|error| error.to_string())
    }

    async fn drain(&self, key: &str, deadline: Duration) -> Result<(), String> {
        let drained = self
            .client
            .drain(key, deadline)
            .await
            .map_err(|error| error.to_string())?;
        if drained.cut > 0 {
            tracing::warn!(
                key,
                cut = drained.cut,
                "requests were cut after the drain's deadline"
            );
        }
        Ok(())
    }

    async fn activity(&self) -> Result<Activity, String> {
        self.client
            .activity()
            .await
            .map_err(|error| error.to_string())
    }
}

/// What `dayfly proxy` runs: never returns while it serves. Call it before any thread exists.
pub fn child(
    dir: PathBuf,
    listen: Vec<SocketAddr>,
    run_as: Option<(u32, u32)>,
    public_scheme: String,
) -> anyhow::Result<()> {
    let limits = proxy::Limits::default();
    proxy::run(ProxyConfig {
        dir,
        listen,
        run_as,
        public_scheme,
        limits,
    })?;
    Ok(())
}

/// The command that starts it: a process group of its own, none of our environment but what a log
/// needs, output to a file beside its directory.
fn command(dir: &Path, listen: &[SocketAddr], public_scheme: &str) -> anyhow::Result<Command> {
    let exe = std::env::current_exe().context("our own program cannot be found")?;
    let path = dir.with_extension("log");
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let mut command = Command::new(exe);
    command
        .arg("proxy")
        .arg("--dir")
        .arg(dir)
        .arg("--public-scheme")
        .arg(public_scheme);
    for address in listen {
        command.arg("--listen").arg(address.to_string());
    }
    if let Some((uid, gid)) = run_as()? {
        command.arg("--run-as").arg(format!("{uid}:{gid}"));
    }
    command.env_clear();
    for name in ["DAYFLY_LOG", "DAYFLY_LOG_FORMAT", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(command)
}

/// User and group for the proxy; none where we are not root ourselves.
pub fn run_as() -> anyhow::Result<Option<(u32, u32)>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    for name in USERS {
        if let Some(user) = nix::unistd::User::from_name(name)? {
            return Ok(Some((user.uid.as_raw(), user.gid.as_raw())));
        }
    }
    anyhow::bail!(
        "dayfly runs as root and finds no user for its proxy; make one called {}",
        USERS[0]
    )
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}
