//! The errors of fetching and reading source.

use std::time::Duration;

use crate::names::CommitSha;

/// Why source cannot be fetched or used. Never contains a credential.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The URL may not be fetched; git never saw it.
    #[error("cannot fetch from {url:?}: {why}")]
    BadUrl {
        /// The URL, without user and password.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The remote rejects the credentials, or does not know the repository.
    #[error("the remote refused: {0}")]
    Refused(String),
    /// The remote did not answer properly; a retry may help.
    #[error("cannot reach the remote: {0}")]
    Unreachable(String),
    /// The remote does not have the commit.
    #[error("commit {} is not on the remote (was it force-pushed away?)", commit.short())]
    NotThere {
        /// The requested commit.
        commit: CommitSha,
    },
    /// It exceeds one of the [`Limits`](super::Limits).
    #[error("the source is too large: {0}")]
    TooLarge(String),
    /// It took too long.
    #[error("{doing} took longer than {} s", limit.as_secs())]
    Timeout {
        /// The operation.
        doing: &'static str,
        /// Its time limit.
        limit: Duration,
    },
    /// A part of the source is unusable.
    #[error("{path}: {why}")]
    Unfit {
        /// Its path as the source gives it.
        path: String,
        /// Why it is unusable, and what to do.
        why: String,
    },
    /// Git failed in an unexpected way.
    #[error("failed to {doing}: {message}")]
    Git {
        /// The operation of git.
        doing: &'static str,
        /// Git's message.
        message: String,
    },
    /// A file or process operation failed on this machine.
    #[error("failed to {doing}: {cause}")]
    Io {
        /// The operation.
        doing: String,
        /// The error of the operating system.
        #[source]
        cause: std::io::Error,
    },
}

impl SourceError {
    /// For `map_err`: an error of this machine, with the operation.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::Io { doing, cause }
    }

    /// A path that is unusable, with control characters made visible.
    pub(crate) fn unfit(path: &str, why: impl Into<String>) -> Self {
        Self::Unfit {
            path: super::paths::shown(path),
            why: why.into(),
        }
    }
}
