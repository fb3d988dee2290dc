//! `dayfly up`: a preview of a local checkout, followed until it serves.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::Args;
use deploy::names::PreviewId;
use tokio::time::Instant;

use super::{
    call::{Caller, path},
    logs::each_line,
    render, start, upload,
};
use crate::{
    api::{Phase, PreviewView},
    preview::names,
};

/// The longest name of a checkout, in characters; the server has the same limit.
const NAME_MAX: usize = 28;
/// Exit code of an interrupted command.
const INTERRUPTED: u8 = 130;
/// The longest silence while the preview comes up.
const QUIET_MAX: Duration = Duration::from_secs(15);
/// How long the last lines of a build may take to arrive after the preview settled.
const LAST_LINES_DEADLINE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Up {
    /// Folder of the checkout [default: the working directory]
    path: Option<PathBuf>,
    /// Name in URLs [default: the folder's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Return as soon as the files are sent
    #[arg(long)]
    detach: bool,
}

impl Up {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let began = Instant::now();
        let folder = upload::folder(self.path).context("failed to preview the checkout")?;
        let shown = crate::text::plain(&folder.display().to_string());
        let doing = || format!("failed to preview {shown}");
        let slug = match self.name {
            Some(name) => name,
            None => {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                names::slug(&name, NAME_MAX)
            }
        };
        let id = names::local_preview_id(&slug).with_context(doing)?;
        start::ensure_server(caller).await.with_context(doing)?;
        let (summary, preview) = upload::upload(caller, &folder, &slug)
            .await
            .with_context(doing)?;
        for line in render::sent(&shown, &summary) {
            caller.output.line(&line)?;
        }
        if self.detach {
            let said = format!("{id} is {}; `dayfly show {id}` shows more", preview.phase);
            caller.output.line(&said)?;
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            followed = follow(caller, preview) => {
                settled(caller, &followed.with_context(doing)?, began.elapsed())
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.with_context(doing)?;
                caller.output.line(&stays(&id))?;
                Ok(ExitCode::from(INTERRUPTED))
            }
        }
    }
}

fn stays(id: &PreviewId) -> String {
    format!("\n{id} keeps running; `dayfly show {id}` shows its state, `dayfly rm {id}` removes it")
}

/// Prints phases and build output until the preview settles.
async fn follow(caller: &Caller, preview: PreviewView) -> anyhow::Result<PreviewView> {
    let id = preview.id.clone();
    let build = async {
        let query = format!("{}/logs?build=true&follow=true", path(&id));
        match caller.client.stream(&query).await {
            Ok(pieces) => {
                let indent = |line: &str| caller.output.log_line(&format!("  {line}"));
                each_line(pieces, indent).await
            }
            // Without a build there is no output to follow.
            Err(_) => Ok(()),
        }
    };
    let mut build = std::pin::pin!(build);
    let phases = phases(caller, preview);
    let mut phases = std::pin::pin!(phases);
    tokio::select! {
        settled = &mut phases => {
            let settled = settled?;
            if settled.phase == Phase::Failed {
                // The evidence is in the last lines; the diagnosis comes after them.
                if let Ok(ended) = tokio::time::timeout(LAST_LINES_DEADLINE, build).await {
                    ended?;
                }
            }
            Ok(settled)
        }
        ended = &mut build => {
            ended?;
            phases.await
        }
    }
}

pub(super) async fn phases(
    caller: &Caller,
    mut preview: PreviewView,
) -> anyhow::Result<PreviewView> {
    let mut told = None;
    let (mut changed_at, mut said_at) = (Instant::now(), Instant::now());
    loop {
        let now = (preview.phase, preview.waiting_for.clone());
        let mut line = None;
        if told.as_ref() != Some(&now) {
            line = render::progress(&preview, caller.output);
            (told, changed_at, said_at) = (Some(now), Instant::now(), Instant::now());
        } else if said_at.elapsed() >= QUIET_MAX {
            line = render::still(&preview, changed_at.elapsed(), caller.output);
            said_at = Instant::now();
        }
        if let Some(line) = line {
            caller.output.line(&line)?;
        }
        let settled = [Phase::Live, Phase::Failed, Phase::Gone, Phase::Captured];
        if settled.contains(&preview.phase) {
            return Ok(preview);
        }
        preview = caller.wait(&preview).await?;
    }
}

fn settled(caller: &Caller, preview: &PreviewView, took: Duration) -> anyhow::Result<ExitCode> {
    let id = &preview.id;
    match preview.phase {
        Phase::Live => {
            let line = render::live(preview, took, caller.output);
            caller.output.line(&line)?;
            Ok(ExitCode::SUCCESS)
        }
        Phase::Failed => {
            for line in render::failure(preview, caller.output) {
                caller.output.line(&line)?;
            }
            Ok(ExitCode::FAILURE)
        }
        phase => anyhow::bail!("failed to preview {id}: it was removed meanwhile and is {phase}"),
    }
}
