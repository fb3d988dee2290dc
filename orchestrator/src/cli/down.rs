//! `dayfly down`.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use tokio::time::Instant;

use super::{call::Caller, start};
use crate::{
    api::{Phase, PreviewView, Stopping, client::ClientError},
    config::ServerConfig,
    serve::{TakenAway, take_away},
    text,
};

/// How long a server may take to finish its current steps.
const STOP_DEADLINE: Duration = Duration::from_secs(90);
/// How often to check whether the server has stopped.
const CHECK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(super) struct Down {
    /// Leave the proxy running: it serves live previews while no server runs
    #[arg(long)]
    keep_proxy: bool,
    /// The server's configuration file; only needed if no server runs, to find Docker's socket
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Down {
    /// Cleans up after a killed server, which leaves its proxy, networks, firewall rules and pool.
    async fn without_server(&self, caller: &Caller) -> anyhow::Result<()> {
        if self.keep_proxy {
            return Ok(caller.output.line("no server runs here")?);
        }
        let config = ServerConfig::read(self.config.as_deref(), Some(caller.data.clone()))
            .context("failed to read the configuration")?;
        let taken = take_away(&config)
            .await
            .context("failed to clean up after a killed server")?;
        caller.output.line(&told(&taken))?;
        if let Some(why) = &taken.rules_unseen {
            let line = format!(
                "cannot check for leftover firewall rules: {}",
                text::plain(why)
            );
            caller.output.line(&line)?;
        }
        if taken.in_use {
            caller.output.line(
                "containers of previews still exist, so their networks, the firewall rules and the \
                 pool stay; start the server again and remove the previews with `dayfly rm ID`",
            )?;
        }
        Ok(())
    }

    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let previews = match caller.previews().await {
            Ok(previews) => previews,
            Err(ClientError::NoServer { .. }) => return self.without_server(caller).await,
            Err(error) => return Err(error).context("failed to stop the server"),
        };
        let proxy = !self.keep_proxy;
        let stopping: Stopping = caller
            .client
            .post(&format!("/api/v1/shutdown?proxy={proxy}"), &())
            .await
            .context("failed to stop the server")?;
        let until = Instant::now() + STOP_DEADLINE;
        while start::is_locked(&caller.data) {
            anyhow::ensure!(
                Instant::now() < until,
                "failed to stop the server within {}s (process {}); see its log",
                STOP_DEADLINE.as_secs(),
                stopping.pid
            );
            tokio::time::sleep(CHECK_EVERY).await;
        }
        let stopped = if stopping.proxy {
            "server and proxy"
        } else {
            "the server"
        };
        caller.output.line(&format!("stopped {stopped}"))?;
        let there = previews.iter().filter(|preview| runs(preview));
        let ids: Vec<&str> = there.map(|preview| preview.id.as_str()).collect();
        let closing = previews
            .iter()
            .filter(|preview| preview.phase == Phase::Closing);
        let closing: Vec<&str> = closing.map(|preview| preview.id.as_str()).collect();
        if !closing.is_empty() {
            caller.output.line(&format!(
                "the removal of {} continues when the server runs again",
                closing.join(", ")
            ))?;
        }
        if !ids.is_empty() {
            caller.output.line(&format!(
                "containers of {} keep running; to remove them, start the server again and run \
                 `dayfly rm ID`",
                ids.join(", ")
            ))?;
        }
        Ok(())
    }
}

/// One sentence that lists the removed objects.
fn told(taken: &TakenAway) -> String {
    let mut all = Vec::new();
    if taken.proxy {
        all.push("stopped a leftover proxy".to_owned());
    }
    match taken.networks {
        0 => {}
        1 => all.push("removed a network".to_owned()),
        networks => all.push(format!("removed {networks} networks")),
    }
    if taken.rules {
        all.push("removed the firewall rules".to_owned());
    }
    if taken.pool {
        all.push("unmounted the pool".to_owned());
    }
    match all.pop() {
        None => "no server runs here".to_owned(),
        Some(last) if all.is_empty() => format!("no server runs here; {last}"),
        Some(last) => format!("no server runs here; {} and {last}", all.join(", ")),
    }
}

/// Whether containers of a preview may keep running without the server.
fn runs(preview: &PreviewView) -> bool {
    match preview.phase {
        Phase::Gone | Phase::Closing | Phase::Captured => false,
        Phase::Failed => preview.serving_commit.is_some(),
        _ => true,
    }
}
