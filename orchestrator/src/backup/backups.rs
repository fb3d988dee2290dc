//! The backups of a server. Only one is written at a time.

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use anyhow::Context as _;
use deploy::{databases::DatabaseError, names::Instance, source::Mirrors};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use super::{Checked, Progress, Target, packing::BackupError, shelf, write};
use crate::{config::BackupSchedule, worker::Ports};

/// The size of the write buffer.
const WRITE_BYTES: usize = 1 << 20;

/// How long a scheduled backup waits while another one is written.
const TURN_MAX: Duration = Duration::from_secs(30 * 60);

/// Makes the backups of a server.
pub struct Backups {
    ports: Arc<Ports>,
    mirrors: Arc<Mirrors>,
    data: PathBuf,
    turn: Arc<tokio::sync::Mutex<()>>,
    failure: Mutex<Option<Failure>>,
}

/// The turn of a backup: no other backup is written until this is dropped.
pub struct Turn {
    _turn: OwnedMutexGuard<()>,
}

/// Why the last scheduled backup failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When it failed.
    pub at: Timestamp,
    /// The error, with its causes.
    pub why: String,
}

impl Backups {
    /// The backups of a server with this data directory.
    pub fn new(ports: Arc<Ports>, mirrors: Arc<Mirrors>, data: PathBuf) -> Self {
        Self {
            ports,
            mirrors,
            data,
            turn: Arc::default(),
            failure: Mutex::default(),
        }
    }

    /// Waits at most this long for the turn of a backup; none where another one takes longer.
    pub async fn turn(&self, most: Duration) -> Option<Turn> {
        let turn = Arc::clone(&self.turn).lock_owned();
        let turn = tokio::time::timeout(most, turn).await.ok()?;
        Some(Turn { _turn: turn })
    }

    /// The instance that the backups belong to.
    pub fn instance(&self) -> &Instance {
        self.ports.store.instance()
    }

    /// Checks that data can be copied.
    ///
    /// # Errors
    /// Where the pool is not available.
    pub async fn data_are_there(&self) -> Result<(), DatabaseError> {
        self.ports.databases.pool().await.map(drop)
    }

    /// Writes an archive; blocks, and needs a runtime.
    ///
    /// # Errors
    /// Where something cannot be copied or written.
    pub fn write(
        &self,
        _turn: &Turn,
        with_data: bool,
        sink: &mut dyn Write,
    ) -> Result<(), BackupError> {
        write(&self.ports, &self.mirrors, &self.data, with_data, sink)
    }

    /// Why the last scheduled backup failed; none where it succeeded.
    pub fn failure(&self) -> Option<Failure> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes the next scheduled backup and removes surplus ones. Setting `stop` of the progress
    /// ends it.
    ///
    /// # Errors
    /// Where it cannot be written or verified; older backups stay then.
    pub async fn make(
        self: &Arc<Self>,
        schedule: &BackupSchedule,
        progress: Arc<Progress>,
    ) -> anyhow::Result<(PathBuf, Checked)> {
        let made = self.make_one(schedule, progress).await;
        let failure = made.as_ref().err().map(|error| Failure {
            at: Timestamp::now(),
            why: format!("{error:#}"),
        });
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        made
    }

    async fn make_one(
        self: &Arc<Self>,
        schedule: &BackupSchedule,
        progress: Arc<Progress>,
    ) -> anyhow::Result<(PathBuf, Checked)> {
        let turn = self.turn(TURN_MAX).await;
        let turn = turn.with_context(|| {
            let minutes = TURN_MAX.as_secs() / 60;
            format!("another backup is still being written after {minutes} minutes")
        })?;
        self.data_are_there().await?;
        let (instance, folder) = (self.instance(), &schedule.directory);
        let path = shelf::next(folder, instance, Timestamp::now())
            .with_context(|| format!("cannot write in {}", folder.display()))?;
        let target = Target::begin(&path)?;
        let (backups, asked) = (Arc::clone(self), Arc::clone(&progress));
        let written = tokio::task::spawn_blocking(move || {
            let sink = Stoppable {
                sink: target,
                progress: asked,
            };
            let mut sink = BufWriter::with_capacity(WRITE_BYTES, sink);
            backups.write(&turn, true, &mut sink)?;
            let sink = sink.into_inner().map_err(io::IntoInnerError::into_error)?;
            anyhow::Ok((turn, sink.sink))
        });
        let (turn, target) = written.await??;
        let checked = target.finish(Some(&self.data), progress).await?;
        drop(turn);
        match shelf::thin(folder, instance, schedule.keep, (&path, Timestamp::now())) {
            Ok(removed) => {
                for path in removed {
                    tracing::info!(path = %path.display(), "removed an old backup");
                }
            }
            Err(cause) => {
                tracing::warn!(%cause, "cannot remove old backups; the next backup retries")
            }
        }
        Ok((path, checked))
    }
}

/// A sink that fails once the backup is stopped.
struct Stoppable {
    sink: Target,
    progress: Arc<Progress>,
}

impl Write for Stoppable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.progress.stop.load(Relaxed) {
            true => Err(io::Error::other("the backup was stopped")),
            false => self.sink.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
