//! `dayfly undo` and `dayfly reset-db`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use deploy::names::{DatabaseName, PreviewId};

use super::{
    call::{Caller, path},
    take::finish,
};
use crate::{actions::ResetRequest, api::PreviewView};

#[derive(Debug, Args)]
pub(super) struct Undo {
    /// ID of the preview, as `dayfly ls` prints it
    id: PreviewId,
    /// Return at once, without waiting for the preview
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, Args)]
pub(super) struct ResetDb {
    /// ID of the preview, as `dayfly ls` prints it
    id: PreviewId,
    /// Name of the database [default: all databases]
    name: Option<DatabaseName>,
    /// Return at once, without waiting for the preview
    #[arg(long)]
    no_wait: bool,
}

impl Undo {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let doing = || format!("failed to undo the last change of {}", self.id);
        let asked = format!("{}/undo", path(&self.id));
        let nothing = serde_json::json!({});
        let preview: PreviewView = caller
            .client
            .post(&asked, &nothing)
            .await
            .with_context(doing)?;
        if let Some(commit) = &preview.commit {
            let back = format!(
                "{} returns to {}, with its data from that time",
                self.id,
                commit.short()
            );
            caller.output.line(&back)?;
        }
        finish(caller, preview, self.no_wait, false).await
    }
}

impl ResetDb {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let doing = || format!("failed to reset databases of {}", self.id);
        let asked = format!("{}/reset", path(&self.id));
        let body = ResetRequest {
            database: self.name,
        };
        let preview: PreviewView = caller
            .client
            .post(&asked, &body)
            .await
            .with_context(doing)?;
        finish(caller, preview, self.no_wait, false).await
    }
}
