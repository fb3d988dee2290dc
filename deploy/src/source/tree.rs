//! One commit's files.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::{
    Entry, Limits, Mode, SourceError,
    blobs::Blobs,
    git::Repository,
    limits::{COMMAND_DEADLINE, LINK_BYTES_MAX},
    links::{self, Leads, Links},
    listing,
};
use crate::names::CommitSha;

/// One commit's files, read from a bare mirror's objects; nothing is ever checked out. Clones
/// share the listing.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(super) repository: Repository,
    pub(super) commit: CommitSha,
    pub(super) limits: Limits,
    listing: Arc<OnceCell<Arc<[Entry]>>>,
}

impl Tree {
    pub(super) fn new(repository: Repository, commit: CommitSha, limits: Limits) -> Self {
        Self {
            repository,
            commit,
            limits,
            listing: Arc::default(),
        }
    }

    /// The commit.
    pub fn commit(&self) -> &CommitSha {
        &self.commit
    }

    /// Every file, link and submodule, sorted by path.
    pub async fn list(&self) -> Result<Arc<[Entry]>, SourceError> {
        let read = || listing::list(&self.repository, &self.commit, &self.limits);
        self.listing.get_or_try_init(read).await.cloned()
    }

    /// Whether there is a folder at `path`, itself and not through a link. The root is empty.
    pub async fn has_folder(&self, path: &str) -> Result<bool, SourceError> {
        let entries = self.list().await?;
        let folder = format!("{path}/");
        let at = entries.partition_point(|entry| entry.path < folder);
        Ok(path.is_empty()
            || entries
                .get(at)
                .is_some_and(|entry| entry.path.starts_with(&folder)))
    }

    /// One file's content. Links are followed inside the tree. `None` where no file is there.
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, SourceError> {
        let Some(entry) = self.resolve(path).await? else {
            return Ok(None);
        };
        let most = self.limits.file_bytes_max;
        if entry.size > most {
            let size = entry.size;
            let why = format!("it has {size} bytes; at most {most} can be read here");
            return Err(SourceError::unfit(path, why));
        }
        let mut contents = self.contents(&[&entry]).await?;
        Ok(contents.pop().map(Bytes::from))
    }

    /// Bytes of a file that [`Tree::read`] reads.
    pub fn file_bytes_max(&self) -> u64 {
        self.limits.file_bytes_max
    }

    /// The file that `path` leads to.
    pub(crate) async fn resolve(&self, path: &str) -> Result<Option<Entry>, SourceError> {
        let entries = self.list().await?;
        if let Some(entry) = find(&entries, path)
            && entry.mode != Mode::Link
        {
            return Ok(is_file(entry).then(|| entry.clone()));
        }
        if !entries.iter().any(|entry| entry.mode == Mode::Link) {
            return Ok(None);
        }
        let targets = self.link_targets(entries.iter()).await?;
        let links: Links<'_> = targets
            .iter()
            .map(|(entry, to)| (entry.path.as_str(), to.as_str()))
            .collect();
        match links::of_path(path, &links) {
            Leads::To(path) => Ok(find(&entries, &path)
                .filter(|entry| is_file(entry))
                .cloned()),
            Leads::Out => Err(SourceError::unfit(path, "the link leaves the repository")),
            Leads::Nowhere => Err(SourceError::unfit(path, "the link leads to itself")),
        }
    }

    /// The links among `entries` with their targets.
    pub(super) async fn link_targets<'a>(
        &self,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<Vec<(&'a Entry, String)>, SourceError> {
        let links: Vec<&Entry> = entries.filter(|entry| entry.mode == Mode::Link).collect();
        if links.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(long) = links.iter().find(|entry| entry.size > LINK_BYTES_MAX) {
            return Err(SourceError::unfit(
                &long.path,
                "the link's target is longer than 4096 bytes",
            ));
        }
        let contents = self.contents(&links).await?;
        let targets = links.into_iter().zip(contents).map(|(entry, target)| {
            String::from_utf8(target)
                .ok()
                .filter(|target| !target.is_empty() && !target.contains('\0'))
                .map(|target| (entry, target))
                .ok_or_else(|| SourceError::unfit(&entry.path, "the link's target is not a path"))
        });
        targets.collect()
    }

    async fn contents(&self, entries: &[&Entry]) -> Result<Vec<Vec<u8>>, SourceError> {
        let limit = COMMAND_DEADLINE;
        let mut blobs = Blobs::open(&self.repository)?;
        tokio::time::timeout(limit, blobs.whole(entries))
            .await
            .unwrap_or(Err(SourceError::Timeout {
                doing: "reading the commit's files",
                limit,
            }))
    }
}

fn find<'a>(entries: &'a [Entry], path: &str) -> Option<&'a Entry> {
    let at = entries
        .binary_search_by(|entry| entry.path.as_str().cmp(path))
        .ok()?;
    entries.get(at)
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.mode, Mode::File | Mode::Executable)
}
