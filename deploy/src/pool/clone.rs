//! Clones a published tree into a staging directory.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{Part, Place, Pool, PoolError, Staging, clone_tree, error::blocking};

/// The result of a clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cloned {
    /// Regular files that were cloned.
    pub files: u64,
    /// Their total length in bytes, including holes.
    pub bytes: u64,
    /// Number of sockets, pipes and devices, which are not cloned.
    pub left_out: u64,
    /// The duration.
    pub took: Duration,
    /// Whether all blocks are shared; otherwise some were copied.
    pub shared: bool,
}

impl Pool {
    /// Clones the data at `from`, as a container sees it, into an empty staging directory: files,
    /// folders and links with owner, mode and times. Set-user-id and set-group-id bits, extended
    /// attributes, and hard links between files are lost. Links are never followed. Pause the
    /// processes that write to `from`: files are cloned one after the other.
    ///
    /// Fails with [`PoolError::Missing`] if nothing is published at `from`, with `Full`, with
    /// `TimedOut` after `limit`, and with `Refused` above 2,000,000 entries or 64 folders deep. The
    /// staging directory then holds a part of the data and should be dropped. Dropping the future
    /// stops the work.
    pub async fn clone_into(
        &self,
        from: &Place,
        staging: &Staging,
        limit: Duration,
    ) -> Result<Cloned, PoolError> {
        self.clone_part(from, staging, Part::All, limit).await
    }

    /// Like [`Pool::clone_into`], for a part of the tree.
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

    /// Clones the current contents of a staging directory into another one, like
    /// [`Pool::clone_into`].
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
        // Held, so that the staging directory is not removed while files are still added.
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
