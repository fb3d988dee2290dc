//! The errors of the pool.

use std::{io, time::Duration};

use super::Place;

/// Why a pool operation failed. Names in it are valid or printed with escapes.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The pool or the disk below it is full.
    #[error("no space is left to {what}; remove previews, free disk or raise limits.pool_mib_max")]
    Full {
        /// The operation that needs space.
        what: String,
    },
    /// No data is published at the place.
    #[error("the pool has no {place}")]
    Missing {
        /// The place.
        place: Place,
    },
    /// The file system or a program failed.
    #[error("failed to {doing}: {cause}")]
    Io {
        /// The operation, with its path.
        doing: String,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// It would lose or hide data, or exceeds a limit; nothing was changed.
    #[error("cannot {doing}: {why}")]
    Refused {
        /// The operation.
        doing: String,
        /// Why it is refused, and what to do.
        why: String,
    },
    /// It took too long.
    #[error("failed to {doing}: it took longer than {} ms", limit.as_millis())]
    TimedOut {
        /// The operation.
        doing: String,
        /// Its time limit.
        limit: Duration,
    },
}

impl PoolError {
    /// Translates an error of the operating system during `doing`.
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

/// Runs blocking work on a separate thread.
pub(super) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, PoolError> + Send + 'static,
) -> Result<T, PoolError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|ended| PoolError::of(doing, io::Error::other(ended)))?
}
