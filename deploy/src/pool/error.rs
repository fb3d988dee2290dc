//! Why the pool could not do something.

use std::{io, time::Duration};

use super::Place;

/// Why the pool could not do something. Names in it are ours or printed with escapes.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// There is no room, in the pool or on the disk below it.
    #[error("no room is left to {what}; remove previews, free disk or raise limits.pool_mib_max")]
    Full {
        /// What needed the room.
        what: String,
    },
    /// Nothing is published there.
    #[error("the pool has no {place}")]
    Missing {
        /// Where something was looked for.
        place: Place,
    },
    /// The file system or a program failed.
    #[error("failed to {doing}: {cause}")]
    Io {
        /// What was tried, with its path.
        doing: String,
        /// What the system said.
        cause: io::Error,
    },
    /// It would lose or hide something, or is over a limit; nothing was changed.
    #[error("cannot {doing}: {why}")]
    Refused {
        /// What was asked for.
        doing: String,
        /// Why not, and what to do.
        why: String,
    },
    /// It took too long.
    #[error("failed to {doing}: it took longer than {} ms", limit.as_millis())]
    TimedOut {
        /// What took so long.
        doing: String,
        /// How long it was given.
        limit: Duration,
    },
}

impl PoolError {
    /// What an error of the system means for `doing`.
    pub(super) fn of(doing: impl Into<String>, cause: impl Into<io::Error>) -> Self {
        let (doing, cause) = (doing.into(), cause.into());
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { what: doing },
            _ => Self::Io { doing, cause },
        }
    }

    pub(super) fn refused(doing: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Refused {
            doing: doing.into(),
            why: why.into(),
        }
    }
}

/// Does work that blocks where it stops nobody else.
pub(super) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, PoolError> + Send + 'static,
) -> Result<T, PoolError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|ended| PoolError::of(doing, io::Error::other(ended)))?
}
