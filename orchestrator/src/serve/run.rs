//! Puts the control plane together, runs it, and takes it apart.
//!
//! Start: lock the data directory, migrate the store, adopt or start the proxy, publish the table
//! from what is known to serve, then workers. Stop: cancel what may be cancelled, wait for the
//! rest, leave containers and proxy running.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Context as _;
use deploy::{
    docker::{Docker, FirewallStatus},
    source::Mirrors,
};
use nix::sys::stat::{Mode, umask};
use tokio::net::UnixListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    configured::{link_key, settings, sources},
    host::connect_engine,
    leave,
    lock::{DataLock, RecordsLock},
    proxy_process::{self, ProxyProcess},
};
use crate::{
    api, backup,
    clock::wall_ms,
    config::{ServerConfig, api_socket},
    forge::{connect, intake::StoreIntake},
    gate,
    routes::Routes,
    store::Store,
    upkeep::{self, growth, hints, sweep},
    worker::{AdmissionQueue, BuildQueue, Ports, StateBoard, Workers},
};

/// How often the host's firewall is looked at: somebody may have flushed it.
const FIREWALL_PAUSE: Duration = Duration::from_secs(30);

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file; environment and defaults alone where there is none.
    pub config: Option<PathBuf>,
    /// The data directory named on the command line.
    pub data: Option<PathBuf>,
    /// Started by `dayfly up`: for local previews only.
    pub local: bool,
}

/// Runs a server until it is told to stop.
pub async fn run(options: Options) -> anyhow::Result<()> {
    // Sockets, database and logs are for this user alone. Changing modes afterwards would follow
    // whatever stands at a path by then.
    umask(Mode::from_bits_truncate(0o077));
    proxy::raise_open_files();
    let mut config = ServerConfig::read(options.config.as_deref(), options.data)?;
    if options.local {
        config.github = None;
    }
    for doubt in &config.doubts {
        tracing::warn!(advice = doubt.advice, "{}", doubt.found);
    }
    let stop = CancellationToken::new();
    let server = Server::start(config, stop.clone()).await?;
    tokio::select! {
        () = stop.cancelled() => {}
        signal = stop_signal() => signal?,
    }
    server.stop().await
}

async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

/// A control plane that runs.
pub struct Server {
    workers: Workers,
    proxy: Arc<ProxyProcess>,
    docker: Docker,
    stop: CancellationToken,
    tasks: TaskTracker,
    stop_proxy: Arc<std::sync::atomic::AtomicBool>,
    _locks: (DataLock, RecordsLock),
}

impl Server {
    /// Starts everything; returns when it answers.
    pub async fn start(config: ServerConfig, stop: CancellationToken) -> anyhow::Result<Self> {
        let lock = DataLock::acquire(&config.data)?;
        let store = Store::open(&config.data.join("dayfly.db"))?;
        let records = RecordsLock::acquire(store.instance())?;
        let forge = match &config.github {
            Some(settings) => Some(connect::connect(settings)?),
            None => None,
        };
        let docker = connect_engine(&config, &store).await?;
        // Previews may run already: the engine starts them again by itself.
        ensure_firewall(&docker).await;
        backup::settle(&config.data, &docker, &store).await?;
        docker
            .end_pauses()
            .await
            .context("what stood still for a copy cannot go on")?;
        docker
            .end_imports()
            .await
            .context("what was left of an import cannot be removed")?;
        let proxy = start_proxy(&config, &docker).await?;
        let settings = settings(&config, &proxy, link_key(&config.data, &store).await?);
        let sources = sources(&config, &settings, forge.clone());
        let mirrors = Arc::clone(&sources.mirrors);
        mirrors.sweep().await;
        let ports = Arc::new(Ports {
            store,
            engine: Arc::new(docker.clone()),
            builder: Arc::new(docker.clone()),
            databases: Arc::new(docker.clone()),
            data_access: Arc::new(docker.clone()),
            forge,
            sources: Arc::new(sources),
            routes: Routes::new(settings.clone(), Arc::clone(&proxy) as _),
            admission: AdmissionQueue::new(settings.limits.previews_awake_max),
            board: StateBoard::default(),
            builds: BuildQueue::new(settings.limits.builds_max),
            seed_progress: Arc::default(),
            start_progress: Arc::default(),
            secrets: config.secrets.clone(),
            disk_is_full: AtomicBool::default(),
            settings,
        });
        adopt_routes(&ports, &proxy).await?;
        let backups = backup::Backups::new(
            Arc::clone(&ports),
            Arc::clone(&mirrors),
            config.data.clone(),
        );
        let workers = Workers::new(Arc::clone(&ports));
        let server = Self {
            workers,
            proxy,
            docker,
            stop,
            tasks: TaskTracker::new(),
            stop_proxy: Arc::default(),
            _locks: (lock, records),
        };
        let backups = Arc::new(backups);
        server.listen(&config, mirrors, Arc::clone(&backups))?;
        server.publish().await;
        server.begin(&config, backups);
        Ok(server)
    }

    /// Opens both sockets.
    fn listen(
        &self,
        config: &ServerConfig,
        mirrors: Arc<Mirrors>,
        backups: Arc<backup::Backups>,
    ) -> anyhow::Result<()> {
        let api = api::router(api::ApiState {
            workers: self.workers.clone(),
            mirrors,
            shutdown: self.stop.clone(),
            stop_proxy: Arc::clone(&self.stop_proxy),
            backups,
            listen: self.proxy.listen(),
        });
        let path = api_socket(&config.data);
        let listener = bind(&path)?;
        // Nobody but us writes in this folder, so the path still is what was bound.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        self.spawn_server(listener, api);
        let secrets = config
            .github
            .as_ref()
            .map(|github| github.webhook_secrets.clone())
            .unwrap_or_default();
        let intake = Arc::new(StoreIntake {
            workers: self.workers.clone(),
        });
        let gate = gate::router(self.workers.clone(), secrets, intake);
        let path = config.data.join("proxy").join(proxy::GATE_SOCKET);
        let listener = bind(&path)?;
        proxy::hand_over(&path, proxy_process::run_as()?)?;
        self.spawn_server(listener, gate);
        Ok(())
    }

    fn spawn_server(&self, listener: UnixListener, router: axum::Router) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "a socket is no longer served");
            }
        });
    }

    /// A proxy that cannot take the table is a matter for its supervisor.
    async fn publish(&self) {
        if let Err(error) = self.workers.ports().routes.publish_anew().await {
            tracing::warn!(%error, "the table could not be published yet");
        }
    }

    /// Starts everything that goes on by itself.
    fn begin(&self, config: &ServerConfig, backups: Arc<backup::Backups>) {
        let poll = config
            .github
            .as_ref()
            .and_then(|github| github.poll_seconds);
        self.tasks
            .spawn(sweep::run(self.workers.clone(), poll, self.stop.clone()));
        self.tasks
            .spawn(hints::listen(self.workers.clone(), self.stop.clone()));
        self.tasks
            .spawn(keep_firewall(self.docker.clone(), self.stop.clone()));
        self.tasks.spawn(growth::watch(
            self.docker.clone(),
            Arc::clone(self.workers.ports()),
            self.stop.clone(),
        ));
        if let Some(schedule) = config.backups.clone() {
            let stop = self.stop.clone();
            self.tasks
                .spawn(upkeep::backups::run(backups, schedule, stop));
        }
        let proxy = Arc::clone(&self.proxy);
        let ports = Arc::clone(self.workers.ports());
        self.tasks.spawn(proxy.supervise(ports, self.stop.clone()));
        tracing::info!(
            data = %config.data.display(),
            domain = config.domain,
            listen = ?self.proxy.listen(),
            "the server runs"
        );
    }

    /// Stops; containers and, unless it was asked for too, the proxy go on.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.workers.stop().await;
        self.tasks.close();
        if tokio::time::timeout(Duration::from_secs(10), self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some connections were still open");
        }
        leave::host(&self.docker).await;
        if self.stop_proxy.load(std::sync::atomic::Ordering::SeqCst) {
            self.proxy.stop().await?;
            leave::firewall(&self.docker).await;
            leave::pool(&self.docker).await;
        }
        tracing::info!(
            proxy = !self.stop_proxy.load(std::sync::atomic::Ordering::SeqCst),
            "the server stopped; previews go on as they are, and `dayfly down` stops the proxy"
        );
        Ok(())
    }
}

fn bind(path: &Path) -> anyhow::Result<UnixListener> {
    // The lock is ours, so a socket that is there was left by a server that died.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    Ok(listener)
}

/// Adopts the proxy or starts it; where that fails no pool stays mounted.
async fn start_proxy(config: &ServerConfig, docker: &Docker) -> anyhow::Result<Arc<ProxyProcess>> {
    let proxy = ProxyProcess::ensure(
        config.data.join("proxy"),
        config.listen.clone(),
        config.public_scheme.clone(),
    )
    .await;
    if proxy.is_err() {
        leave::pool(docker).await;
    }
    proxy
}

/// Puts the rules of the host's firewall in place unless they are.
async fn ensure_firewall(docker: &Docker) {
    if let FirewallStatus::CannotSet(why) = docker.ensure_firewall().await {
        tracing::warn!(
            why,
            "previews can reach this host and its neighbours: no rules can be set"
        );
    }
}

/// Keeps the rules of the host's firewall in place, until we stop. The start has put them there.
async fn keep_firewall(docker: Docker, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(FIREWALL_PAUSE) => {}
        }
        ensure_firewall(&docker).await;
    }
}

/// Fills the book of routes with what the proxy has been serving while nobody was here.
async fn adopt_routes(ports: &Ports, proxy: &ProxyProcess) -> anyhow::Result<()> {
    let table = proxy.table().await.unwrap_or_default();
    for row in ports.store.previews().await? {
        let sessions = ports.store.sessions(&row.id, wall_ms()).await?;
        let revisions = ports.store.revisions(&row.id).await?;
        ports.routes.adopt(&table, &row, sessions, |number| {
            let known = revisions
                .iter()
                .find(|revision| revision.facts.number == number)?;
            (known.facts.life == row.desired.life).then(|| known.facts.blueprint.clone())?
        });
    }
    Ok(())
}
