//! The stores of a tree's contents, and readers for them.

use std::path::PathBuf;

use bytes::BytesMut;
use tokio::{fs::File, io::AsyncReadExt};

use super::{
    Entry, Mode, SourceError, blobs::Blobs, git::Repository, lfs::Objects, limits::CHUNK_BYTES,
};

/// A store of contents; entries refer to it by its index.
#[derive(Clone, Debug)]
pub(super) enum Store {
    /// A bare repository.
    Git(Repository),
    /// Objects of Git LFS.
    Lfs(Objects),
    /// A folder of this machine; an id is a path in it.
    Folder(PathBuf),
}

/// Reads from a store.
pub(super) enum Reader {
    /// From a git process.
    Git(Box<Blobs>),
    /// From files, one of which is open.
    Lfs(Objects, Option<File>),
    /// From files, one of which is open.
    Folder(PathBuf, Option<File>),
}

impl Reader {
    /// Opens a reader.
    pub(super) fn open(store: &Store) -> Result<Self, SourceError> {
        Ok(match store {
            Store::Git(repository) => Self::Git(Box::new(Blobs::open(repository)?)),
            Store::Lfs(objects) => Self::Lfs(objects.clone(), None),
            Store::Folder(root) => Self::Folder(root.clone(), None),
        })
    }

    /// Starts a content; the previous one must have been read to its end.
    pub(super) async fn begin(&mut self, id: &str, size: u64) -> Result<(), SourceError> {
        match self {
            Self::Git(blobs) => {
                let (questions, answers) = blobs.sides();
                questions.ask_for(std::iter::once(id)).await?;
                answers.begin(id, size).await
            }
            Self::Lfs(objects, file) => {
                *file = objects.open(id, size).await?;
                Ok(())
            }
            Self::Folder(root, file) => {
                let opened = File::open(root.join(id)).await;
                *file = Some(opened.map_err(SourceError::io(format!("open {id}")))?);
                Ok(())
            }
        }
    }

    /// Appends the next piece of a content that has `left` bytes to come; returns the bytes that
    /// remain.
    pub(super) async fn pour(
        &mut self,
        left: u64,
        into: &mut BytesMut,
    ) -> Result<u64, SourceError> {
        let file = match self {
            Self::Git(blobs) => return blobs.sides().1.pour(left, into).await,
            Self::Lfs(_, file) | Self::Folder(_, file) => file,
        };
        let doing = "read a file's content";
        let ended = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let file = file
            .as_mut()
            .ok_or_else(ended)
            .map_err(SourceError::io(doing))?;
        let most = left.min(CHUNK_BYTES as u64 / 2);
        // A buffer without spare capacity would be filled 64 bytes at a time.
        into.reserve(CHUNK_BYTES / 2);
        match file.take(most).read_buf(into).await {
            Ok(0) => Err(SourceError::io(doing)(ended())),
            Ok(length) => Ok(left - length as u64),
            Err(cause) => Err(SourceError::io(doing)(cause)),
        }
    }

    /// Finishes a content that was read to its end.
    pub(super) async fn end(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Git(blobs) => blobs.sides().1.end().await,
            Self::Lfs(_, file) | Self::Folder(_, file) => {
                *file = None;
                Ok(())
            }
        }
    }

    /// Reads whole contents, whose sizes the caller has checked.
    pub(super) async fn whole(&mut self, entries: &[&Entry]) -> Result<Vec<Vec<u8>>, SourceError> {
        if let Self::Git(blobs) = self {
            return blobs.whole(entries).await;
        }
        let mut contents = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Self::Folder(root, _) = self
                && entry.mode == Mode::Link
            {
                let target = tokio::fs::read_link(root.join(&entry.id)).await;
                let target = target.map_err(SourceError::io(format!("read the link {}", entry.id)));
                contents.push(target?.into_os_string().into_encoded_bytes());
                continue;
            }
            self.begin(&entry.id, entry.size).await?;
            let (mut content, mut left) = (BytesMut::new(), entry.size);
            while left > 0 {
                left = self.pour(left, &mut content).await?;
            }
            self.end().await?;
            contents.push(content.into());
        }
        Ok(contents)
    }
}
