//! `dayfly rm`.

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Args;
use deploy::names::PreviewId;
use tokio::time::Instant;

use super::call::{Caller, path};
use crate::{api::PreviewView, lifecycle::Phase};

/// The longest that is waited: a week.
const SECONDS_MAX: u64 = 7 * 24 * 3_600;

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// The preview
    id: PreviewId,
    /// Return when nothing is left of it
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120,
          value_parser = clap::value_parser!(u64).range(..=SECONDS_MAX))]
    timeout: u64,
}

impl Remove {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let id = &self.id;
        let doing = || format!("failed to remove {id}");
        let mut preview: PreviewView = caller.client.delete(&path(id)).await.with_context(doing)?;
        if self.wait {
            let until = Instant::now() + Duration::from_secs(self.timeout);
            while preview.phase != Phase::Gone && Instant::now() < until {
                let waited = tokio::time::timeout_at(until, caller.wait(&preview)).await;
                if let Ok(now) = waited {
                    preview = now.with_context(doing)?;
                }
            }
            if preview.phase != Phase::Gone {
                let reason = preview.waiting_for.as_deref().map(crate::text::plain);
                let reason = reason.map_or_else(String::new, |why| format!(" ({why})"));
                anyhow::bail!(
                    "failed to remove {id} within {}s: it is still {}{reason}; the server goes on \
                     with it",
                    self.timeout,
                    preview.phase
                );
            }
        }
        caller.output.line(&match preview.phase {
            Phase::Gone => format!("{id} is gone: nothing is left of it"),
            _ => format!("{id} is being removed; `dayfly ls` shows when it is gone"),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
