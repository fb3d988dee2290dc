//! Work in progress: invisible until it is complete.

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

/// A place in progress. Dropping it without publishing discards it.
#[derive(Debug)]
pub struct Staging {
    made: Arc<Made>,
}

/// The folder of a staging directory. Shared by all writers, so that it is discarded only after the
/// last one ends.
#[derive(Debug)]
pub(super) struct Made {
    pool: Pool,
    path: PathBuf,
    published: AtomicBool,
}

impl Made {
    /// Its own folder with the data for containers and the metadata.
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
    /// Creates an empty staging directory, which no place refers to yet.
    pub async fn staging(&self) -> Result<Staging, PoolError> {
        let pool = self.clone();
        let making = move |layout: &layout::Layout| {
            let path = layout.making()?;
            // From here on, dropping the staging directory discards the folder.
            let made = Made {
                pool,
                path,
                published: AtomicBool::new(false),
            };
            layout::folder(&made.path.join(DATA))?;
            Ok(made)
        };
        let made = self.changing("create a staging directory", making).await?;
        Ok(Staging {
            made: Arc::new(made),
        })
    }
}

impl Pool {
    /// The folder of all unfinished work. Leftovers in it are removed when the pool is opened
    /// again.
    pub(crate) fn making_folder(&self) -> PathBuf {
        self.layout().making_folder()
    }

    /// Writes the pool's dirty data to the disk, concurrently with other work.
    pub(crate) async fn write_out(&self) -> Result<(), PoolError> {
        let pool = self.clone();
        let writing = move || sync(pool.layout().root());
        blocking("write the pool to the disk", writing).await
    }

    /// Creates an unnamed file on the pool's file system.
    pub async fn spool(&self) -> Result<Spool, PoolError> {
        self.changing("create a file", |layout| {
            Spool::begin(&layout.making_folder())
        })
        .await
    }
}

impl Staging {
    /// The directory that a container may see until [`Staging::publish`], which moves it.
    pub fn data_path(&self) -> PathBuf {
        self.made.path.join(DATA)
    }

    /// Writes the metadata, at most 1 MiB, outside of the data for containers.
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

    /// Writes a file at the top of the data for containers, and replaces any entry of its name. The
    /// rest of the tree is untrusted, so no link is followed.
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

    /// Moves the data to its place; the previous content goes to the trash. A snapshot is synced to
    /// the disk. Data of a preview may be lost if the host crashes.
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

    /// Prevents the staging directory from being discarded while this is held.
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
