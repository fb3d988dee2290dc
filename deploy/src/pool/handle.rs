//! The pool itself: opened, recovered, synced, closed; and places that come and go.

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

/// What is known about a place is not more than this.
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
    /// Opens the pool: mounts its file where there is one, else tries whether the directory shares
    /// blocks, else makes and mounts a file where that is possible. One process at a time.
    ///
    /// Fails where the file cannot be mounted or something would be hidden by it, and where
    /// `file_mib_max` is too small for the file that is needed. That nothing shares blocks is no
    /// failure but a [`CloneMethod`].
    pub async fn open(config: PoolConfig) -> Result<Self, PoolError> {
        let config = open::resolved(config)?;
        let clone_method = open::decide(&config).await?;
        let layout = Layout::new(config.directory.clone()).map_err(|error| {
            PoolError::of(
                format!("make folders in {}", config.directory.display()),
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

    /// How this pool comes by its clones.
    pub fn clone_method(&self) -> &CloneMethod {
        &self.inner.clone_method
    }

    /// Throws away what an earlier process was making. Before anything is drafted. It is deleted in
    /// the background: a server that outlived us may still write to it.
    pub async fn recover(&self) -> Result<(), PoolError> {
        self.changing("recover the pool", |layout| layout.discard_all_making())
            .await?;
        self.inner.trash.empty_soon();
        Ok(())
    }

    /// The directory that a container may see. The one function that builds such a path.
    pub fn data_path(&self, place: &Place) -> PathBuf {
        self.inner.layout.place(place).join(DATA)
    }

    /// Whether something is published there.
    pub async fn exists(&self, place: &Place) -> Result<bool, PoolError> {
        let path = self.data_path(place);
        blocking("look at a place", move || {
            path.try_exists()
                .map_err(|error| PoolError::of(format!("look at {}", path.display()), error))
        })
        .await
    }

    /// What was written about it; nothing where nothing is published or nothing was written.
    pub async fn about(&self, place: &Place) -> Result<Option<Vec<u8>>, PoolError> {
        let path = self.inner.layout.place(place).join(ABOUT);
        blocking("read about a place", move || about(&path)).await
    }

    /// Throws away what is there and answers whether anything was. The place is free at once; the
    /// data is deleted in the background.
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

    /// Waits until everything thrown away is deleted and the host was told which blocks are free
    /// again; it takes them back within moments. Fails where either does.
    pub async fn settle(&self) -> Result<(), PoolError> {
        self.inner.trash.empty().await?;
        self.inner.trash.trim().await
    }

    /// Writes down everything that is not on the disk yet, so that a clone finds little to write.
    pub async fn sync(&self) -> Result<(), PoolError> {
        let layout = Arc::clone(&self.inner.layout);
        blocking("sync the pool", move || sync(layout.root())).await
    }

    /// Waits until nothing is cloned, and no longer than `limit`.
    pub async fn idle(&self, limit: Duration) {
        self.inner.clone_priority.idle(Instant::now() + limit).await;
    }

    /// What was thrown away stays for the next process, so that this one can end: to delete it may
    /// take minutes.
    pub fn leave_trash(&self) {
        self.inner.trash.leave();
    }

    /// Unmounts the file of a pool that no process has open any more, and answers whether it was mounted.
    /// Makes nothing.
    ///
    /// # Errors
    /// Where something still uses it, or it cannot be unmounted.
    pub async fn close_left(config: &PoolConfig) -> Result<bool, PoolError> {
        let Some(directory) = open::mounted(config)? else {
            return Ok(false);
        };
        let doing = || format!("unmount {}", directory.display());
        match loop_file::unmount(&directory).await {
            Ok(true) => Ok(true),
            Ok(false) => Err(PoolError::refused(doing(), "something uses it")),
            Err(error) => Err(PoolError::of(doing(), error)),
        }
    }

    /// Unmounts the pool's file and answers whether it did: not where there is none, nor while
    /// something uses it. After `true` this pool and its clones must not be used any more.
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

    /// Throws something away that was never published.
    pub(super) fn discard(&self, path: &Path) {
        match self.inner.layout.discard(path) {
            Ok(_) => self.inner.trash.empty_soon(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a staging directory was not thrown away");
            }
        }
    }

    /// Deletions wait as for a clone until the answer is dropped.
    pub(crate) fn disturb(&self) -> Presence {
        self.inner.clone_priority.disturb()
    }

    pub(super) fn empty_soon(&self) {
        self.inner.trash.empty_soon();
    }

    /// Changes folders where that stops nobody else.
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
