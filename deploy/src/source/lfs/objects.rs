//! The objects of one repository, by SHA-256, in a folder beside its mirror.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};
use tempfile::TempPath;
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
};

use super::{
    super::{SourceError, git::Repository},
    pointer::Pointer,
};

/// Follows an object's SHA-256 in the id of an entry; no git id ends like this.
const MARK: &str = ".lfs";
/// Suffix of a file that is being downloaded; its name begins with the SHA-256 and a dot.
const UNFINISHED: &str = ".part";

/// A folder of objects, some of which are in use. Only this repository's pointers lead here, so
/// knowing a digest gives no access to objects of another repository.
#[derive(Clone, Debug)]
pub(in super::super) struct Objects(pub(super) Arc<Needed>);

/// The objects of a folder that are in use while this lives.
#[derive(Debug)]
pub(super) struct Needed {
    dir: PathBuf,
    oids: HashSet<String>,
}

impl Needed {
    /// Whether no object is in use.
    pub(super) fn is_empty(&self) -> bool {
        self.oids.is_empty()
    }

    /// Whether a file is an object in use, or its unfinished download.
    pub(super) fn has(&self, file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let oid = name.split('.').next().unwrap_or_default();
        file.parent() == Some(&self.dir) && self.oids.contains(oid)
    }
}

/// Whether a file in such a folder is an unfinished download.
pub(super) fn is_unfinished(file: &Path) -> bool {
    file.as_os_str()
        .as_encoded_bytes()
        .ends_with(UNFINISHED.as_bytes())
}

impl Objects {
    /// The folder of a repository, with these objects in use.
    pub(super) fn of<'a>(
        repository: &Repository,
        needed: impl Iterator<Item = &'a Pointer>,
    ) -> Self {
        Self(Arc::new(Needed {
            dir: repository.dir.with_extension("lfs"),
            oids: needed.map(|pointer| pointer.oid.clone()).collect(),
        }))
    }

    /// The name of its lock.
    pub(super) fn name(&self) -> String {
        let name = self.0.dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The id of an entry with an object's content.
    pub(super) fn id(pointer: &Pointer) -> String {
        format!("{}{MARK}", pointer.oid)
    }

    /// Whether the object is cached. An empty object always is.
    pub(super) async fn has(&self, pointer: &Pointer) -> bool {
        let there = tokio::fs::metadata(self.0.dir.join(&pointer.oid)).await;
        pointer.size == 0 || there.is_ok_and(|data| data.len() == pointer.size)
    }

    /// Opens the content that an entry's id names; `None` if it is empty.
    pub(in super::super) async fn open(
        &self,
        id: &str,
        size: u64,
    ) -> Result<Option<File>, SourceError> {
        if size == 0 {
            return Ok(None);
        }
        let path = self.0.dir.join(id.strip_suffix(MARK).unwrap_or(id));
        let doing = || format!("open the Git LFS object {}", path.display());
        let file = File::open(&path).await.map_err(SourceError::io(doing()))?;
        let data = file.metadata().await.map_err(SourceError::io(doing()))?;
        match data.len() == size {
            true => Ok(Some(file)),
            false => Err(SourceError::io(doing())(std::io::Error::other(
                "its length is wrong",
            ))),
        }
    }

    /// Creates the folder.
    pub(super) async fn ensure(&self) -> Result<(), SourceError> {
        let made = tokio::fs::create_dir_all(&self.0.dir).await;
        made.map_err(SourceError::io(KEEPING))
    }

    /// Starts a download. Dropping the returned value early removes the partial file.
    pub(super) fn receive(&self, pointer: &Pointer) -> Result<Incoming, SourceError> {
        let file = tempfile::Builder::new()
            .prefix(&format!("{}.", pointer.oid))
            .suffix(UNFINISHED)
            .tempfile_in(&self.0.dir);
        let (file, path) = file.map_err(SourceError::io(KEEPING))?.into_parts();
        Ok(Incoming {
            file: BufWriter::new(File::from_std(file)),
            path,
            to: self.0.dir.join(&pointer.oid),
            pointer: pointer.clone(),
            digest: Sha256::new(),
            bytes: 0,
        })
    }

    /// Marks these as used, for the eviction of the least recently used.
    pub(super) async fn touch(&self, pointers: impl Iterator<Item = &Pointer>) {
        let paths: Vec<PathBuf> = pointers
            .filter(|pointer| pointer.size > 0)
            .map(|pointer| self.0.dir.join(&pointer.oid))
            .collect();
        let touch = move || {
            for path in paths {
                let touched = std::fs::File::options()
                    .write(true)
                    .open(&path)
                    .and_then(|file| file.set_modified(SystemTime::now()));
                if let Err(cause) = touched {
                    tracing::warn!(path = %path.display(), %cause, "cannot touch a Git LFS object");
                }
            }
        };
        let _touched = tokio::task::spawn_blocking(touch).await;
    }
}

const KEEPING: &str = "keep a Git LFS object";

/// An object that is being downloaded.
pub(super) struct Incoming {
    file: BufWriter<File>,
    path: TempPath,
    to: PathBuf,
    pointer: Pointer,
    digest: Sha256,
    bytes: u64,
}

impl Incoming {
    /// Adds a received piece. Returns whether the content can still be the object.
    pub(super) async fn add(&mut self, piece: &[u8]) -> Result<bool, SourceError> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.pointer.size {
            return Ok(false);
        }
        self.digest.update(piece);
        let written = self.file.write_all(piece).await;
        written.map(|()| true).map_err(SourceError::io(KEEPING))
    }

    /// Keeps the received content if it is the object.
    pub(super) async fn end(mut self) -> Result<bool, SourceError> {
        let digest = hex::encode(self.digest.finalize());
        if self.bytes != self.pointer.size || digest != self.pointer.oid {
            return Ok(false);
        }
        let keep = async {
            self.file.flush().await?;
            self.file.get_ref().sync_all().await?;
            self.path.persist(&self.to).map_err(|error| error.error)
        };
        keep.await.map(|()| true).map_err(SourceError::io(KEEPING))
    }
}
