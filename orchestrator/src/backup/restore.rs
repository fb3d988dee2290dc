//! Restores an archive into an empty data directory.

use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use deploy::pool::{Pool, Staging};
use tokio::runtime::Handle;

use super::{
    FOLDERS, Manifest, POOL, RESTORED, STORE, WITH_DATA, WITHOUT_DATA,
    contents::{Destination, read},
    reading::Progress,
};
use crate::{
    config::ServerConfig,
    serve::{host, lock::DataLock},
    store::StoreFacts,
};

/// The folder into which everything but data is unpacked first.
const UNPACKED: &str = "restoring";
/// The result of a restore.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The manifest of the archive.
    pub manifest: Manifest,
    /// The number of snapshots and databases.
    pub places: usize,
    /// Data that the backup left out, with reasons.
    pub left_out: Vec<String>,
    /// Files of the archive that were not restored: no mirror needs them.
    pub needless: Vec<String>,
}

/// Restores an archive into the data directory, which no server may use. A restore that fails or is
/// stopped leaves nothing behind.
///
/// # Errors
/// Where the directory is not empty, and where the archive is truncated or damaged.
pub async fn restore(
    archive: &Path,
    config: &ServerConfig,
    progress: Arc<Progress>,
) -> anyhow::Result<Restored> {
    let _lock = DataLock::acquire(&config.data)?;
    let config = config.clone();
    let archive = archive.to_owned();
    tokio::task::spawn_blocking(move || {
        // An interrupted restore began in an empty directory, so everything in it is its own.
        let data = &config.data;
        if data.join(UNPACKED).try_exists()? && !data.join(STORE).try_exists()? {
            leave_nothing(&config);
        }
        refuse_what_is_there(data)?;
        let restored = unpack(&archive, &config, &progress);
        if restored.is_err() {
            leave_nothing(&config);
        }
        restored
    })
    .await?
}

fn refuse_what_is_there(data: &Path) -> anyhow::Result<()> {
    let there = [STORE, "pool.xfs"].into_iter().chain(FOLDERS);
    for path in there.map(|name| data.join(name)) {
        ensure!(
            !path.try_exists()?,
            "{} already exists; restore into an empty directory with --data, or move it away",
            path.display()
        );
    }
    let pool = data.join(POOL);
    let holds = match std::fs::read_dir(&pool) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        other => other?.next().is_some(),
    };
    ensure!(
        !holds,
        "{} is not empty; restore into an empty directory with --data, or move it away",
        pool.display()
    );
    Ok(())
}

fn unpack(archive: &Path, config: &ServerConfig, progress: &Progress) -> anyhow::Result<Restored> {
    let staging = config.data.join(UNPACKED);
    remove(&staging)?;
    DirBuilder::new().mode(0o700).create(&staging)?;
    let mut into = Restoring {
        config,
        staging,
        pool: None,
    };
    let contents = read(archive, progress, &mut into)?;
    StoreFacts::of(&into.staging.join(STORE))?;
    let places = match into.pool {
        Some(pool) => Handle::current().block_on(pool.publish())?,
        None => 0,
    };
    settle_in(&into.staging, &config.data, contents.manifest.data)?;
    Ok(Restored {
        manifest: contents.manifest,
        places,
        left_out: contents.left_out,
        needless: contents.needless,
    })
}

/// Unpacks everything.
struct Restoring<'a> {
    config: &'a ServerConfig,
    staging: PathBuf,
    pool: Option<Unpacked>,
}

impl Destination for Restoring<'_> {
    fn begin(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        if manifest.data {
            let pool = Unpacked::begin(self.config);
            self.pool = Some(Handle::current().block_on(pool)?);
        }
        Ok(())
    }

    fn staging(&self) -> &Path {
        &self.staging
    }

    fn folder(&self, top: &str) -> Option<PathBuf> {
        match (&self.pool, top) {
            (pool, POOL) => pool.as_ref().map(|pool| pool.staging.data_path()),
            _ => Some(self.staging.clone()),
        }
    }

    fn keeps_owners(&self) -> bool {
        true
    }
}

/// Moves everything but data into place.
fn settle_in(staging: &Path, data: &Path, with_data: bool) -> io::Result<()> {
    for folder in FOLDERS.map(Path::new) {
        if staging.join(folder).exists() {
            std::fs::rename(staging.join(folder), data.join(folder))?;
        }
    }
    let mark = match with_data {
        true => WITH_DATA,
        false => WITHOUT_DATA,
    };
    std::fs::write(data.join(RESTORED), mark)?;
    // Last, so that nothing counts as restored before everything is there.
    File::open(staging.join(STORE))?.sync_all()?;
    std::fs::rename(staging.join(STORE), data.join(STORE))?;
    File::open(data)?.sync_all()?;
    remove(staging)
}

/// The pool that data is unpacked into.
struct Unpacked {
    pool: Pool,
    staging: Staging,
}

impl Unpacked {
    async fn begin(config: &ServerConfig) -> anyhow::Result<Self> {
        let pool = Pool::open(host::pool_config(config))
            .await
            .context("cannot open the pool of databases")?;
        let there = pool.list().await?;
        ensure!(
            there.places.is_empty() && there.strangers.is_empty(),
            "the pool already holds data; restore into an empty directory with --data"
        );
        let staging = pool.staging().await?;
        Ok(Self { pool, staging })
    }

    /// Moves data into place, and unmounts the pool until a server needs it.
    async fn publish(self) -> anyhow::Result<usize> {
        let places = self
            .pool
            .publish_unpacked(self.staging, Path::new(POOL))
            .await?;
        self.pool.sync().await?;
        self.pool.settle().await?;
        self.pool.close().await?;
        Ok(places.len())
    }
}

/// Removes everything that a failed restore created. The log names what cannot be removed; it keeps
/// the next restore from beginning.
fn leave_nothing(config: &ServerConfig) {
    let pool = host::pool_config(config);
    let gone = Handle::current().block_on(async {
        if pool.file.exists() {
            Pool::open(pool.clone()).await?.close().await?;
            std::fs::remove_file(&pool.file)?;
        }
        anyhow::Ok(())
    });
    let folders = [UNPACKED, "pool"].into_iter().chain(FOLDERS);
    let mut left: Vec<String> = folders
        .filter_map(|name| remove(&config.data.join(name)).err())
        .map(|error| error.to_string())
        .collect();
    left.extend(gone.err().map(|error| format!("{error:#}")));
    let _gone = std::fs::remove_file(config.data.join(RESTORED));
    if !left.is_empty() {
        tracing::warn!(
            "cannot remove the remains of a failed restore: {}",
            left.join("; ")
        );
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
