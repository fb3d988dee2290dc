//! A real container registry of this test alone, which lets in whoever knows a password.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{engine::Docker, http::exchange, wait::eventually};

/// Who is let in, with what, and what the registry knows of it (bcrypt).
const USER: &str = "ada";
const PASSWORD: &str = "open-sesame";
const HTPASSWD: &str = "ada:$2b$05$YLhUhWN/qn8CdA9gEgfqIO45adUNiu9XPsgNhjMmqcf.BG13aTM2O\n";
/// The kind of manifest that this engine pushes.
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A registry. It ends when this is dropped.
pub struct Registry {
    address: SocketAddr,
    folder: TempDir,
    _child: Child,
}

impl Registry {
    /// Starts one.
    ///
    /// # Errors
    /// Where its program is not there, or it does not answer.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("dayfly-registry-")
            .tempdir()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("htpasswd"), HTPASSWD)?;
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"{address}\"}}\nauth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            path("data").display(),
            path("htpasswd").display(),
        );
        std::fs::write(path("config.yml"), config)?;
        let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let logins = serde_json::json!({ "auths": { address.to_string(): { "auth": auth } } });
        std::fs::write(path("config.json"), logins.to_string())?;
        let child = Command::new(program()?)
            .arg("serve")
            .arg(path("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("the registry could not be started")?;
        let registry = Self {
            address,
            folder,
            _child: child,
        };
        eventually("the registry answers", async || {
            registry.send(Method::GET, "/v2/", "", &[]).await.map(drop)
        })
        .await?;
        Ok(registry)
    }

    /// The name of an image in it.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Log-ins in the form of Docker's own file.
    pub fn logins(&self) -> PathBuf {
        self.folder.path().join("config.json")
    }

    /// Puts an image of the engine into it; nothing of the new name is left in the engine.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub async fn push(&self, image: &str, name: &str) -> anyhow::Result<()> {
        let named = self.image(name);
        Docker::run(&["tag", image, &named]).await?;
        let folder = self.folder.path().to_str().context("a path")?.to_owned();
        let pushed = Docker::run(&["--config", &folder, "push", "--quiet", &named]).await;
        Docker::run(&["image", "rm", &named]).await?;
        pushed.map(drop)
    }

    /// Gives an image that is there one more tag.
    ///
    /// # Errors
    /// Where the registry refuses.
    pub async fn tag(&self, repository: &str, tag: &str, more: &str) -> anyhow::Result<()> {
        let path = |tag: &str| format!("/v2/{repository}/manifests/{tag}");
        let accept = [(header::ACCEPT.as_str(), MANIFEST)];
        let manifest = self.send(Method::GET, &path(tag), "", &accept).await?;
        let kind = [(header::CONTENT_TYPE.as_str(), MANIFEST)];
        self.send(Method::PUT, &path(more), &manifest, &kind)
            .await?;
        Ok(())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Basic {auth}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
        let stream = TcpStream::connect(self.address).await?;
        let answer = exchange(stream, request).await?;
        anyhow::ensure!(
            answer.status.is_success(),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        Ok(answer.body)
    }
}

/// The registry's program: one that is installed, or the one fetched beside the tests.
fn program() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let fetched = test
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("tools/usr/bin/docker-registry"));
    let installed = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&installed).map(|folder| folder.join("docker-registry"));
    let found = installed.chain(fetched).find(|path| path.is_file());
    found.context("docker-registry is neither installed nor fetched; run: make test")
}
