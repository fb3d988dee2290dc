//! Starts, adopts, supervises and restarts the proxy, which is a separate process.
//!
//! The proxy outlives the server: it keeps serving its last table, and the next server adopts it.

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

use super::private;
use crate::routes::{RouteSwitch, Routes};

/// How long a proxy that was just started may take to answer.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// Pause between two checks whether it answers.
const START_PAUSE: Duration = Duration::from_millis(10);
/// Pause between a failed start and the next one.
const RESTART_PAUSE: Duration = Duration::from_millis(500);
/// How long a proxy may take to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(15);

/// The proxy that serves the server's table.
pub struct ProxyProcess {
    dir: PathBuf,
    public_scheme: String,
    /// The user and group that it runs as; none where the server does not run as root.
    run_as: Option<(u32, u32)>,
    client: ControlClient,
    /// Whether a proxy was already running.
    found: bool,
    /// The addresses on which it listens. Once known they stay, so that a restarted proxy listens
    /// on the same addresses.
    listen: Mutex<Vec<SocketAddr>>,
}

impl ProxyProcess {
    /// Adopts the proxy that runs in `dir`, or starts one, as `run_as`.
    pub async fn ensure(
        dir: PathBuf,
        listen: Vec<SocketAddr>,
        public_scheme: String,
        run_as: Option<(u32, u32)>,
    ) -> anyhow::Result<Arc<Self>> {
        proxy::prepare_dir(&dir, run_as)?;
        let client = ControlClient::new(&dir);
        let running = client.about().await.ok();
        let process = Self {
            dir,
            public_scheme,
            run_as,
            client,
            found: running.is_some(),
            listen: Mutex::new(listen),
        };
        let about = match running {
            Some(about) if process.is_ours(&about) => {
                tracing::info!(pid = about.pid, "adopted the running proxy");
                about
            }
            Some(about) => process.replace(about).await?,
            None => process.start().await?,
        };
        *process.addresses() = about.listen;
        Ok(Arc::new(process))
    }

    /// Stops the running proxy and starts the configured one. Where that one does not start, this
    /// starts the former proxy again.
    async fn replace(&self, former: About) -> anyhow::Result<About> {
        tracing::info!(
            pid = former.pid,
            "the running proxy has another version or configuration; replacing it"
        );
        self.stop().await?;
        let started = self.start().await;
        if started.is_err()
            && let Err(error) = self.start_with(&former.listen, &former.scheme).await
        {
            tracing::error!(
                error = format!("{error:#}"),
                "cannot start the former proxy again; no proxy is running"
            );
        }
        started
    }

    /// Whether a proxy was already running. It keeps running where the start of the server fails.
    pub fn was_found(&self) -> bool {
        self.found
    }

    /// The addresses on which it listens.
    pub fn listen(&self) -> Vec<SocketAddr> {
        self.addresses().clone()
    }

    /// The table it serves.
    pub async fn table(&self) -> Option<RouteTable> {
        self.client.table().await.ok().flatten()
    }

    /// Restarts the proxy whenever it is gone, until the server stops.
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
                    tracing::warn!(?watched, "the proxy is gone; restarting it");
                }
            }
            if let Err(error) = self.restart(&routes.routes).await {
                tracing::error!(
                    error = format!("{error:#}"),
                    "cannot start the proxy; retrying"
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
        self.client.stop().await.context("cannot stop the proxy")?;
        let deadline = Instant::now() + STOP_DEADLINE;
        while self.client.about().await.is_ok() {
            anyhow::ensure!(Instant::now() < deadline, "the proxy did not stop in time");
            tokio::time::sleep(START_PAUSE).await;
        }
        Ok(())
    }

    async fn start(&self) -> anyhow::Result<About> {
        self.start_with(&self.listen(), &self.public_scheme).await
    }

    async fn start_with(&self, listen: &[SocketAddr], scheme: &str) -> anyhow::Result<About> {
        let mut child = self
            .command(listen, scheme)?
            .spawn()
            .context("cannot start the proxy")?;
        let pid = child.id();
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if let Ok(about) = self.client.about().await {
                // The socket shows when the proxy exits; this only reaps the process. It needs its
                // own thread: the runtime waits for its threads, and the proxy outlives the server.
                std::thread::spawn(move || child.wait());
                tracing::info!(pid, listen = ?about.listen, "the proxy is running");
                return Ok(about);
            }
            if let Some(status) = child.try_wait()? {
                let log = self.dir.with_extension("log");
                anyhow::bail!("the proxy exited with {status}: {}", last_line(&log));
            }
            if Instant::now() >= deadline {
                // Nothing else would ever stop it.
                child.kill()?;
                child.wait()?;
                anyhow::bail!("the proxy did not answer in time after its start");
            }
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
            && self.run_as.is_none_or(|(uid, _)| uid == about.uid)
            && about.scheme == self.public_scheme
            && wanted.len() == about.listen.len()
            && wanted.iter().zip(&about.listen).all(same)
    }

    /// The command that starts the proxy: in its own process group, with only the log settings of
    /// the environment, and with its output in a file beside its directory.
    fn command(&self, listen: &[SocketAddr], scheme: &str) -> anyhow::Result<Command> {
        let exe = std::env::current_exe().context("cannot find the program file of dayfly")?;
        let mut options = OpenOptions::new();
        let options = options.create(true).append(true).mode(0o600);
        let log = private::open(&self.dir.with_extension("log"), options)?;
        let mut command = Command::new(exe);
        command
            .arg("proxy")
            .arg("--dir")
            .arg(&self.dir)
            .arg("--public-scheme")
            .arg(scheme);
        for address in listen {
            command.arg("--listen").arg(address.to_string());
        }
        if let Some((uid, gid)) = self.run_as {
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
                "requests were still open at the drain's deadline and were cut"
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

/// Runs `dayfly proxy`; returns once it stops. Call it before any thread exists.
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

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("its log is empty").to_owned()
}
