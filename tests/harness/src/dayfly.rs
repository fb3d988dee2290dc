//! The whole of it: started, killed, started again, and taken apart without a trace.

use std::{
    fs::Permissions,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU32, atomic::Ordering},
    time::Duration,
};

use anyhow::Context as _;
use http::Method;
use tempfile::TempDir;
use tokio::process::Child;
use webhook::{
    model::{ModelConfig, ModelGitHub, ModelWebhook},
    names::{PullRequestNumber, RepoName},
};

use super::{
    api::Api,
    apps::App,
    engine::{Docker, SOCKET},
    mounts::{mount_disk, mounted_below, unmount_below},
    options::Options,
    process::{self, Ran},
    relay::Relay,
    visitor::Visitor,
    wait::{eventually, eventually_within},
};

/// How long a server may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// How long it may take to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(60);
/// The last lines of the server's log that are shown when a test fails.
const LOG_LINES: usize = 60;
/// What webhooks are signed with.
const SECRET: &str = "the-secret-of-this-test";
/// What the forge is asked with.
const TOKEN: &str = "ghp_the-token-of-this-test";

/// A server with everything around it.
pub struct Dayfly {
    /// The forge.
    pub forge: ModelGitHub,
    /// The repository on it.
    pub repo: RepoName,
    /// The server's own API.
    pub api: Api,
    /// What stands between the server and the engine.
    pub relay: Relay,
    /// The engine itself.
    pub docker: Docker,
    /// Where visitors come in.
    pub proxy: SocketAddr,
    options: Options,
    data: TempDir,
    server: Mutex<Option<Child>>,
    server_pid: Arc<AtomicU32>,
    opened: Mutex<Vec<PullRequestNumber>>,
    finished: bool,
}

impl Dayfly {
    /// Plays a test against a server as usual, and takes everything apart afterwards.
    ///
    /// # Errors
    /// What the test says; or that something is left.
    pub async fn play(test: impl AsyncFnOnce(&Self) -> anyhow::Result<()>) -> anyhow::Result<()> {
        Self::play_with(Options::default(), test).await
    }

    /// The same against a server with options.
    ///
    /// # Errors
    /// What the test says; or that something is left.
    pub async fn play_with(
        options: Options,
        test: impl AsyncFnOnce(&Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut dayfly = Self::start(options).await?;
        let mut outcome = test(&dayfly).await;
        if outcome.is_ok() {
            outcome = dayfly.finish().await;
        }
        if outcome.is_err() {
            dayfly.tell_log();
        }
        outcome
    }

    async fn start(options: Options) -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("dayfly-e2e-").tempdir()?;
        if let Some(mib) = options.disk_mib {
            mount_disk(data.path(), mib)?;
        }
        let relay = Relay::start(data.path().join("engine.sock"), Path::new(SOCKET))?;
        let config = ModelConfig {
            token: TOKEN.into(),
            ..ModelConfig::default()
        };
        let forge = ModelGitHub::start(config).await?;
        let repo = RepoName::parse("acme/shop")?;
        forge
            .create_repository(&repo, App::page("main").files())
            .await?;
        let engine = if options.direct {
            Path::new(SOCKET)
        } else {
            relay.path()
        };
        let settings = options.settings(&forge.url(), (TOKEN, SECRET), &repo, engine);
        let config = data.path().join("dayfly.server.toml");
        std::fs::write(&config, settings)?;
        // A token stands in it.
        std::fs::set_permissions(&config, Permissions::from_mode(0o600))?;
        let mut dayfly = Self {
            api: Api::new(data.path().join("api.sock")),
            docker: Docker::new("nobody"),
            proxy: SocketAddr::from(([127, 0, 0, 1], 0)),
            forge,
            repo,
            relay,
            options,
            data,
            server: Mutex::new(None),
            server_pid: Arc::default(),
            opened: Mutex::default(),
            finished: false,
        };
        let started = dayfly.restart().await;
        if let Err(error) = started {
            dayfly.tell_log();
            return Err(error);
        }
        let health = dayfly.api.get("/healthz").await?;
        let listen = health["listen"][0]
            .as_str()
            .context("the server listens nowhere")?;
        let listen: SocketAddr = listen.parse()?;
        dayfly.proxy = SocketAddr::from(([127, 0, 0, 1], listen.port()));
        let instance = health["instance"]
            .as_str()
            .context("the server has no instance")?;
        dayfly.docker = Docker::new(instance);
        if dayfly.options.webhook {
            dayfly.forge.set_webhook(Some(dayfly.webhook()));
        }
        Ok(dayfly)
    }

    /// What the forge is asked with.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// What webhooks are signed with.
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// Where the forge sends its events.
    pub fn webhook(&self) -> ModelWebhook {
        ModelWebhook {
            connect: self.proxy,
            host: self.control_host(),
            path: "/webhooks/github".to_owned(),
            secret: SECRET.into(),
        }
    }

    /// Host and port of the control host.
    pub fn control_host(&self) -> String {
        format!("dayfly.{}:{}", self.options.domain, self.proxy.port())
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The server's id on the engine.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn instance(&self) -> anyhow::Result<String> {
        let health = self.api.get("/healthz").await?;
        Ok(health["instance"].as_str().unwrap_or_default().to_owned())
    }

    /// Somebody who opens an address.
    pub fn visitor(&self, url: &str) -> Visitor {
        Visitor::new(self.proxy, url)
    }

    /// Runs a command of `dayfly` for this server's data directory.
    ///
    /// # Errors
    /// Where it does not end.
    pub async fn command(&self, folder: &Path, arguments: &[&str]) -> anyhow::Result<Ran> {
        process::run_to_end(self.data(), folder, arguments).await
    }

    /// The server's process; what a rule of the relay kills.
    pub fn server_pid(&self) -> u32 {
        self.server_pid.load(Ordering::SeqCst)
    }

    /// What kills the server, whichever process it is by then.
    pub fn killer(&self) -> Arc<dyn Fn() + Send + Sync> {
        let pid = Arc::clone(&self.server_pid);
        Arc::new(move || process::kill9(pid.load(Ordering::SeqCst)))
    }

    /// The proxy's process.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn proxy_pid(&self) -> anyhow::Result<u32> {
        Ok(
            proxy::client::ControlClient::new(&self.data().join("proxy"))
                .about()
                .await?
                .pid,
        )
    }

    /// Kills the server at once, and waits until it is dead.
    ///
    /// # Errors
    /// Where it does not die.
    pub async fn kill9(&self) -> anyhow::Result<()> {
        process::kill9(self.server_pid());
        self.dead().await
    }

    /// Asks the server to end, and waits until it has; the proxy goes on.
    ///
    /// # Errors
    /// Where it lives on.
    pub async fn terminate(&self) -> anyhow::Result<()> {
        process::terminate(self.server_pid());
        self.dead().await
    }

    /// Kills the proxy at once.
    ///
    /// # Errors
    /// Where it does not answer before.
    pub async fn kill9_proxy(&self) -> anyhow::Result<u32> {
        let pid = self.proxy_pid().await?;
        process::kill9(pid);
        Ok(pid)
    }

    /// Waits until the server is dead.
    ///
    /// # Errors
    /// Where it lives on.
    pub async fn dead(&self) -> anyhow::Result<()> {
        let child = lock(&self.server).take();
        if let Some(mut child) = child {
            let ended = tokio::time::timeout(STOP_DEADLINE, child.wait()).await;
            if ended.is_err() {
                *lock(&self.server) = Some(child);
                anyhow::bail!("the server lives on");
            }
        }
        Ok(())
    }

    /// Starts the server, and waits until it answers.
    ///
    /// # Errors
    /// Where it ends or does not answer.
    pub async fn restart(&self) -> anyhow::Result<()> {
        let child = process::serve(&self.data().join("dayfly.server.toml"), self.data())?;
        self.server_pid
            .store(child.id().unwrap_or_default(), Ordering::SeqCst);
        *lock(&self.server) = Some(child);
        let answered = eventually_within(START_DEADLINE, "the server answers", async || {
            let ended = lock(&self.server)
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten());
            match ended {
                Some(status) => Ok(Err(anyhow::anyhow!("the server ended with {status}"))),
                None => self.api.get("/healthz").await.map(|_| Ok(())),
            }
        });
        answered.await?
    }

    /// What the server wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(process::server_log(self.data())).unwrap_or_default()
    }

    pub(super) fn opened(&self, number: PullRequestNumber) {
        lock(&self.opened).push(number);
    }

    /// Closes everything, waits until all of it is gone, stops server and proxy; an error if
    /// anything is left.
    async fn finish(&mut self) -> anyhow::Result<()> {
        self.relay.release();
        self.forge.faults().clear();
        self.forge.deliver(webhook::model::Policy::Send);
        let opened = lock(&self.opened).clone();
        for number in opened {
            self.forge.close(&self.repo, number)?;
        }
        for preview in self.api.previews().await? {
            let path = format!("/api/v1/previews/{}", preview.id);
            self.api.send(Method::DELETE, &path, None).await?;
        }
        eventually("everything gone", async || {
            let previews = self.api.previews().await?;
            let there: Vec<_> = previews.iter().filter(|p| p.phase != "gone").collect();
            anyhow::ensure!(there.is_empty(), "{there:?}");
            Ok(())
        })
        .await?;
        let left = self.docker.left().await?;
        anyhow::ensure!(
            left.is_empty(),
            "all previews are gone, and yet there is {left:?}"
        );
        let data = self.data_directories()?;
        anyhow::ensure!(data.is_empty(), "data are left in the pool: {data:?}");
        let orphans = self.forge.deployments(&self.repo);
        anyhow::ensure!(
            orphans.is_empty(),
            "deployment records are left: {orphans:?}"
        );
        let pid = self.proxy_pid().await?;
        self.api
            .send(Method::POST, "/api/v1/shutdown?proxy=true", None)
            .await?;
        self.dead().await?;
        eventually("the proxy stops", async || {
            anyhow::ensure!(
                !Path::new("/proc").join(pid.to_string()).exists(),
                "it runs"
            );
            Ok(())
        })
        .await?;
        anyhow::ensure!(
            !self.docker.is_fenced(),
            "rules are left in the host's firewall"
        );
        let mut mounted = mounted_below(self.data());
        mounted.retain(|point| Path::new(point) != self.data());
        anyhow::ensure!(mounted.is_empty(), "still mounted: {mounted:?}");
        self.finished = true;
        Ok(())
    }

    fn tell_log(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        #[expect(clippy::print_stderr, reason = "the runner shows it with the failure")]
        {
            eprintln!("the server's last lines:\n{}", last.join("\n"));
            let proxy = std::fs::read_to_string(self.data().join("proxy.log")).unwrap_or_default();
            eprintln!("the proxy's log:\n{proxy}");
        }
    }
}

impl Drop for Dayfly {
    fn drop(&mut self) {
        process::kill9_all_of(self.data());
        if std::thread::panicking() {
            self.tell_log();
        }
        if !self.finished {
            self.docker.sweep();
        }
        self.docker.unfence();
        unmount_below(self.data());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
