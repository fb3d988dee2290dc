//! Writes an archive.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use deploy::{data_access::Kept, databases::DatabaseError};
use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime::Handle;

use super::{END, End, FOLDERS, FORMAT, MANIFEST, MIRRORS, Manifest, POOL, STORE};
use crate::{store::StoreError, worker::Ports};

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be copied.
    #[error("the store cannot be copied: {0}")]
    Store(#[from] StoreError),
    /// Data cannot be copied.
    #[error("data cannot be copied: {0}")]
    Data(#[from] DatabaseError),
    /// A file cannot be read, or the archive not be written.
    #[error("cannot write {what}: {cause}")]
    Io {
        /// What was written.
        what: String,
        /// What the system said.
        cause: io::Error,
    },
}

/// A copy of the store that goes when dropped.
pub(super) struct StoreCopy(PathBuf);

const COPY_PREFIX: &str = "backup-";
const COPY_SUFFIX: &str = ".db";
/// How long the random part of its name is.
const COPY_DIGITS: usize = 16;

impl StoreCopy {
    fn name() -> Result<String, StoreError> {
        let digits = deploy::random::hex::<{ COPY_DIGITS / 2 }>()?;
        Ok(format!("{COPY_PREFIX}{digits}{COPY_SUFFIX}"))
    }

    /// Whether a file of that name is one that a death left.
    pub(super) fn is_one(name: &str) -> bool {
        let digits = name.strip_prefix(COPY_PREFIX);
        let digits = digits.and_then(|rest| rest.strip_suffix(COPY_SUFFIX));
        digits.is_some_and(|digits| {
            digits.len() == COPY_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }
}

impl Drop for StoreCopy {
    fn drop(&mut self) {
        // Best effort: the next copy has another name, and a start removes what is left.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// Writes everything in the data directory `data` that has to survive; blocks, and needs a runtime.
pub fn write(
    ports: &Ports,
    data: &Path,
    with_data: bool,
    sink: &mut dyn Write,
) -> Result<(), BackupError> {
    let runtime = Handle::current();
    let mut archive = tar::Builder::new(sink);
    archive.follow_symlinks(false);
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: ports.store.instance().to_string(),
        made_at: Timestamp::now(),
        data: with_data,
    };
    let at = u64::try_from(manifest.made_at.as_second()).unwrap_or(0);
    append_json(&mut archive, MANIFEST, &manifest, at)?;
    let copy = StoreCopy(data.join(StoreCopy::name()?));
    runtime.block_on(ports.store.copy_to(&copy.0))?;
    let file = File::open(&copy.0);
    file.and_then(|mut file| archive.append_file(STORE, &mut file))
        .map_err(|cause| failed(STORE, cause))?;
    drop(copy);
    for folder in FOLDERS {
        append_folder(&mut archive, data, Path::new(folder))?;
    }
    let mut end = End::default();
    if with_data {
        for kept in runtime.block_on(ports.data_access.kept())? {
            if let Some(why) = append_data(&mut archive, ports, &runtime, &kept)? {
                tracing::warn!(why, "left out of a backup");
                end.left_out.push(why);
            }
        }
    }
    append_json(&mut archive, END, &end, at)?;
    let sink = archive
        .into_inner()
        .map_err(|cause| failed("the end", cause))?;
    sink.flush().map_err(|cause| failed("the end", cause))
}

type Archive<'a> = tar::Builder<&'a mut dyn Write>;

fn append_json(
    archive: &mut Archive<'_>,
    name: &str,
    value: &impl Serialize,
    at: u64,
) -> Result<(), BackupError> {
    let told = |cause| failed(name, cause);
    let text = serde_json::to_vec_pretty(value).map_err(|error| told(error.into()))?;
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(at);
    archive
        .append_data(&mut header, name, text.as_slice())
        .map_err(told)
}

/// Adds a folder whose files come and go while it is read. References of a mirror come before its
/// objects, so that everything they name is there.
fn append_folder(archive: &mut Archive<'_>, data: &Path, folder: &Path) -> Result<(), BackupError> {
    let whole = data.join(folder);
    let told = |cause| failed(&folder.display().to_string(), cause);
    let entries = match std::fs::read_dir(&whole) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(told)?,
    };
    archive
        .append_dir(folder, &whole)
        .or_else(gone)
        .map_err(told)?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort_by(|one, other| other.cmp(one));
    for name in names {
        let (path, whole) = (folder.join(&name), whole.join(&name));
        let told = |cause| failed(&path.display().to_string(), cause);
        let kind = match std::fs::symlink_metadata(&whole) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(told)?.file_type(),
        };
        if kind.is_dir() && !is_lfs(&path) {
            append_folder(archive, data, &path)?;
        } else if kind.is_file() {
            append_file(archive, &path, &whole).map_err(told)?;
        }
    }
    Ok(())
}

/// Whether a folder holds objects of Git LFS, which can be fetched again.
fn is_lfs(path: &Path) -> bool {
    path.starts_with(MIRRORS) && path.extension().is_some_and(|kind| kind == "lfs")
}

/// Adds a file as long as it was at that moment: a log may grow while it is read.
fn append_file(archive: &mut Archive<'_>, path: &Path, whole: &Path) -> io::Result<()> {
    use std::io::Read as _;
    let file = match File::open(whole) {
        Err(error) => return gone(error),
        Ok(file) => file,
    };
    let metadata = file.metadata()?;
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    // One that became shorter meanwhile is filled up, since its length is written down already.
    let content = file.take(metadata.len()).chain(io::repeat(0));
    archive.append_data(&mut header, path, content.take(metadata.len()))
}

fn gone(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

/// Adds data as they are now. What cannot be copied because of what it is must not keep everything
/// else from being kept: then it answers what is left out, and why.
fn append_data(
    archive: &mut Archive<'_>,
    ports: &Ports,
    runtime: &Handle,
    kept: &Kept,
) -> Result<Option<String>, BackupError> {
    let what = match kept {
        Kept::Snapshot(id) => format!("snapshot {id}"),
        Kept::Set(set, _) => format!("data of {}", set.preview),
    };
    let frozen = match runtime.block_on(ports.data_access.freeze(kept)) {
        // It went since it was listed.
        Err(DatabaseError::NoData(_)) => return Ok(None),
        Err(DatabaseError::Pool(why)) => return Ok(Some(format!("{what}: {why}"))),
        other => other?,
    };
    let mut left_out = None;
    for copy in frozen {
        match copy.append_to(archive, Path::new(POOL)) {
            // Seen before anything of it was written.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                left_out = Some(format!("{what}: {error}"));
            }
            other => other.map_err(|cause| failed(&what, cause))?,
        }
    }
    Ok(left_out)
}

fn failed(what: &str, cause: io::Error) -> BackupError {
    BackupError::Io {
        what: what.to_owned(),
        cause,
    }
}
