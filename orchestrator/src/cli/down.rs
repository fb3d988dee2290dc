//! `dayfly down`.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use proxy::client::ControlClient;
use tokio::time::Instant;

use super::{call::Caller, start};
use crate::{
    api::{PreviewView, Stopping, client::ClientError},
    lifecycle::Phase,
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
}

impl Down {
    /// A server that was interrupted leaves its proxy serving.
    async fn stop_proxy_alone(&self, caller: &Caller) -> anyhow::Result<()> {
        let proxy = ControlClient::new(&caller.data.join("proxy"));
        if self.keep_proxy || proxy.about().await.is_err() {
            return Ok(caller.output.line("no server runs here")?);
        }
        proxy.stop().await.context("failed to stop the proxy")?;
        Ok(caller
            .output
            .line("no server ran here; stopped the proxy that it had left")?)
    }

    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let previews = match caller.previews().await {
            Ok(previews) => previews,
            Err(ClientError::NoServer { .. }) => return self.stop_proxy_alone(caller).await,
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

/// Whether something of a preview may run on without the server.
fn runs(preview: &PreviewView) -> bool {
    match preview.phase {
        Phase::Gone | Phase::Closing | Phase::Captured => false,
        Phase::Failed => preview.serving_commit.is_some(),
        _ => true,
    }
}
