//! Adds files to an archive.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use deploy::{databases::DatabaseError, source::SourceError};
use serde::Serialize;

use crate::store::StoreError;

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be copied.
    #[error("cannot copy the store: {0}")]
    Store(#[from] StoreError),
    /// Data cannot be copied.
    #[error("cannot copy data: {0}")]
    Data(#[from] DatabaseError),
    /// The data of one snapshot or preview cannot be copied.
    #[error("cannot copy {what}: {cause}")]
    Copy {
        /// The data.
        what: String,
        /// The error of the pool or the engine.
        cause: Box<DatabaseError>,
    },
    /// A mirror cannot be copied.
    #[error("cannot copy a mirror: {0}")]
    Mirror(#[from] SourceError),
    /// A file cannot be read, or the archive cannot be written.
    #[error("cannot write {what}: {cause}")]
    Io {
        /// The entry that was written.
        what: String,
        /// The error of the system.
        cause: io::Error,
    },
}

/// An archive that is being written.
pub(super) type Archive<'a> = tar::Builder<&'a mut dyn Write>;

/// Adds a value as JSON.
pub(super) fn append_json(
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

/// Adds a folder; files may appear and disappear meanwhile.
pub(super) fn append_folder(
    archive: &mut Archive<'_>,
    data: &Path,
    folder: &Path,
) -> Result<(), BackupError> {
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
    names.sort();
    for name in names {
        let (path, whole) = (folder.join(&name), whole.join(&name));
        let told = |cause| failed(&path.display().to_string(), cause);
        let kind = match std::fs::symlink_metadata(&whole) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(told)?.file_type(),
        };
        if kind.is_dir() {
            append_folder(archive, data, &path)?;
        } else if kind.is_file() {
            append_file(archive, &path, &whole).map_err(told)?;
        }
    }
    Ok(())
}

/// Adds a file with its current length: a log may grow while it is read.
fn append_file(archive: &mut Archive<'_>, path: &Path, whole: &Path) -> io::Result<()> {
    use std::io::Read as _;
    let file = match File::open(whole) {
        Err(error) => return gone(error),
        Ok(file) => file,
    };
    let metadata = file.metadata()?;
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    // A file that became shorter is padded, since its header already has the length.
    let content = file.take(metadata.len()).chain(io::repeat(0));
    archive.append_data(&mut header, path, content.take(metadata.len()))
}

/// Ignores files that were removed meanwhile.
pub(super) fn gone(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

/// An error about an entry.
pub(super) fn failed(what: &str, cause: io::Error) -> BackupError {
    BackupError::Io {
        what: what.to_owned(),
        cause,
    }
}
