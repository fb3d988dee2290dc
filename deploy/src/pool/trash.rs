//! Deletes discarded data, and returns the blocks to the host.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::Mutex, time::Instant};

use super::{
    PoolError,
    clone_priority::{ClonePriority, Presence},
    delete,
    error::blocking,
    layout::Layout,
    loop_file,
    place::TRASH,
};

/// Delay between a deletion and the return of blocks: previews are often removed several at a time.
const TRIM_AFTER: Duration = Duration::from_secs(30);

/// The trash of one pool.
#[derive(Debug)]
pub(super) struct Trash {
    layout: Arc<Layout>,
    /// Whether blocks must be returned to the host explicitly.
    trims: bool,
    /// Deletions wait for clones.
    clone_priority: Arc<ClonePriority>,
    /// Only one task empties it at a time, and never after the pool is closed: the path may then be
    /// part of another file system.
    open: Mutex<bool>,
    /// Set once the trash is left to the next process; ends all waits for clones.
    left: OnceLock<Presence>,
    /// Whether anything was deleted since blocks were last returned.
    untrimmed: AtomicBool,
    trim_comes: AtomicBool,
}

impl Trash {
    pub(super) fn new(
        layout: Arc<Layout>,
        trims: bool,
        clone_priority: Arc<ClonePriority>,
    ) -> Arc<Self> {
        Arc::new(Self {
            layout,
            trims,
            clone_priority,
            open: Mutex::new(true),
            left: OnceLock::new(),
            untrimmed: AtomicBool::new(false),
            trim_comes: AtomicBool::new(false),
        })
    }

    /// Empties it in the background once no clone is running, and returns blocks later. Outside a
    /// runtime the trash stays until the pool recovers.
    pub(super) fn empty_soon(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let trash = Arc::clone(self);
        runtime.spawn(async move {
            let deadline = ClonePriority::deadline();
            trash.clone_priority.until_calm(deadline).await;
            if let Err(error) = trash.empty_by(deadline).await {
                tracing::warn!(%error, "cannot empty the pool's trash; its data still takes space");
            }
            if !trash.trims || trash.trim_comes.swap(true, Relaxed) {
                return;
            }
            tokio::time::sleep(TRIM_AFTER).await;
            trash
                .clone_priority
                .until_calm(ClonePriority::deadline())
                .await;
            trash.trim_comes.store(false, Relaxed);
            if let Err(error) = trash.trim().await {
                tracing::warn!(%error, "cannot return the pool's free blocks to the host");
            }
        });
    }

    /// Deletes all contents immediately, without waiting for clones.
    pub(super) async fn empty(self: &Arc<Self>) -> Result<(), PoolError> {
        let _hurried = self.clone_priority.hurry();
        self.empty_by(Instant::now()).await
    }

    /// Leaves the contents to the next process. A running deletion ends soon.
    pub(super) fn leave(&self) {
        self.left.get_or_init(|| self.clone_priority.hurry());
    }

    fn is_left(&self) -> bool {
        self.left.get().is_some()
    }

    /// Deletes all contents; pauses while clones run, until the deadline.
    async fn empty_by(self: &Arc<Self>, deadline: Instant) -> Result<(), PoolError> {
        let open = self.open.lock().await;
        if !*open || self.is_left() {
            return Ok(());
        }
        let trash = Arc::clone(self);
        let deleted = blocking("empty the trash", move || {
            let path = trash.layout.folder(TRASH);
            let may_go_on = || {
                trash.clone_priority.block_until_calm(deadline);
                !trash.is_left()
            };
            match delete::empty(&path, &may_go_on) {
                Err(error) if delete::is_cut_off(&error) => Ok(true),
                Err(error) => Err(PoolError::of(format!("empty {}", path.display()), error)),
                Ok(deleted) => Ok(deleted),
            }
        });
        if deleted.await? {
            self.untrimmed.store(true, Relaxed);
        }
        Ok(())
    }

    /// Returns blocks to the host if anything was deleted.
    pub(super) async fn trim(&self) -> Result<(), PoolError> {
        let open = self.open.lock().await;
        if !*open || self.is_left() || !self.trims || !self.untrimmed.swap(false, Relaxed) {
            return Ok(());
        }
        let root = self.layout.root();
        let layout = Arc::clone(&self.layout);
        if let Err(error) = loop_file::free_deleted(root).await {
            tracing::debug!(%error, "cannot free deleted blocks now; they are freed later");
        }
        // Blocks are only free once the deletion is on the disk.
        blocking("sync the pool", move || super::tree::sync(layout.root())).await?;
        let trimmed = loop_file::trim(root).await;
        trimmed.map_err(|error| {
            self.untrimmed.store(true, Relaxed);
            PoolError::of(format!("trim {}", root.display()), error)
        })
    }

    /// Locks the trash while `unmount` runs, and permanently if it returns `true`.
    pub(super) async fn close(
        &self,
        unmount: impl Future<Output = Result<bool, PoolError>>,
    ) -> Result<bool, PoolError> {
        let mut open = self.open.lock().await;
        if !*open {
            return Ok(false);
        }
        let closed = unmount.await?;
        *open = !closed;
        Ok(closed)
    }
}
