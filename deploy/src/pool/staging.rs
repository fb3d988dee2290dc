//! Something that is being made: invisible until it is whole.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::{
    Place, Pool, PoolError,
    error::blocking,
    handle::ABOUT_BYTES_MAX,
    layout,
    place::{ABOUT, DATA},
    tree::sync,
};
use crate::content::Spool;

/// A place in the making. Dropped without being published, it is thrown away.
#[derive(Debug)]
pub struct Staging {
    made: Arc<Made>,
}

/// What a staging directory has made so far. Shared with whatever still writes there, so that it is thrown away
/// only after the last of them.
#[derive(Debug)]
pub(super) struct Made {
    pool: Pool,
    path: PathBuf,
    published: AtomicBool,
}

impl Made {
    /// Its own folder: what a container may see, and what is known about it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if !self.published.load(Relaxed) {
            self.pool.discard(&self.path);
        }
    }
}

impl Pool {
    /// Begins to make something: an empty directory that no place leads to yet.
    pub async fn staging(&self) -> Result<Staging, PoolError> {
        let pool = self.clone();
        let making = move |layout: &layout::Layout| {
            let path = layout.making()?;
            // From here on it is thrown away with the staging directory, whatever happens.
            let made = Made {
                pool,
                path,
                published: AtomicBool::new(false),
            };
            layout::folder(&made.path.join(DATA))?;
            Ok(made)
        };
        let made = self.changing("begin a staging directory", making).await?;
        Ok(Staging {
            made: Arc::new(made),
        })
    }
}

impl Pool {
    /// Where things lie that are being made. What is left in it goes when the pool is opened again.
    pub(crate) fn making_folder(&self) -> PathBuf {
        self.layout().making_folder()
    }

    /// Writes what the pool holds to the disk, beside whatever else goes on.
    pub(crate) async fn write_out(&self) -> Result<(), PoolError> {
        let pool = self.clone();
        let writing = move || sync(pool.layout().root());
        blocking("write the pool to the disk", writing).await
    }

    /// Begins a file without a name on the pool's file system.
    pub async fn spool(&self) -> Result<Spool, PoolError> {
        self.changing("begin a file", |layout| {
            Spool::begin(&layout.making_folder())
        })
        .await
    }
}

impl Staging {
    /// The directory that a container may see, while it is being made. Another path after
    /// [`Staging::publish`].
    pub fn data_path(&self) -> PathBuf {
        self.made.path.join(DATA)
    }

    /// Writes what should be known about it, at most 1 MiB, beside what a container sees.
    pub async fn write_about(&self, about: &[u8]) -> Result<(), PoolError> {
        let path = self.made.path.join(ABOUT);
        let doing = format!("write {}", path.display());
        if about.len() > ABOUT_BYTES_MAX {
            let why = format!("it is longer than {ABOUT_BYTES_MAX} bytes");
            return Err(PoolError::refused(doing, why));
        }
        let (about, held) = (about.to_vec(), self.hold());
        blocking("write about a staging directory", move || {
            let written = write(&path, &about).map_err(|error| PoolError::of(doing, error));
            drop(held);
            written
        })
        .await
    }

    /// Puts a file of ours at the top of what a container sees, in place of whatever has its name.
    /// The rest of the tree is others' work, so nothing is followed on the way.
    pub async fn place_file(&self, name: &'static str, content: &[u8]) -> Result<(), PoolError> {
        let path = self.data_path().join(name);
        let doing = format!("write {}", path.display());
        let (content, held) = (content.to_vec(), self.hold());
        blocking("write a file of a staging directory", move || {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(PoolError::of(doing, error));
                }
                _ => {}
            }
            let written = File::create_new(&path).and_then(|mut file| file.write_all(&content));
            drop(held);
            written.map_err(|error| PoolError::of(doing, error))
        })
        .await
    }

    /// Puts it in its place. What was there goes to the trash. A snapshot is on the disk then; data
    /// of a preview may not outlive a fall of the host.
    pub async fn publish(self, place: &Place) -> Result<(), PoolError> {
        let pool = self.made.pool.clone();
        let (place, made) = (place.clone(), self.hold());
        let replaced = blocking("publish a staging directory", move || {
            publish(&made, &place).inspect(|_| made.published.store(true, Relaxed))
        })
        .await?;
        if replaced {
            pool.empty_soon();
        }
        Ok(())
    }

    /// Keeps what is being made from being thrown away.
    pub(super) fn hold(&self) -> Arc<Made> {
        Arc::clone(&self.made)
    }
}

fn publish(made: &Made, place: &Place) -> Result<bool, PoolError> {
    let layout = made.pool.layout();
    if matches!(place, Place::Snapshot(_)) {
        sync(layout.root())?;
    }
    layout
        .publish(&made.path, place)
        .map_err(|error| PoolError::of(format!("publish {place}"), error))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    File::create(path)?.write_all(bytes)
}
