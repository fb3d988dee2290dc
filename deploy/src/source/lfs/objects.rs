//! The objects of one repository, by their SHA-256, in a folder beside its mirror.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
};

use super::{
    super::{
        SourceError,
        git::Repository,
        limits::{LFS_IN_USE, LFS_UNUSED},
    },
    pointer::Pointer,
};

/// Behind an object's SHA-256 in the id of an entry: no id of git ends so.
const MARK: &str = ".lfs";
/// Behind the name of a file that is being received.
const UNFINISHED: &str = "part";

/// A folder of objects. Nobody else's pointers lead here, so that a digest alone opens nothing of
/// another repository.
#[derive(Clone, Debug)]
pub(in super::super) struct Objects {
    dir: PathBuf,
}

impl Objects {
    /// The folder of a repository, which is made when the first object comes.
    pub(super) fn of(repository: &Repository) -> Self {
        Self::at(repository.dir.with_extension("lfs"))
    }

    /// This folder.
    pub(in super::super) fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// What its lock is called.
    pub(super) fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What an entry with an object's content has for an id.
    pub(super) fn id(pointer: &Pointer) -> String {
        format!("{}{MARK}", pointer.oid)
    }

    /// Whether the object is here. An object without content always is.
    pub(super) async fn has(&self, pointer: &Pointer) -> bool {
        let there = tokio::fs::metadata(self.dir.join(&pointer.oid)).await;
        pointer.size == 0 || there.is_ok_and(|data| data.len() == pointer.size)
    }

    /// Opens the content that an entry's id names; `None` where there is nothing to read.
    pub(in super::super) async fn open(
        &self,
        id: &str,
        size: u64,
    ) -> Result<Option<File>, SourceError> {
        if size == 0 {
            return Ok(None);
        }
        let path = self.dir.join(id.strip_suffix(MARK).unwrap_or(id));
        let doing = || format!("open the Git LFS object {}", path.display());
        let file = File::open(&path).await.map_err(SourceError::io(doing()))?;
        let data = file.metadata().await.map_err(SourceError::io(doing()))?;
        match data.len() == size {
            true => Ok(Some(file)),
            false => Err(SourceError::io(doing())(std::io::Error::other(
                "its length is another one",
            ))),
        }
    }

    /// Removes what was being received when the server died. The caller holds the lock.
    pub(super) async fn sweep(&self) -> Result<(), SourceError> {
        let doing = || format!("open {}", self.dir.display());
        tokio::fs::create_dir_all(&self.dir)
            .await
            .map_err(SourceError::io(doing()))?;
        for (path, _) in self.files().await {
            if path.extension().is_some_and(|kind| kind == UNFINISHED) {
                remove(&path).await;
            }
        }
        Ok(())
    }

    /// Begins to receive an object. The caller holds the lock.
    pub(super) async fn receive(&self, pointer: &Pointer) -> Result<Incoming, SourceError> {
        let path = self.dir.join(&pointer.oid).with_extension(UNFINISHED);
        let file = File::create(&path)
            .await
            .map_err(SourceError::io(KEEPING))?;
        Ok(Incoming {
            file: BufWriter::new(file),
            path,
            pointer: pointer.clone(),
            digest: Sha256::new(),
            bytes: 0,
        })
    }

    /// Says that these are in use.
    pub(super) async fn touch(&self, pointers: impl Iterator<Item = &Pointer>) {
        let paths: Vec<PathBuf> = pointers
            .filter(|pointer| pointer.size > 0)
            .map(|pointer| self.dir.join(&pointer.oid))
            .collect();
        let touch = move || {
            for path in paths {
                let touched = std::fs::File::options()
                    .write(true)
                    .open(&path)
                    .and_then(|file| file.set_modified(SystemTime::now()));
                if let Err(cause) = touched {
                    tracing::warn!(path = %path.display(), %cause, "a use was not written down");
                }
            }
        };
        let _touched = tokio::task::spawn_blocking(touch).await;
    }

    /// Removes what was not used for long, and the longest unused of what is too much.
    pub(in super::super) async fn prune(&self, bytes_max: u64) {
        let mut files = self.files().await;
        files.sort_unstable_by_key(|(_, data)| data.used);
        let mut bytes: u64 = files.iter().map(|(_, data)| data.bytes).sum();
        for (path, data) in files {
            let idle = data.used.elapsed().unwrap_or(Duration::ZERO);
            if idle > LFS_UNUSED || (bytes > bytes_max && idle > LFS_IN_USE) {
                remove(&path).await;
                bytes -= data.bytes;
            }
        }
    }

    async fn files(&self) -> Vec<(PathBuf, Kept)> {
        let mut files = Vec::new();
        let Ok(mut folder) = tokio::fs::read_dir(&self.dir).await else {
            return files;
        };
        while let Ok(Some(file)) = folder.next_entry().await {
            let Ok(data) = file.metadata().await else {
                continue;
            };
            let used = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let bytes = data.len();
            files.push((file.path(), Kept { used, bytes }));
        }
        files
    }
}

/// A file of the folder.
struct Kept {
    used: SystemTime,
    bytes: u64,
}

async fn remove(path: &Path) {
    if let Err(cause) = tokio::fs::remove_file(path).await {
        tracing::warn!(path = %path.display(), %cause, "a Git LFS object stays");
    }
}

const KEEPING: &str = "keep a Git LFS object";

/// An object that is being received.
pub(super) struct Incoming {
    file: BufWriter<File>,
    path: PathBuf,
    pointer: Pointer,
    digest: Sha256,
    bytes: u64,
}

impl Incoming {
    /// Adds what came. Answers whether that may still be the object.
    pub(super) async fn add(&mut self, piece: &[u8]) -> Result<bool, SourceError> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.pointer.size {
            return Ok(false);
        }
        self.digest.update(piece);
        let written = self.file.write_all(piece).await;
        written.map(|()| true).map_err(SourceError::io(KEEPING))
    }

    /// Keeps what came, if it is the object.
    pub(super) async fn end(mut self) -> Result<bool, SourceError> {
        let digest = hex::encode(self.digest.finalize());
        if self.bytes != self.pointer.size || digest != self.pointer.oid {
            remove(&self.path).await;
            return Ok(false);
        }
        let keep = async {
            self.file.flush().await?;
            self.file.get_ref().sync_all().await?;
            tokio::fs::rename(&self.path, self.path.with_extension("")).await
        };
        keep.await.map(|()| true).map_err(SourceError::io(KEEPING))
    }
}
