//! Brings an archive back into a data directory that holds nothing.

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

/// Where everything but data is unpacked before it gets its place.
const UNPACKED: &str = "restoring";
/// What was brought back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the archive said of itself.
    pub manifest: Manifest,
    /// How many snapshots and databases.
    pub places: usize,
    /// What was left out when the archive was made.
    pub left_out: Vec<String>,
    /// What the archive holds and was not brought back: files that no mirror needs.
    pub needless: Vec<String>,
}

/// Brings an archive back into the data directory, which no server may use. Where it fails or is
/// stopped nothing of it is left.
///
/// # Errors
/// Where the directory holds something already, and where the archive is not whole.
pub async fn restore(
    archive: &Path,
    config: &ServerConfig,
    progress: Arc<Progress>,
) -> anyhow::Result<Restored> {
    let _lock = DataLock::acquire(&config.data)?;
    let config = config.clone();
    let archive = archive.to_owned();
    tokio::task::spawn_blocking(move || {
        // One that was cut off had found nothing there but itself.
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
            "{} is there already; restore into a directory of its own with --data, or move it away",
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
        "{} holds something already; restore into a directory of its own with --data, or move it \
         away",
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

/// Takes everything.
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

/// Gives everything but data its place.
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

/// The pool that data are unpacked into.
struct Unpacked {
    pool: Pool,
    staging: Staging,
}

impl Unpacked {
    async fn begin(config: &ServerConfig) -> anyhow::Result<Self> {
        let pool = Pool::open(host::pool_config(config))
            .await
            .context("the pool of databases cannot be opened")?;
        let there = pool.list().await?;
        ensure!(
            there.places.is_empty() && there.strangers.is_empty(),
            "the pool holds data already; restore into a directory of its own with --data"
        );
        let staging = pool.staging().await?;
        Ok(Self { pool, staging })
    }

    /// Gives everything its place, and unmounts the pool until a server needs it.
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

/// Takes away what a restore that failed has made. What cannot be taken away is told, and keeps the
/// next one from beginning.
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
        tracing::warn!("something is left of what failed: {}", left.join("; "));
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
