//! Brings an archive back into a data directory that holds nothing.

use std::{
    fs::{DirBuilder, File},
    io::{self, Read},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use deploy::pool::{Pool, Staging};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::{
    END, End, FOLDERS, FORMAT, MANIFEST, MIRRORS, Manifest, POOL, RESTORED, STORE, WITH_DATA,
    WITHOUT_DATA,
    accepted::{accept, accept_mirrors, top},
    reading::{Counted, Head, Progress},
};
use crate::{
    config::ServerConfig,
    serve::{host, lock::DataLock},
};

/// Where everything but data is unpacked before it gets its place.
const UNPACKED: &str = "restoring";
/// What an archive says of itself is not longer than this.
const JSON_BYTES_MAX: u64 = 1 << 20;
/// Set-user-id, set-group-id and sticky: no copy of data has them.
const NEVER_RESTORED: u32 = 0o7000;

/// What was brought back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the archive said of itself.
    pub manifest: Manifest,
    /// How many snapshots and databases.
    pub places: usize,
    /// What could not be copied when the archive was made.
    pub left_out: Vec<String>,
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
        let file = File::open(&archive);
        let file = file.with_context(|| format!("cannot open {}", archive.display()))?;
        let head = Head::default();
        let restored = unpack(Counted::new(file, &progress, &head), &head, &config);
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

fn unpack(archive: impl Read, head: &Head, config: &ServerConfig) -> anyhow::Result<Restored> {
    let runtime = Handle::current();
    let staging = config.data.join(UNPACKED);
    remove(&staging)?;
    DirBuilder::new().mode(0o700).create(&staging)?;
    let mut archive = tar::Archive::new(archive);
    archive.set_preserve_permissions(true);
    archive.set_preserve_mtime(true);
    archive.set_preserve_ownerships(nix::unistd::geteuid().is_root());
    archive.set_overwrite(false);
    archive.set_mask(NEVER_RESTORED);
    let no_archive = "this is no backup of dayfly";
    let mut entries = archive.entries().context(no_archive)?;
    let first = head
        .next(&mut entries)
        .context(no_archive)?
        .context(no_archive)?;
    let manifest = manifest(first).context(no_archive)?;
    let mut pool = None;
    if manifest.data {
        pool = Some(runtime.block_on(Unpacked::begin(config))?);
    }
    let mut end = None;
    while let Some(entry) = head.next(&mut entries) {
        let mut entry = entry.context("the archive is cut off or damaged")?;
        let path = entry.path()?.into_owned();
        if path == Path::new(END) {
            end = Some(json::<End>(&mut entry)?);
            continue;
        }
        accept(&entry, &path)?;
        let target = match (top(&path), &pool) {
            (Some(POOL), Some(pool)) => pool.staging.data_path(),
            (Some(name), _) if name == STORE || FOLDERS.contains(&name) => staging.clone(),
            _ => bail!("the archive holds {}, which no backup has", path.display()),
        };
        let unpacked = entry
            .unpack_in(&target)
            .with_context(|| format!("cannot unpack {}", path.display()))?;
        ensure!(
            unpacked,
            "the archive holds {}, which leads elsewhere",
            path.display()
        );
    }
    accept_mirrors(&staging.join(MIRRORS))?;
    let end = end.context("the archive is cut off: its end is missing")?;
    ensure!(
        staging.join(STORE).is_file(),
        "the archive holds no {STORE}"
    );
    let places = match pool {
        Some(pool) => runtime.block_on(pool.publish())?,
        None => 0,
    };
    settle_in(&staging, &config.data, manifest.data)?;
    Ok(Restored {
        manifest,
        places,
        left_out: end.left_out,
    })
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

fn json<T: DeserializeOwned>(entry: &mut tar::Entry<'_, impl Read>) -> anyhow::Result<T> {
    let mut text = Vec::new();
    entry.take(JSON_BYTES_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// What the end of an archive says, where it is whole.
///
/// # Errors
/// Where it cannot be read, or has no end.
pub fn read_end(archive: &Path) -> anyhow::Result<End> {
    let mut archive = tar::Archive::new(File::open(archive)?);
    for entry in archive.entries_with_seek()? {
        let mut entry = entry?;
        if entry.path()? == Path::new(END) {
            return json(&mut entry);
        }
    }
    bail!("its end is missing")
}

fn manifest(mut first: tar::Entry<'_, impl Read>) -> anyhow::Result<Manifest> {
    ensure!(
        first.path()? == Path::new(MANIFEST),
        "it does not begin with {MANIFEST}"
    );
    let manifest: Manifest = json(&mut first)?;
    ensure!(
        manifest.format == FORMAT,
        "it was made by dayfly {} in another way (its format is {}, this one knows {FORMAT})",
        manifest.version,
        manifest.format
    );
    Ok(manifest)
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
