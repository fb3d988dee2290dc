//! `dayfly rm`.

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Args;
use deploy::names::PreviewId;
use tokio::time::Instant;

use super::{
    call::{Caller, path},
    render,
};
use crate::api::{Phase, PreviewView};

/// The longest time to wait, in seconds: a week.
const SECONDS_MAX: u64 = 7 * 24 * 3_600;

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// ID of the preview, as `dayfly ls` prints it
    id: PreviewId,
    /// Return at once; the server continues the removal
    #[arg(long)]
    detach: bool,
    /// Wait for the removal, which is the default
    #[arg(long, hide = true, conflicts_with = "detach")]
    wait: bool,
    /// How long to wait for the removal, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120,
          value_parser = clap::value_parser!(u64).range(..=SECONDS_MAX))]
    timeout: u64,
}

impl Remove {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let id = &self.id;
        let preview: PreviewView = caller
            .client
            .delete(&path(id))
            .await
            .with_context(|| format!("failed to remove {id}"))?;
        if self.detach && preview.phase != Phase::Gone {
            let line = format!("the server is removing {id}; `dayfly ls` shows when it is gone");
            caller.output.line(&line)?;
            return Ok(ExitCode::SUCCESS);
        }
        self.until_gone(caller, preview).await?;
        let line = format!("{id} is gone: nothing is left of it");
        caller.output.line(&line)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Shows the progress until the preview is gone or the time is over.
    async fn until_gone(&self, caller: &Caller, mut preview: PreviewView) -> anyhow::Result<()> {
        let id = &self.id;
        let until = Instant::now() + Duration::from_secs(self.timeout);
        let mut told = None;
        while preview.phase != Phase::Gone && Instant::now() < until {
            let now = (preview.phase, preview.waiting_for.clone());
            if told.as_ref() != Some(&now) {
                if let Some(line) = render::progress(&preview, caller.output) {
                    caller.output.line(&line)?;
                }
                told = Some(now);
            }
            let waited = tokio::time::timeout_at(until, caller.wait(&preview)).await;
            if let Ok(now) = waited {
                preview = now.with_context(|| {
                    format!(
                        "failed to wait for the removal of {id}: the server does not answer; it \
                         continues the removal when it runs again"
                    )
                })?;
            }
        }
        if preview.phase == Phase::Gone {
            return Ok(());
        }
        let reason = preview.waiting_for.as_deref().map(crate::text::plain);
        let reason = reason.map_or_else(String::new, |why| format!(" and waits for {why}"));
        anyhow::bail!(
            "failed to remove {id} within {}s: it is still {}{reason}; the server continues the \
             removal",
            self.timeout,
            preview.phase
        );
    }
}
