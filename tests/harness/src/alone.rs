//! A data directory without a server, as on the machine of somebody who just installed Dayfly.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tempfile::TempDir;

use super::{
    api::Api,
    engine::Docker,
    mounts::{mounted_below, unmount_below},
    process::{self, Ran},
    visitor::Visitor,
    wait::eventually,
};

/// It takes away what commands started for it, at the latest when it is dropped.
pub struct Alone {
    home: TempDir,
    /// The API of a server, once a command has started one.
    pub api: Api,
}

impl Alone {
    /// A directory for data, and room for checkouts beside it.
    ///
    /// # Errors
    /// Where no directory can be made.
    pub fn new() -> anyhow::Result<Self> {
        let home = tempfile::Builder::new().prefix("dayfly-alone-").tempdir()?;
        let api = Api::new(home.path().join("data").join("api.sock"));
        Ok(Self { home, api })
    }

    /// Where checkouts may lie.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The data directory, which a command makes.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// What is mounted below it.
    pub fn mounts(&self) -> Vec<String> {
        mounted_below(self.home.path())
    }

    /// Processes that were started for it, by their words.
    pub fn processes(&self) -> Vec<String> {
        let all = process::all_of(self.home.path()).into_iter();
        all.map(|(pid, words)| format!("{pid}: {words}")).collect()
    }

    /// Kills the server at once, as its lock names it.
    ///
    /// # Errors
    /// Where no server has locked the directory, or it does not die.
    pub async fn kill9_server(&self) -> anyhow::Result<()> {
        let pid = std::fs::read_to_string(self.data().join("lock"))?;
        process::kill9(pid.trim().parse()?);
        let socket = self.data().join("api.sock");
        eventually("the server is dead", async || {
            let connected = std::os::unix::net::UnixStream::connect(&socket);
            anyhow::ensure!(connected.is_err(), "it still takes connections");
            Ok(())
        })
        .await
    }

    /// The engine, as far as it is that of the records, whether a server runs or not.
    ///
    /// # Errors
    /// Where there are no records.
    pub fn docker_of_records(&self) -> anyhow::Result<Docker> {
        let store = rusqlite::Connection::open(self.data().join("dayfly.db"))?;
        let sql = "select value from meta where key = 'instance'";
        let instance: String = store.query_row(sql, [], |row| row.get(0))?;
        Ok(Docker::new(&instance))
    }

    /// Runs a command of `dayfly` in a folder.
    ///
    /// # Errors
    /// Where it does not end.
    pub async fn command(&self, folder: &Path, arguments: &[&str]) -> anyhow::Result<Ran> {
        process::run_to_end(&self.data(), folder, arguments).await
    }

    /// The engine, as far as it is the server's.
    ///
    /// # Errors
    /// Where no server answers.
    pub async fn docker(&self) -> anyhow::Result<Docker> {
        let health = self.api.get("/healthz").await?;
        Ok(Docker::new(
            health["instance"].as_str().context("no instance")?,
        ))
    }

    /// Somebody who opens an address.
    ///
    /// # Errors
    /// Where no server answers.
    pub async fn visitor(&self, url: &str) -> anyhow::Result<Visitor> {
        let health = self.api.get("/healthz").await?;
        let listen: SocketAddr = health["listen"][0]
            .as_str()
            .context("no address")?
            .parse()?;
        Ok(Visitor::new(listen, url))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        process::kill9_all_of(self.home.path());
        if let Ok(docker) = self.docker_of_records() {
            docker.sweep();
            docker.unfence();
        }
        unmount_below(self.home.path());
    }
}
