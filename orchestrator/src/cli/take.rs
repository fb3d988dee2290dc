//! `dayfly fork` and `dayfly capture`: copies of a preview in its current state.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use deploy::names::PreviewId;

use super::{
    call::{Caller, path},
    render_data, up,
};
use crate::{
    actions::CopyRequest,
    api::{Phase, PreviewView},
};

#[derive(Debug, Args)]
pub(super) struct Fork {
    /// ID of the preview or capture, as `dayfly ls` prints it
    id: PreviewId,
    /// Run another commit on the same data
    #[arg(long, value_name = "COMMIT")]
    at: Option<String>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
pub(super) struct Capture {
    /// ID of the preview, as `dayfly ls` prints it
    id: PreviewId,
    /// Note for people who open a copy
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Path that forks of the capture open, such as /cart?item=7
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Shared {
    /// Hours until the copy expires
    #[arg(long, value_name = "HOURS")]
    hours: Option<u64>,
    /// Return at once, without waiting for the copy
    #[arg(long)]
    no_wait: bool,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

impl Fork {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let body = CopyRequest {
            commit: self.at,
            hours: self.shared.hours,
            ..CopyRequest::default()
        };
        take_copy(caller, &self.id, "forks", &body, &self.shared).await
    }
}

impl Capture {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let body = CopyRequest {
            note: self.note,
            path: self.path,
            hours: self.shared.hours,
            ..CopyRequest::default()
        };
        take_copy(caller, &self.id, "captures", &body, &self.shared).await
    }
}

async fn take_copy(
    caller: &Caller,
    id: &PreviewId,
    what: &str,
    body: &CopyRequest,
    shared: &Shared,
) -> anyhow::Result<ExitCode> {
    let doing = || format!("failed to copy {id}");
    let asked = format!("{}/{what}", path(id));
    let taken: PreviewView = caller.client.post(&asked, body).await.with_context(doing)?;
    finish(caller, taken, shared.no_wait, shared.json).await
}

/// Waits until the requested preview settles, and prints its URL.
pub(super) async fn finish(
    caller: &Caller,
    taken: PreviewView,
    no_wait: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let id = taken.id.clone();
    let taken = match (no_wait, json) {
        (true, _) => taken,
        (false, true) => quietly(caller, taken).await?,
        (false, false) => up::phases(caller, taken).await?,
    };
    if json {
        caller.output.json(&taken)?;
    } else {
        for line in render_data::taken(&taken, caller.output) {
            caller.output.line(&line)?;
        }
    }
    match taken.phase {
        Phase::Failed => Ok(ExitCode::FAILURE),
        Phase::Gone | Phase::Closing => anyhow::bail!("{id} was removed meanwhile"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

async fn quietly(caller: &Caller, mut preview: PreviewView) -> anyhow::Result<PreviewView> {
    let settled = [Phase::Live, Phase::Failed, Phase::Gone, Phase::Captured];
    while !settled.contains(&preview.phase) {
        preview = caller.wait(&preview).await?;
    }
    Ok(preview)
}
