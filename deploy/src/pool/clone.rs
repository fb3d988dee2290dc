//! A clone of a published tree into a staging directory.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{Part, Place, Pool, PoolError, Staging, clone_tree, error::blocking};

/// What a clone came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cloned {
    /// Regular files that were cloned.
    pub files: u64,
    /// Their length altogether, in bytes; holes count.
    pub bytes: u64,
    /// Sockets, pipes and devices, which were left out.
    pub left_out: u64,
    /// How long it took.
    pub took: Duration,
    /// Whether all blocks are shared; otherwise they were copied.
    pub shared: bool,
}

impl Pool {
    /// Clones what a container sees at `from` into an empty staging directory: files, folders and links with
    /// owner, mode and times; without set-user-id and set-group-id, extended attributes, and ties
    /// between hard links. Links are never followed. Whoever writes to `from` should be paused:
    /// files are cloned one after the other.
    ///
    /// Fails with [`PoolError::Missing`] where nothing is published at `from`, with `Full`, with
    /// `TimedOut` after `limit`, and with `Refused` above 2,000,000 entries or 64 folders deep. The
    /// staging directory then holds a part of it and should be dropped. Dropping the future ends the work.
    pub async fn clone_into(
        &self,
        from: &Place,
        staging: &Staging,
        limit: Duration,
    ) -> Result<Cloned, PoolError> {
        self.clone_part(from, staging, Part::All, limit).await
    }

    /// Clones a part of what [`Pool::clone_into`] would.
    pub async fn clone_part(
        &self,
        from: &Place,
        staging: &Staging,
        part: Part,
        limit: Duration,
    ) -> Result<Cloned, PoolError> {
        self.clone_path(self.data_path(from), Some(from), (staging, part), limit)
            .await
    }

    /// Clones what a staging directory holds so far into another one, as [`Pool::clone_into`] does.
    pub async fn clone_staging(
        &self,
        from: &Staging,
        staging: &Staging,
        limit: Duration,
    ) -> Result<Cloned, PoolError> {
        let _held = from.hold();
        self.clone_path(from.data_path(), None, (staging, Part::All), limit)
            .await
    }

    async fn clone_path(
        &self,
        from: PathBuf,
        place: Option<&Place>,
        (staging, part): (&Staging, Part),
        limit: Duration,
    ) -> Result<Cloned, PoolError> {
        let begun = Instant::now();
        let cancel = CancellationToken::new();
        let _ends_when_dropped = cancel.clone().drop_guard();
        let asked = clone_tree::Asked {
            from,
            to: staging.data_path(),
            place: place.cloned(),
            part,
            share: self.clone_method().shares(),
            deadline: begun + limit,
            limit,
            cancel,
        };
        // Held, so that nothing is thrown away while something is still put there.
        let held = (staging.hold(), self.disturb());
        let done = blocking("clone a tree", move || {
            let done = clone_tree::clone(&asked);
            drop(held);
            done
        })
        .await?;
        Ok(Cloned {
            files: done.files,
            bytes: done.bytes,
            left_out: done.left_out,
            took: begun.elapsed(),
            shared: done.shared,
        })
    }
}
