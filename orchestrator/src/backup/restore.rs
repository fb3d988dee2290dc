//! Restores an archive into an empty data directory.

use std::{
    fs::{DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use deploy::{
    names::Instance,
    pool::{Pool, Staging},
};
use tokio::runtime::Handle;

use super::{
    FOLDERS, Manifest, POOL, RESTORED, STORE, UNPACKED, WITH_DATA, WITHOUT_DATA,
    check::check_mirrors,
    contents::{Destination, read},
    reading::Progress,
};
use crate::{
    config::ServerConfig,
    serve::{host, lock::DataLock},
};

/// A file in the folder of an unfinished restore. It names the instance of the archive, and proves
/// that the data directory was empty when the restore began.
const MARK: &str = "instance";

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
/// stopped leaves nothing behind. After one that was killed, no server starts until the next one
/// has removed what it left.
///
/// # Errors
/// Where the directory is not empty, and where the archive is truncated or damaged.
pub async fn restore(
    archive: &Path,
    config: &ServerConfig,
    progress: Arc<Progress>,
) -> anyhow::Result<Restored> {
    let created = Created::before(&config.data);
    let lock = DataLock::acquire(&config.data)?;
    let config = config.clone();
    let archive = archive.to_owned();
    tokio::task::spawn_blocking(move || {
        let restored = restore_locked(&archive, &config, &progress);
        if restored.is_err() {
            created.remove();
        }
        drop(lock);
        restored
    })
    .await?
}

fn restore_locked(
    archive: &Path,
    config: &ServerConfig,
    progress: &Progress,
) -> anyhow::Result<Restored> {
    let data = &config.data;
    // No server has started since: it refuses such a directory.
    if is_marked(data) && !data.join(STORE).try_exists()? {
        leave_nothing(config);
    }
    refuse_what_is_there(data)?;
    let restored = unpack(archive, config, progress);
    // With its store in place, the restore is complete.
    if restored.is_err() && !data.join(STORE).try_exists()? {
        leave_nothing(config);
    }
    restored
}

/// Whether an unfinished restore began in this directory while it was empty.
fn is_marked(data: &Path) -> bool {
    let unpacked = data.join(UNPACKED);
    let is_folder = std::fs::symlink_metadata(&unpacked).is_ok_and(|found| found.is_dir());
    let mark = std::fs::read_to_string(unpacked.join(MARK));
    is_folder && mark.is_ok_and(|instance| Instance::parse(instance.trim_end()).is_ok())
}

fn mark(unpacked: &Path, instance: &str) -> io::Result<()> {
    let mut mark = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(unpacked.join(MARK))?;
    writeln!(mark, "{instance}")?;
    mark.sync_all()?;
    File::open(unpacked)?.sync_all()
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
    for folder in [POOL, UNPACKED].map(|name| data.join(name)) {
        let holds = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            other => other?.next().is_some(),
        };
        ensure!(
            !holds,
            "{} is not empty; restore into an empty directory with --data, or move it away",
            folder.display()
        );
    }
    Ok(())
}

/// The lock and the folders that a restore creates before it reads the archive.
struct Created {
    lock: Option<PathBuf>,
    /// The innermost folder first.
    folders: Vec<PathBuf>,
}

impl Created {
    /// The parts of a data directory that do not exist yet.
    fn before(data: &Path) -> Self {
        let is_missing = |path: &Path| std::fs::symlink_metadata(path).is_err();
        let lock = data.join("lock");
        let folders = data.ancestors().take_while(|path| is_missing(path));
        Self {
            folders: folders
                .filter(|path| !path.as_os_str().is_empty())
                .map(Path::to_owned)
                .collect(),
            lock: Some(lock).filter(|lock| is_missing(lock)),
        }
    }

    /// Removes them. Best effort: a folder with anything else in it stays.
    fn remove(&self) {
        if let Some(lock) = &self.lock {
            let _gone = std::fs::remove_file(lock);
        }
        for folder in &self.folders {
            if std::fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }
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
    let contents = read(archive, progress, &mut into).and_then(|contents| {
        Handle::current().block_on(check_mirrors(&into.staging, progress))?;
        Ok(contents)
    });
    let pool = into.pool.take();
    let contents = match contents {
        Ok(contents) => contents,
        Err(error) => {
            if let Some(pool) = pool {
                Handle::current().block_on(pool.give_up());
            }
            return Err(error);
        }
    };
    let places = match pool {
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
        mark(&self.staging, &manifest.instance)?;
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
    // Best effort: the next start removes it.
    let _gone = remove(staging);
    Ok(())
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

    /// Unmounts the pool of a failed restore, so that its file can be removed.
    async fn give_up(self) {
        self.pool.leave_trash();
        drop(self.staging);
        if let Err(error) = self.pool.close().await {
            tracing::warn!(%error, "cannot unmount the pool of a failed restore");
        }
    }
}

/// Removes everything that a failed restore created, and the mark last. The log names what cannot
/// be removed; it keeps the next restore from beginning.
fn leave_nothing(config: &ServerConfig) {
    let pool = host::pool_config(config);
    let gone = Handle::current().block_on(async {
        if pool.file.try_exists()? {
            Pool::close_left(&pool).await?;
            std::fs::remove_file(&pool.file)?;
        }
        anyhow::Ok(())
    });
    let mut left = Vec::new();
    left.extend(gone.err().map(|error| format!("{error:#}")));
    for name in FOLDERS.into_iter().chain([POOL]) {
        let removed = remove(&config.data.join(name));
        left.extend(removed.err().map(|error| error.to_string()));
    }
    if left.is_empty() {
        let _gone = std::fs::remove_file(config.data.join(RESTORED));
        let removed = remove(&config.data.join(UNPACKED));
        left.extend(removed.err().map(|error| error.to_string()));
    }
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
