//! `dayfly backup` and `dayfly restore`.

use std::{
    io::Write as _,
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
use crate::{
    backup::{self, Checked, Progress, Target},
    config::ServerConfig,
};

/// How often to print the progress.
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Archive to write; the file must not exist yet
    file: PathBuf,
    /// Leave out snapshots and databases; a restore recreates databases from their seeds
    #[arg(long)]
    without_data: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// Archive that `dayfly backup` wrote
    file: PathBuf,
    /// Configuration file of the server that will use the restored data
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    config: Option<PathBuf>,
    /// Only check the archive and print a summary; the data directory does not change
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
            "wrote {shown}: {} MiB, {what}; it is verified and can be restored",
            checked.bytes.div_ceil(1 << 20)
        ))?;
        caller
            .output
            .line("keep it safe, since it contains passwords; keep a copy on another machine")?;
        tell_each(caller.output, "left out", &checked.left_out)
    }

    async fn write(&self, caller: &Caller, mut target: Target) -> anyhow::Result<Checked> {
        let path = format!("/api/v1/backup?data={}", !self.without_data);
        let mut pieces = std::pin::pin!(caller.client.stream(&path).await?);
        let (mut bytes, mut told) = (0, Instant::now());
        while let Some(piece) = pieces.next().await {
            let piece = piece.context("the archive is incomplete; see the server's log")?;
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
        // Restored files are for this user only, like the files of a server.
        umask(Mode::from_bits_truncate(0o077));
        if self.check {
            return self.drill(output).await;
        }
        let config = ServerConfig::read(self.config.as_deref(), data.clone())?;
        let shown = self.file.display();
        let progress = Arc::new(Progress::default());
        let restoring = backup::restore(&self.file, &config, Arc::clone(&progress));
        let restored = watched(restoring, &progress, output)
            .await
            .with_context(|| format!("failed to restore {shown}"))?;
        let held = match restored.manifest.data {
            true => format!("{} snapshots and databases", restored.places),
            false => NO_DATA.to_owned(),
        };
        output.line(&format!(
            "restored into {}: server {} as of {}, with {held}",
            config.data.display(),
            crate::text::plain(&restored.manifest.instance),
            restored.manifest.made_at
        ))?;
        tell_each(output, "left out", &restored.left_out)?;
        tell_each(output, NEEDLESS, &restored.needless)?;
        output.line(&next_step(self.config.as_deref(), data.as_deref()))?;
        Ok(())
    }

    /// Checks whether a restore would succeed.
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
            "it holds server {} as of {}, written by dayfly {}: {} MiB, {} previews, {} mirrors, \
             {}",
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
                "it has no checksums, since an older version wrote it; its data cannot be verified",
            )?;
        }
        tell_each(output, "left out", &checked.left_out)?;
        tell_each(output, NEEDLESS, &checked.needless)
    }
}

/// The step after a restore, with the command that starts the server on the restored data.
fn next_step(config: Option<&Path>, data: Option<&Path>) -> String {
    let data = data.map_or_else(String::new, |data| format!(" --data {}", data.display()));
    let serve = match config {
        Some(config) => format!("`dayfly serve --config {}{data}`", config.display()),
        None => format!(
            "`dayfly serve --config FILE{data}`, or for local previews `dayfly serve --local{data}`"
        ),
    };
    format!(
        "the server recreates containers that still run; first stop any other server that uses \
         these records (`dayfly down`), then run {serve}"
    )
}

/// The description of an archive without data.
const NO_DATA: &str = "no data: the server recreates databases from their seeds; named snapshots, \
                       forks, captures and standalone databases are not restored";
/// The label of files that are not restored.
const NEEDLESS: &str = "not restored, since no mirror needs it";

/// Waits for the reader of an archive, prints its progress, and stops it cleanly on a signal.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_restore_the_command_to_serve_is_complete() {
        let (config, data) = (Path::new("r.toml"), Path::new("/var/lib/dayfly"));
        for (config, data, end) in [
            (Some(config), None, "run `dayfly serve --config r.toml`"),
            (
                Some(config),
                Some(data),
                "run `dayfly serve --config r.toml --data /var/lib/dayfly`",
            ),
            (
                None,
                Some(data),
                "`dayfly serve --local --data /var/lib/dayfly`",
            ),
        ] {
            let step = next_step(config, data);
            assert!(step.ends_with(end), "{step}");
        }
    }
}
