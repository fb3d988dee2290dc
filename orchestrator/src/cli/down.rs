//! `dayfly down`.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use tokio::time::Instant;

use super::{call::Caller, start};
use crate::{
    api::{PreviewView, Stopping, client::ClientError},
    config::ServerConfig,
    lifecycle::Phase,
    serve::{TakenAway, take_away},
    text,
};

/// How long a server may take to finish what it is doing.
const STOP_DEADLINE: Duration = Duration::from_secs(90);
/// How often we check whether it is gone.
const CHECK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(super) struct Down {
    /// Leave the proxy running, so that visitors are served while there is no server
    #[arg(long)]
    keep_proxy: bool,
    /// The configuration that the server had; asked only where no server runs, for the engine's socket
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Down {
    /// A server that was interrupted leaves its proxy serving, and all that it had put up.
    async fn without_server(&self, caller: &Caller) -> anyhow::Result<()> {
        if self.keep_proxy {
            return Ok(caller.output.line("no server runs here")?);
        }
        let config = ServerConfig::read(self.config.as_deref(), Some(caller.data.clone()))
            .context("failed to read the configuration")?;
        let taken = take_away(&config)
            .await
            .context("failed to take away what a server had left")?;
        caller.output.line(&told(&taken))?;
        if let Some(why) = &taken.rules_unseen {
            let line = format!(
                "firewall rules of it were not looked for: {}",
                text::plain(why)
            );
            caller.output.line(&line)?;
        }
        if taken.in_use {
            caller.output.line(
                "containers of previews are still there, and so are their networks, the firewall rules \
                 and the pool; start the server again and remove the previews with `dayfly rm ID`",
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
                "failed to see the server end within {}s (process {}); its log says what it does",
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
                "the removal of {} goes on when the server runs again",
                closing.join(", ")
            ))?;
        }
        if !ids.is_empty() {
            caller.output.line(&format!(
                "what runs of {} stays; start the server again and remove them with \
                 `dayfly rm ID`",
                ids.join(", ")
            ))?;
        }
        Ok(())
    }
}

/// What was taken away, in one sentence.
fn told(taken: &TakenAway) -> String {
    let mut all = Vec::new();
    if taken.proxy {
        all.push("stopped the proxy that it had left".to_owned());
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
        Some(last) if all.is_empty() => format!("no server ran here; {last}"),
        Some(last) => format!("no server ran here; {} and {last}", all.join(", ")),
    }
}

/// Whether something of a preview may run on without the server.
fn runs(preview: &PreviewView) -> bool {
    match preview.phase {
        Phase::Gone | Phase::Closing | Phase::Captured => false,
        Phase::Failed => preview.serving_commit.is_some(),
        _ => true,
    }
}
