//! The setup of the demo: a simulated GitHub with a repository, and a real server.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use deploy::random;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::{process::Child, time::Instant};
use webhook::{
    model::{ModelConfig, ModelGitHub, ModelWebhook},
    names::RepoName,
};

use super::{files, visit::Visitor};
use crate::api::{Stopping, client::Client};

/// The port of the addresses that the demo prints, while it is free.
const PORT: u16 = 8080;
/// How long the server may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// How long it may take to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// Everything that runs during the demo.
pub(super) struct Stage {
    pub(super) model: ModelGitHub,
    pub(super) repo: RepoName,
    pub(super) client: Client,
    pub(super) proxy: SocketAddr,
    pub(super) data: TempDir,
    server: Child,
}

impl Stage {
    /// Starts the model, fills its repository, starts the server, connects the webhook.
    pub(super) async fn set() -> anyhow::Result<Self> {
        let secret = random::hex::<16>()?;
        let token = random::hex::<16>()?;
        let config = ModelConfig {
            token: SecretString::from(token.clone()),
            ..ModelConfig::default()
        };
        let model = ModelGitHub::start(config).await?;
        let repo = RepoName::parse("acme/guestbook")?;
        model.create_repository(&repo, files::guestbook()).await?;
        let data = tempfile::Builder::new().prefix("dayfly-demo-").tempdir()?;
        let proxy = free_address()?;
        let settings = format!(
            "domain = \"localhost\"\nlisten = \"{proxy}\"\n\n[github]\napi_url = \"{}\"\ntoken = \"{token}\"\nrepositories = [\"{repo}\"]\nwebhook_secret = \"{secret}\"\nallow_insecure_clone = true\n",
            model.url()
        );
        let file = data.path().join("dayfly.server.toml");
        write_private(&file, &settings)?;
        let server = start_server(&file, data.path())?;
        let client = Client::new(data.path());
        let mut stage = Self {
            model,
            repo,
            client,
            proxy,
            data,
            server,
        };
        stage.wait_until_it_answers().await?;
        stage.model.set_webhook(Some(ModelWebhook {
            connect: proxy,
            host: format!("dayfly.localhost:{}", proxy.port()),
            path: "/webhooks/github".to_owned(),
            secret: SecretString::from(secret),
        }));
        Ok(stage)
    }

    /// A visitor of the preview at `url`.
    pub(super) fn visitor(&self, url: &str) -> Visitor {
        let authority = url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        Visitor {
            proxy: self.proxy,
            authority,
        }
    }

    /// The file of the server's log.
    pub(super) fn log(&self) -> PathBuf {
        self.data.path().join("server.log")
    }

    async fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        while self
            .client
            .get::<serde_json::Value>("/healthz")
            .await
            .is_err()
        {
            if let Some(status) = self.server.try_wait()? {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                anyhow::bail!("the server exited ({status}):\n{log}");
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "the server did not answer in time"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Stops server and proxy.
    pub(super) async fn strike(mut self) -> anyhow::Result<()> {
        let stop = "/api/v1/shutdown?proxy=true";
        let stopping = self.client.post::<Stopping>(stop, &serde_json::Value::Null);
        stopping.await.context("cannot stop the server")?;
        let status = tokio::time::timeout(STOP_DEADLINE, self.server.wait())
            .await
            .context("the server did not stop in time")??;
        anyhow::ensure!(status.success(), "the server exited ({status})");
        Ok(())
    }
}

/// The usual port on loopback, or any free one.
fn free_address() -> anyhow::Result<SocketAddr> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    if TcpListener::bind(usual).is_ok() {
        return Ok(usual);
    }
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(any.local_addr()?)
}

fn start_server(config: &std::path::Path, data: &std::path::Path) -> anyhow::Result<Child> {
    let log = std::fs::File::create(data.join("server.log"))?;
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command
        .arg("serve")
        .arg("--config")
        .arg(config)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // The demo handles Ctrl-C in the terminal itself, and stops its server cleanly.
        .process_group(0)
        .kill_on_drop(true);
    // The demo's own file has all settings; the environment configures other servers.
    for (name, _) in std::env::vars_os() {
        let for_servers = name
            .to_str()
            .is_some_and(|name| name.starts_with("DAYFLY_") && !name.starts_with("DAYFLY_LOG"));
        if for_servers {
            command.env_remove(name);
        }
    }
    command.spawn().context("cannot start the server")
}

fn write_private(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}
