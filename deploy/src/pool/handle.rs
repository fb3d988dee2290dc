//! The pool itself: open, recover, sync, close; and look-up and removal of places.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::fs::{CWD, Mode, OFlags, openat};
use tokio::time::Instant;

use super::{
    CloneMethod, Place, PoolConfig, PoolError,
    clone_priority::{ClonePriority, Presence},
    error::blocking,
    layout::Layout,
    loop_file, open,
    place::{ABOUT, DATA},
    trash::Trash,
    tree::sync,
};

/// Maximum bytes of the metadata of a place.
pub(super) const ABOUT_BYTES_MAX: usize = 1 << 20;

/// All data directories of one Dayfly. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: PoolConfig,
    clone_method: CloneMethod,
    layout: Arc<Layout>,
    clone_priority: Arc<ClonePriority>,
    trash: Arc<Trash>,
}

impl Pool {
    /// Opens the pool: mounts its file if that exists. Otherwise it checks whether the directory
    /// shares blocks, and if not, creates and mounts a file if possible. Only one process at a time
    /// may have it open.
    ///
    /// Fails if the file cannot be mounted, if the mount would hide data, or if `file_mib_max` is
    /// too small for a file. A pool that cannot share blocks is not an error, but a
    /// [`CloneMethod`].
    pub async fn open(config: PoolConfig) -> Result<Self, PoolError> {
        let config = open::resolved(config)?;
        let clone_method = open::decide(&config).await?;
        let layout = Layout::new(config.directory.clone()).map_err(|error| {
            PoolError::of(
                format!("create folders in {}", config.directory.display()),
                error,
            )
        })?;
        let layout = Arc::new(layout);
        let clone_priority = Arc::new(ClonePriority::default());
        let trims = matches!(clone_method, CloneMethod::Loop { .. });
        let trash = Trash::new(Arc::clone(&layout), trims, Arc::clone(&clone_priority));
        let inner = Inner {
            config,
            clone_method,
            layout,
            clone_priority,
            trash,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// How this pool makes clones.
    pub fn clone_method(&self) -> &CloneMethod {
        &self.inner.clone_method
    }

    /// Discards the unfinished work of an earlier process. Call it before creating staging
    /// directories. The deletion runs in the background, since a database server that survived the
    /// crash may still write to it.
    pub async fn recover(&self) -> Result<(), PoolError> {
        self.changing("recover the pool", |layout| layout.discard_all_making())
            .await?;
        self.inner.trash.empty_soon();
        Ok(())
    }

    /// The directory that a container may see. Only this function builds such a path.
    pub fn data_path(&self, place: &Place) -> PathBuf {
        self.inner.layout.place(place).join(DATA)
    }

    /// Whether something is published there.
    pub async fn exists(&self, place: &Place) -> Result<bool, PoolError> {
        let path = self.data_path(place);
        blocking("inspect a place", move || {
            path.try_exists()
                .map_err(|error| PoolError::of(format!("inspect {}", path.display()), error))
        })
        .await
    }

    /// The metadata of a place; `None` if nothing is published or no metadata was written.
    pub async fn about(&self, place: &Place) -> Result<Option<Vec<u8>>, PoolError> {
        let path = self.inner.layout.place(place).join(ABOUT);
        blocking("read about a place", move || about(&path)).await
    }

    /// Discards the data of a place and returns whether there was any. The place is free
    /// immediately; the data is deleted in the background.
    pub async fn remove(&self, place: &Place) -> Result<bool, PoolError> {
        let gone = place.clone();
        let removed = self
            .changing("remove a place", move |layout| layout.remove(&gone))
            .await?;
        if removed {
            self.inner.trash.empty_soon();
        }
        Ok(removed)
    }

    /// Waits until all discarded data is deleted and the freed blocks are reported to the host,
    /// which reuses them within moments. Fails if either fails.
    pub async fn settle(&self) -> Result<(), PoolError> {
        self.inner.trash.empty().await?;
        self.inner.trash.trim().await
    }

    /// Syncs the file system, so that a following clone has little to write.
    pub async fn sync(&self) -> Result<(), PoolError> {
        let layout = Arc::clone(&self.inner.layout);
        blocking("sync the pool", move || sync(layout.root())).await
    }

    /// Waits until no clone is running, for at most `limit`.
    pub async fn idle(&self, limit: Duration) {
        self.inner.clone_priority.idle(Instant::now() + limit).await;
    }

    /// Leaves the trash to the next process, so that this one can exit: deleting may take minutes.
    pub fn leave_trash(&self) {
        self.inner.trash.leave();
    }

    /// Unmounts the file of a pool that no process has open, and returns whether it was mounted.
    /// Creates nothing.
    ///
    /// # Errors
    /// If it is in use, or unmounting fails.
    pub async fn close_left(config: &PoolConfig) -> Result<bool, PoolError> {
        let Some(directory) = open::mounted(config)? else {
            return Ok(false);
        };
        let doing = || format!("unmount {}", directory.display());
        match loop_file::unmount(&directory).await {
            Ok(true) => Ok(true),
            Ok(false) => Err(PoolError::refused(doing(), "it is in use")),
            Err(error) => Err(PoolError::of(doing(), error)),
        }
    }

    /// Unmounts the pool's file and returns whether it did: false if there is no file, or if it is
    /// in use. After `true`, this pool and its clones must not be used.
    pub async fn close(&self) -> Result<bool, PoolError> {
        if !matches!(self.clone_method(), CloneMethod::Loop { .. }) {
            return Ok(false);
        }
        let directory = self.inner.layout.root();
        let unmount = async {
            let unmounted = loop_file::unmount(directory).await;
            unmounted
                .map_err(|error| PoolError::of(format!("unmount {}", directory.display()), error))
        };
        self.inner.trash.close(unmount).await
    }

    pub(super) fn config(&self) -> &PoolConfig {
        &self.inner.config
    }

    pub(super) fn layout(&self) -> &Arc<Layout> {
        &self.inner.layout
    }

    /// Discards a directory that was never published.
    pub(super) fn discard(&self, path: &Path) {
        match self.inner.layout.discard(path) {
            Ok(_) => self.inner.trash.empty_soon(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot discard a staging folder");
            }
        }
    }

    /// Makes deletions wait as for a clone, until the returned value is dropped.
    pub(crate) fn disturb(&self) -> Presence {
        self.inner.clone_priority.disturb()
    }

    pub(super) fn empty_soon(&self) {
        self.inner.trash.empty_soon();
    }

    /// Changes folders on a blocking thread.
    pub(super) async fn changing<T: Send + 'static>(
        &self,
        doing: &'static str,
        change: impl FnOnce(&Layout) -> io::Result<T> + Send + 'static,
    ) -> Result<T, PoolError> {
        let layout = Arc::clone(&self.inner.layout);
        blocking(doing, move || {
            change(&layout).map_err(|error| {
                PoolError::of(format!("{doing} in {}", layout.root().display()), error)
            })
        })
        .await
    }
}

fn about(path: &Path) -> Result<Option<Vec<u8>>, PoolError> {
    let doing = || format!("read {}", path.display());
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match openat(CWD, path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        other => other.map_err(|error| PoolError::of(doing(), error))?,
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(ABOUT_BYTES_MAX).unwrap_or(u64::MAX);
    std::fs::File::from(file)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| PoolError::of(doing(), error))?;
    if bytes.len() > ABOUT_BYTES_MAX {
        let why = format!("it is longer than {ABOUT_BYTES_MAX} bytes; remove the place");
        return Err(PoolError::refused(doing(), why));
    }
    Ok(Some(bytes))
}
