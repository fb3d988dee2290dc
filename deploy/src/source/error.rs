//! Why there is no source.

use std::time::Duration;

use crate::names::CommitSha;

/// Why source cannot be had, or not be used as it is. Never carries a credential.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The address is not one that may be fetched from; it was never given to git.
    #[error("cannot fetch from {url:?}: {why}")]
    BadUrl {
        /// The address, without user and password.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The remote wants other credentials, or knows no such repository.
    #[error("the remote refused: {0}")]
    Refused(String),
    /// The remote did not answer as it should; asking again later may help.
    #[error("the remote cannot be reached: {0}")]
    Unreachable(String),
    /// The remote does not have the commit.
    #[error("commit {} is not on the remote (was it force-pushed away?)", commit.short())]
    NotThere {
        /// The commit that was asked for.
        commit: CommitSha,
    },
    /// Over one of the [`Limits`](super::Limits).
    #[error("the source is too large: {0}")]
    TooLarge(String),
    /// It took too long.
    #[error("{doing} took longer than {} s", limit.as_secs())]
    Timeout {
        /// What took so long.
        doing: &'static str,
        /// How long it was given.
        limit: Duration,
    },
    /// Something in the source that cannot be used, with its path and what is wrong.
    #[error("{path}: {why}")]
    Unfit {
        /// The path as the source gives it.
        path: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Git itself said something unforeseen.
    #[error("failed to {doing}: {message}")]
    Git {
        /// What git was to do.
        doing: &'static str,
        /// Its sentence.
        message: String,
    },
    /// This machine's files or processes failed.
    #[error("failed to {doing}: {cause}")]
    Io {
        /// What was tried.
        doing: String,
        /// The system's answer.
        #[source]
        cause: std::io::Error,
    },
}

impl SourceError {
    /// For `map_err`: an error of this machine with what was tried.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::Io { doing, cause }
    }

    /// A path that cannot be used, with control characters made visible.
    pub(crate) fn unfit(path: &str, why: impl Into<String>) -> Self {
        Self::Unfit {
            path: super::paths::shown(path),
            why: why.into(),
        }
    }
}
