//! `dayfly backup` and `dayfly restore`.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use nix::sys::stat::{Mode, umask};
use tokio::signal::unix::{SignalKind, signal};

use super::{call::Caller, output::Output};
use crate::{backup, config::ServerConfig};

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
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Backup {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let shown = self.file.display();
        anyhow::ensure!(
            !self.file.try_exists()?,
            "{shown} is there already; name another file"
        );
        let part = part_of(&self.file);
        let doing = || format!("failed to write {shown}");
        let file = begin(&part).with_context(doing)?;
        let written = self.write(caller, &part, file).await;
        if written.is_err() {
            // Best effort: what is cut off is no backup.
            let _gone = std::fs::remove_file(&part);
        }
        let (bytes, end) = written.with_context(doing)?;
        let what = match self.without_data {
            true => "without snapshots and databases",
            false => "with snapshots and databases",
        };
        caller.output.line(&format!(
            "wrote {shown}: {} MiB, {what}; keep it safe, it holds passwords and data",
            bytes.div_ceil(1 << 20)
        ))?;
        tell_left_out(caller.output, &end.left_out)?;
        Ok(())
    }

    async fn write(
        &self,
        caller: &Caller,
        part: &Path,
        mut file: File,
    ) -> anyhow::Result<(u64, backup::End)> {
        let path = format!("/api/v1/backup?data={}", !self.without_data);
        let mut pieces = std::pin::pin!(caller.client.stream(&path).await?);
        let (mut bytes, mut told) = (0, Instant::now());
        while let Some(piece) = pieces.next().await {
            let piece = piece.context("the archive is not whole; the server's log says why")?;
            file.write_all(&piece)?;
            bytes += piece.len() as u64;
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tell_so_far(caller.output, bytes)?;
            }
        }
        file.sync_all()?;
        let end = backup::read_end(part).context("the archive is not whole")?;
        std::fs::rename(part, &self.file)?;
        let folder = self
            .file
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok((bytes, end))
    }
}

/// Makes the file that becomes the archive once it is whole. One that is there belongs to another
/// backup that runs, or was cut off.
fn begin(part: &Path) -> anyhow::Result<File> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part);
    made.map_err(|error| {
        let cut_off = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "; where another backup was cut off, remove it",
            _ => "",
        };
        anyhow::Error::new(error).context(format!("cannot make {}{cut_off}", part.display()))
    })
}

fn part_of(file: &Path) -> PathBuf {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

impl Restore {
    pub(super) async fn run(self, data: Option<PathBuf>, output: Output) -> anyhow::Result<()> {
        let config = ServerConfig::read(self.config.as_deref(), data)?;
        // What it makes is for this user alone, as what a server makes.
        umask(Mode::from_bits_truncate(0o077));
        let shown = self.file.display();
        let restored = watched(&self.file, &config, output)
            .await
            .with_context(|| format!("failed to restore {shown}"))?;
        let data = match restored.manifest.data {
            true => format!("{} snapshots and databases", restored.places),
            false => "no data: databases are made again from their seeds; snapshots with a name, \
                      forks, captures and standalone databases do not come back"
                .to_owned(),
        };
        output.line(&format!(
            "restored into {} what {} held at {}, with {data}",
            config.data.display(),
            restored.manifest.instance,
            restored.manifest.made_at
        ))?;
        output.line(
            "`dayfly serve` or `dayfly up` with this data directory goes on from there, once no other \
             server uses these records (`dayfly down`); containers that still run \
             from before are made anew",
        )?;
        tell_left_out(output, &restored.left_out)?;
        Ok(())
    }
}

/// Restores, tells how far it is, and stops in order when it is interrupted.
async fn watched(
    file: &Path,
    config: &ServerConfig,
    output: Output,
) -> anyhow::Result<backup::Restored> {
    let progress = Arc::new(backup::Progress::default());
    let mut restored = std::pin::pin!(backup::restore(file, config, Arc::clone(&progress)));
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut told = tokio::time::interval(TELL_EVERY);
    told.tick().await;
    loop {
        tokio::select! {
            restored = &mut restored => return restored,
            _ = terminated.recv() => progress.stop.store(true, Relaxed),
            _ = interrupted.recv() => progress.stop.store(true, Relaxed),
            _ = told.tick() => tell_so_far(output, progress.read_bytes.load(Relaxed))?,
        }
    }
}

fn tell_so_far(output: Output, bytes: u64) -> std::io::Result<()> {
    output.line(&output.faint(&format!("{} MiB so far", bytes >> 20)))
}

fn tell_left_out(output: Output, left_out: &[String]) -> std::io::Result<()> {
    for what in left_out {
        output.line(&format!("left out: {}", crate::text::plain(what)))?;
    }
    Ok(())
}
