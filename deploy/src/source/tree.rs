//! One commit's files.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::{
    Entry, Lack, Limits, Missing, MissingKind, Mode, SourceError,
    git::Repository,
    limits::{COMMAND_DEADLINE, LINK_BYTES_MAX},
    links::{self, Leads, Links},
    listing,
    store::{Reader, Store},
};
use crate::names::CommitSha;

/// One commit's files, read from a bare mirror's objects and never checked out. Clones share the
/// listing.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(super) repository: Repository,
    pub(super) commit: CommitSha,
    pub(super) limits: Limits,
    listing: Arc<OnceCell<Arc<[Entry]>>>,
    /// The stores that entries refer to by index; empty if all contents are in the tree's own
    /// repository.
    stores: Arc<[Store]>,
    missing: Arc<[Missing]>,
}

impl Tree {
    pub(super) fn new(repository: Repository, commit: CommitSha, limits: Limits) -> Self {
        Self {
            repository,
            commit,
            limits,
            listing: Arc::default(),
            stores: Arc::default(),
            missing: Arc::default(),
        }
    }

    /// The same commit with other contents for its entries, which are sorted by path.
    pub(super) fn composed(
        self,
        entries: Vec<Entry>,
        stores: Vec<Store>,
        missing: Vec<Missing>,
    ) -> Self {
        Self {
            listing: Arc::new(OnceCell::new_with(Some(entries.into()))),
            stores: stores.into(),
            missing: missing.into(),
            ..self
        }
    }

    /// The stores of this tree, in the order of the entries' indexes.
    pub(super) fn stores(&self) -> Vec<Store> {
        match self.stores.is_empty() {
            true => vec![Store::Git(self.repository.clone())],
            false => self.stores.to_vec(),
        }
    }

    /// Opens a reader for the entries of this store.
    pub(super) fn reader(&self, store: usize) -> Result<Reader, SourceError> {
        let own = || Store::Git(self.repository.clone());
        Reader::open(&self.stores.get(store).cloned().unwrap_or_else(own))
    }

    /// A tree with only a commit id, for builders that read no files.
    #[cfg(feature = "fake")]
    pub fn detached(commit: CommitSha) -> Self {
        let nowhere = || std::path::PathBuf::from("/nonexistent");
        Self::new(
            Repository {
                dir: nowhere(),
                home: nowhere(),
            },
            commit,
            Limits::default(),
        )
    }

    /// The commit.
    pub fn commit(&self) -> &CommitSha {
        &self.commit
    }

    /// Whether the tree has a submodule whose files are missing.
    pub async fn has_submodules(&self) -> Result<bool, SourceError> {
        let entries = self.list().await?;
        Ok(entries.iter().any(|entry| entry.mode == Mode::Submodule))
    }

    /// The tree of an uploaded checkout: submodules without files are reported as not sent, and
    /// never fetched.
    pub async fn as_sent(self) -> Result<Self, SourceError> {
        let entries = self.list().await?;
        let absent = entries.iter().filter(|entry| entry.mode == Mode::Submodule);
        let absent = absent.map(|entry| Missing {
            kind: MissingKind::Submodule,
            path: entry.path.clone(),
            lack: Lack::NotSent,
        });
        let missing = absent.collect();
        Ok(Self { missing, ..self })
    }

    /// Missing submodules and Git LFS files, sorted by path.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// The missing part at `path` or above it.
    pub fn missing_at(&self, path: &str) -> Option<&Missing> {
        let mut missing = self.missing.iter();
        missing.find(|one| {
            path.strip_prefix(&one.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Why there is no file or folder (`what`) at `path`; the text follows "but".
    pub fn absence(&self, path: &str, what: &str) -> String {
        match self.missing_at(path) {
            Some(missing) => format!("{} {missing}", missing.kind),
            None => format!("there is no such {what}"),
        }
    }

    /// Every file and link, and every submodule whose files are missing, sorted by path.
    pub async fn list(&self) -> Result<Arc<[Entry]>, SourceError> {
        let read = || listing::list(&self.repository, &self.commit, &self.limits);
        self.listing.get_or_try_init(read).await.cloned()
    }

    /// Whether there is a real folder at `path`, not reached through a link. The root is empty.
    pub async fn has_folder(&self, path: &str) -> Result<bool, SourceError> {
        let entries = self.list().await?;
        let folder = format!("{path}/");
        let at = entries.partition_point(|entry| entry.path < folder);
        Ok(path.is_empty()
            || entries
                .get(at)
                .is_some_and(|entry| entry.path.starts_with(&folder)))
    }

    /// One file's content. Follows links inside the tree. `None` if there is no file.
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

    /// Maximum bytes of all files of one seed.
    pub fn seed_bytes_max(&self) -> u64 {
        self.limits.seed_bytes_max
    }

    /// Whether `path` itself is a link.
    pub(super) async fn has_link(&self, path: &str) -> Result<bool, SourceError> {
        let entries = self.list().await?;
        Ok(find(&entries, path).is_some_and(|entry| entry.mode == Mode::Link))
    }

    /// The file that `path` resolves to.
    ///
    /// # Errors
    /// Also if the file is in Git LFS and its content is missing.
    pub(crate) async fn resolve(&self, path: &str) -> Result<Option<Entry>, SourceError> {
        let entries = self.list().await?;
        if let Some(entry) = find(&entries, path)
            && entry.mode != Mode::Link
        {
            return self.file(entry);
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
            Leads::To(path) => find(&entries, &path).map_or(Ok(None), |entry| self.file(entry)),
            Leads::Out => Err(SourceError::unfit(path, "the link leaves the repository")),
            Leads::Nowhere => Err(SourceError::unfit(path, "the link leads to itself")),
        }
    }

    /// The entry, if it is a file.
    fn file(&self, entry: &Entry) -> Result<Option<Entry>, SourceError> {
        let mut missing = self.missing.iter();
        let is_it = |one: &&Missing| entry.mode == Mode::Pointer && one.path == entry.path;
        if let Some(missing) = missing.find(is_it) {
            let why = format!("it is in Git LFS and {}", missing.lack);
            return Err(SourceError::unfit(&entry.path, why));
        }
        let is_file = matches!(entry.mode, Mode::File | Mode::Executable);
        Ok(is_file.then(|| entry.clone()))
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

    /// Reads whole contents, whose sizes the caller has checked.
    pub(super) async fn contents(&self, entries: &[&Entry]) -> Result<Vec<Vec<u8>>, SourceError> {
        let limit = COMMAND_DEADLINE;
        let late = SourceError::Timeout {
            doing: "reading the commit's files",
            limit,
        };
        let read = async {
            let mut contents = vec![Vec::new(); entries.len()];
            let stores: BTreeSet<usize> = entries.iter().map(|entry| entry.store).collect();
            for store in stores {
                let places = (0..entries.len()).filter(|at| entries[*at].store == store);
                let places: Vec<usize> = places.collect();
                let asked: Vec<&Entry> = places.iter().map(|at| entries[*at]).collect();
                let mut reader = self.reader(store)?;
                for (at, content) in places.into_iter().zip(reader.whole(&asked).await?) {
                    contents[at] = content;
                }
            }
            Ok(contents)
        };
        tokio::time::timeout(limit, read).await.unwrap_or(Err(late))
    }
}

fn find<'a>(entries: &'a [Entry], path: &str) -> Option<&'a Entry> {
    let at = entries
        .binary_search_by(|entry| entry.path.as_str().cmp(path))
        .ok()?;
    entries.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::Bench;

    #[tokio::test]
    async fn links_inside_the_tree_are_followed_and_others_are_not() {
        let bench = Bench::new();
        bench
            .put("src/real", "content")
            .put("top", "at the top")
            .link("app", "src");
        bench
            .link("deep/link", "../app/real")
            .link("dangling", "nowhere")
            .link("loop", "loop");
        bench
            .link("out", "../secret")
            .link("abs", "/etc/passwd")
            .link("folder", "src");
        let tree = bench.tree().await;
        for (path, wanted) in [
            ("top", Some("at the top")),
            ("deep/link", Some("content")),
            ("app/real", Some("content")),
            ("dangling", None),
            ("folder", None),
            ("src", None),
            ("missing", None),
        ] {
            let read = tree.read(path).await.unwrap();
            assert_eq!(read.as_deref(), wanted.map(str::as_bytes), "{path}");
        }
        for path in ["out", "abs", "loop"] {
            let answer = tree.read(path).await;
            assert!(
                matches!(answer, Err(SourceError::Unfit { .. })),
                "{path}: {answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_listing_tells_modes_and_sizes() {
        let bench = Bench::new();
        bench
            .put("run", "#!")
            .put("plain", "12345")
            .link("link", "plain");
        bench.git(&["add", "-A"]);
        bench.git(&["update-index", "--chmod=+x", "run"]);
        let gitlink = format!("160000,{},module", "2".repeat(40));
        bench.git(&["update-index", "--add", "--cacheinfo", &gitlink]);
        let commit = bench.commit_index();
        let tree = bench.fetch(&commit).await.unwrap();
        let list = tree.list().await.unwrap();
        let seen: Vec<_> = list
            .iter()
            .map(|e| (e.path.as_str(), e.mode, e.size))
            .collect();
        let wanted = [
            ("link", Mode::Link, 5),
            ("module", Mode::Submodule, 0),
            ("plain", Mode::File, 5),
            ("run", Mode::Executable, 2),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(tree.read("module").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_to_read_is_named() {
        let limits = Limits {
            file_bytes_max: 10,
            ..Limits::default()
        };
        let bench = Bench::with_limits(limits);
        let tree = bench.put("seed.sql", "01234567890").tree().await;
        let answer = tree.read("seed.sql").await.unwrap_err().to_string();
        assert!(answer.starts_with("seed.sql: it has 11 bytes"), "{answer}");
    }

    #[tokio::test]
    async fn a_folder_is_told_from_a_file_of_the_same_beginning() {
        let tree = Bench::new()
            .put("app/x", "")
            .put("app-old", "")
            .tree()
            .await;
        for (path, wanted) in [("", true), ("app", true), ("app-old", false), ("ap", false)] {
            assert_eq!(tree.has_folder(path).await.unwrap(), wanted, "{path}");
        }
    }
}
