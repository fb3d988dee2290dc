//! Assembles the control plane, runs it, and stops it.
//!
//! Start: lock the data directory, migrate the store, adopt or start the proxy, publish the table
//! of serving revisions, then start workers. Stop: cancel the steps that may be cancelled, wait for
//! the others, and leave containers and proxy running.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use deploy::{docker::Docker, source::Mirrors};
use nix::{
    sys::stat::{Mode, umask},
    unistd::geteuid,
};
use tokio::{
    net::UnixListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use webhook::forge::Forge;

use super::{
    firewall,
    host::connect_engine,
    leave, listen,
    lock::{DataLock, RecordsLock},
    ports::{adopt_routes, mirrors, ports},
    proxy_process::ProxyProcess,
    proxy_user::proxy_user,
};
use crate::{
    api, backup,
    config::{ServerConfig, api_socket},
    forge::{connect, intake::StoreIntake},
    gate,
    store::Store,
    upkeep::{self, growth, hints, sweep},
    worker::Workers,
};

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

/// Runs a server until a signal or the API stops it.
pub async fn run(options: Options) -> anyhow::Result<()> {
    // Sockets, database and logs are for this user alone. A later change of their modes could
    // follow a path that someone replaced.
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
    // Signals count from here on, so that one during the start leads to an orderly stop after it.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut told = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let mut start = std::pin::pin!(Server::start(config, stop.clone()));
    let server = tokio::select! {
        server = &mut start => server?,
        () = told() => {
            tracing::info!("stop requested: the server stops after its start; repeat to abort it");
            tokio::select! {
                server = &mut start => return server?.stop().await,
                () = told() => anyhow::bail!("the start was aborted; `dayfly down` cleans up"),
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = told() => {}
    }
    server.stop().await
}

/// A control plane that runs.
pub struct Server {
    workers: Workers,
    proxy: Arc<ProxyProcess>,
    docker: Docker,
    stop: CancellationToken,
    tasks: TaskTracker,
    stop_proxy: Arc<std::sync::atomic::AtomicBool>,
    /// Held until the server stops.
    locks: Option<(DataLock, RecordsLock)>,
}

impl Server {
    /// Starts everything, and returns once the server answers. A failed start leaves no new proxy,
    /// and no firewall rules or mounts that no preview needs.
    pub async fn start(config: ServerConfig, stop: CancellationToken) -> anyhow::Result<Self> {
        let lock = DataLock::acquire(&config.data)?;
        backup::finish_restore(&config.data)?;
        listen::check(&config.listen, &config.data.join("proxy")).await?;
        let store = Store::open(&config.data.join("dayfly.db"))?;
        let records = RecordsLock::acquire(store.instance())?;
        let user = proxy_user(store.instance())?;
        // Without a separate user the proxy runs as the server's user.
        let user_of_proxy = user.map_or_else(|| geteuid().as_raw(), |(uid, _)| uid);
        let users = vec![user_of_proxy];
        let docker = connect_engine(&config, &store, users).await?;
        let begun = Self::begin_on(&docker, config, store, user, stop).await;
        match begun {
            Ok(mut server) => {
                server.locks = Some((lock, records));
                Ok(server)
            }
            Err(error) => {
                leave::failed_start(&docker).await;
                Err(error)
            }
        }
    }

    async fn begin_on(
        docker: &Docker,
        config: ServerConfig,
        store: Store,
        user: Option<(u32, u32)>,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let forge = match &config.github {
            Some(settings) => Some(connect::connect(settings)?),
            None => None,
        };
        // Previews may run already, since the engine restarts them.
        docker.ensure_firewall().await;
        backup::settle(&config.data, docker, &store).await?;
        docker
            .end_pauses()
            .await
            .context("cannot unpause containers left paused by an interrupted copy")?;
        docker
            .end_imports()
            .await
            .context("cannot remove the remains of an interrupted import")?;
        let proxy = ProxyProcess::ensure(
            config.data.join("proxy"),
            config.listen.clone(),
            config.public_scheme.clone(),
            user,
        )
        .await?;
        let begun = Self::begin_behind(&proxy, docker, &config, (store, forge), (user, stop)).await;
        if begun.is_err()
            && !proxy.was_found()
            && let Err(error) = proxy.stop().await
        {
            tracing::warn!(
                error = format!("{error:#}"),
                "cannot stop the proxy after a failed start; it keeps running"
            );
        }
        begun
    }

    async fn begin_behind(
        proxy: &Arc<ProxyProcess>,
        docker: &Docker,
        config: &ServerConfig,
        (store, forge): (Store, Option<Arc<dyn Forge>>),
        (user, stop): (Option<(u32, u32)>, CancellationToken),
    ) -> anyhow::Result<Self> {
        let mirrors = Arc::new(mirrors(config));
        mirrors.sweep().await;
        let ports = ports(config, proxy, docker, store, (forge, Arc::clone(&mirrors))).await?;
        let ports = Arc::new(ports);
        adopt_routes(&ports, proxy).await?;
        let backups = Arc::new(backup::Backups::new(
            Arc::clone(&ports),
            Arc::clone(&mirrors),
            config.data.clone(),
        ));
        let workers = Workers::new(Arc::clone(&ports));
        let server = Self {
            workers,
            proxy: Arc::clone(proxy),
            docker: docker.clone(),
            stop,
            tasks: TaskTracker::new(),
            stop_proxy: Arc::default(),
            locks: None,
        };
        if let Err(error) = server.listen(config, mirrors, Arc::clone(&backups), user) {
            server.stop.cancel();
            return Err(error);
        }
        server.publish().await;
        server.begin(config, backups);
        Ok(server)
    }

    /// Opens both sockets.
    fn listen(
        &self,
        config: &ServerConfig,
        mirrors: Arc<Mirrors>,
        backups: Arc<backup::Backups>,
        proxy_user: Option<(u32, u32)>,
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
        // Only the server writes to this folder, so the path still is the bound socket.
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
        proxy::hand_over(&path, proxy_user)?;
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
                tracing::error!(%error, "a server socket failed; its clients get no answers");
            }
        });
    }

    /// Publishes the table. The proxy's supervisor handles a proxy that cannot take it.
    async fn publish(&self) {
        if let Err(error) = self.workers.ports().routes.publish_anew().await {
            tracing::warn!(%error, "cannot publish the routes yet; the proxy keeps its last ones");
        }
    }

    /// Starts the background tasks.
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
            .spawn(firewall::keep(self.docker.clone(), self.stop.clone()));
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
            "the server is running"
        );
    }

    /// Stops the server. Containers keep running, and so does the proxy unless its stop was
    /// requested.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.workers.stop().await;
        self.tasks.close();
        if tokio::time::timeout(Duration::from_secs(10), self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("the server stops although some connections are still open");
        }
        leave::host(&self.docker).await;
        if self.stop_proxy.load(std::sync::atomic::Ordering::SeqCst) {
            self.proxy.stop().await?;
            leave::firewall(&self.docker).await;
            leave::pool(&self.docker).await;
        }
        drop(self.locks);
        tracing::info!(
            proxy = !self.stop_proxy.load(std::sync::atomic::Ordering::SeqCst),
            "the server stopped; previews keep running, and `dayfly down` stops the proxy"
        );
        Ok(())
    }
}

fn bind(path: &Path) -> anyhow::Result<UnixListener> {
    // This server holds the lock, so an existing socket is the leftover of a crash.
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
