//! `dayfly backup` and `dayfly restore`.

use std::{
    io::Write as _,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use nix::sys::stat::{Mode, umask};
use tokio::signal::unix::{SignalKind, signal};

use super::{call::Caller, output::Output};
use crate::{
    backup::{self, Checked, Progress, Target},
    config::ServerConfig,
};

/// How often it is told how far a backup is.
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The archive to write; nothing is replaced
    file: PathBuf,
    /// Leave out snapshots and databases; what has a seed is made again from it
    #[arg(long)]
    without_data: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// What `dayfly backup` wrote
    file: PathBuf,
    /// The configuration file of the server that will run on it
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    config: Option<PathBuf>,
    /// Only find out whether it can be restored, and what it holds; the data directory is not touched
    #[arg(long)]
    check: bool,
}

impl Backup {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let shown = self.file.display();
        let doing = || format!("failed to write {shown}");
        let target = Target::begin(&self.file).with_context(doing)?;
        let checked = self.write(caller, target).await.with_context(doing)?;
        let what = match self.without_data {
            true => "without snapshots and databases",
            false => "with snapshots and databases",
        };
        caller.output.line(&format!(
            "wrote {shown}: {} MiB, {what}; it was read back and can be restored",
            checked.bytes.div_ceil(1 << 20)
        ))?;
        caller.output.line(
            "keep it safe, it holds passwords and data; and keep a copy on another machine",
        )?;
        tell_each(caller.output, "left out", &checked.left_out)
    }

    async fn write(&self, caller: &Caller, mut target: Target) -> anyhow::Result<Checked> {
        let path = format!("/api/v1/backup?data={}", !self.without_data);
        let mut pieces = std::pin::pin!(caller.client.stream(&path).await?);
        let (mut bytes, mut told) = (0, Instant::now());
        while let Some(piece) = pieces.next().await {
            let piece = piece.context("the archive is not whole; the server's log says why")?;
            target.write_all(&piece)?;
            bytes += piece.len() as u64;
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tell_so_far(caller.output, "written", bytes)?;
            }
        }
        let progress = Arc::new(Progress::default());
        watched(
            target.finish(None, Arc::clone(&progress)),
            &progress,
            caller.output,
        )
        .await
    }
}

impl Restore {
    pub(super) async fn run(self, data: Option<PathBuf>, output: Output) -> anyhow::Result<()> {
        // What it makes is for this user alone, as what a server makes.
        umask(Mode::from_bits_truncate(0o077));
        if self.check {
            return self.drill(output).await;
        }
        let config = ServerConfig::read(self.config.as_deref(), data)?;
        let shown = self.file.display();
        let progress = Arc::new(Progress::default());
        let restoring = backup::restore(&self.file, &config, Arc::clone(&progress));
        let restored = watched(restoring, &progress, output)
            .await
            .with_context(|| format!("failed to restore {shown}"))?;
        let data = match restored.manifest.data {
            true => format!("{} snapshots and databases", restored.places),
            false => NO_DATA.to_owned(),
        };
        output.line(&format!(
            "restored into {} what the server {} held at {}, with {data}",
            config.data.display(),
            restored.manifest.instance,
            restored.manifest.made_at
        ))?;
        output.line(
            "`dayfly serve --config FILE` with this data directory goes on from there, or for local previews \
             `dayfly serve --local`, once no other server uses these records (`dayfly down`); containers that \
             still run from before are made anew",
        )?;
        tell_each(output, "left out", &restored.left_out)?;
        tell_each(output, NEEDLESS, &restored.needless)
    }

    /// Finds out whether a restore would work.
    async fn drill(self, output: Output) -> anyhow::Result<()> {
        let shown = self.file.display();
        let progress = Arc::new(Progress::default());
        let scratch = std::env::temp_dir();
        let checking = backup::check(&self.file, &scratch, Arc::clone(&progress));
        let checked = watched(checking, &progress, output)
            .await
            .with_context(|| format!("{shown} cannot be restored"))?;
        output.line(&format!("{shown} can be restored; nothing was written"))?;
        let manifest = &checked.manifest;
        output.line(&format!(
            "it holds what {} held at {}, written by dayfly {}: {} MiB, {} previews, {} mirrors, {}",
            crate::text::plain(&manifest.instance),
            manifest.made_at,
            crate::text::plain(&manifest.version),
            checked.bytes.div_ceil(1 << 20),
            checked.previews,
            checked.mirrors,
            match manifest.data {
                true => format!("{} snapshots and databases", checked.places),
                false => NO_DATA.to_owned(),
            }
        ))?;
        if !checked.has_checksums() {
            output.line(
                "it has no checksums, which earlier versions did not write; that data in it are as \
                 they were written is not known",
            )?;
        }
        tell_each(output, "left out", &checked.left_out)?;
        tell_each(output, NEEDLESS, &checked.needless)
    }
}

/// What is said of an archive without data.
const NO_DATA: &str = "no data: databases are made again from their seeds; snapshots with a name, forks, \
                       captures and standalone databases do not come back";
/// What is said of files that are not brought back.
const NEEDLESS: &str = "not brought back, since no mirror needs it";

/// Waits for what reads an archive, tells how far it is, and stops it in order when it is interrupted.
async fn watched<T>(
    reading: impl Future<Output = anyhow::Result<T>>,
    progress: &Progress,
    output: Output,
) -> anyhow::Result<T> {
    let mut reading = std::pin::pin!(reading);
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut told = tokio::time::interval(TELL_EVERY);
    told.tick().await;
    loop {
        tokio::select! {
            read = &mut reading => return read,
            _ = terminated.recv() => progress.stop.store(true, Relaxed),
            _ = interrupted.recv() => progress.stop.store(true, Relaxed),
            _ = told.tick() => tell_so_far(output, "read", progress.read_bytes.load(Relaxed))?,
        }
    }
}

fn tell_so_far(output: Output, what: &str, bytes: u64) -> std::io::Result<()> {
    output.line(&output.faint(&format!("{} MiB {what} so far", bytes >> 20)))
}

fn tell_each(output: Output, what: &str, names: &[String]) -> anyhow::Result<()> {
    for name in names {
        output.line(&format!("{what}: {}", crate::text::plain(name)))?;
    }
    Ok(())
}
