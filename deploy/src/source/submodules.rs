//! A commit with the files of its submodules, and the content of all their files in Git LFS.
//!
//! Git itself never enters a submodule here. Each one is fetched like any other commit, into a mirror
//! of its own, and its files are listed below its path. One that cannot be had is named with the
//! reason, and nothing else of the commit is lost. Its Git LFS files are fetched once all submodules
//! are known, since one limit holds for all of them.

use std::{future::ready, iter::once, time::Duration};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    Entry, Lack, MirrorId, Mirrors, Missing, MissingKind, Mode, Remote, SourceError, Transport,
    Tree, gitmodules,
    lfs::{self, LfsFiles},
    limits::{
        LFS_SUBMODULE_DEADLINE, PATH_BYTES_MAX, SUBMODULE_DEADLINE, SUBMODULE_DEPTH_MAX,
        SUBMODULES_DEADLINE, SUBMODULES_MAX,
    },
    listing::weigh,
    missing::Fault,
    public,
    store::Store,
};
use crate::names::CommitSha;

/// Knows which submodules are fetched with credentials, and lends these.
#[async_trait]
pub trait Lender: Send + Sync {
    /// Whether the operator lists the repository at this address. All others are fetched without
    /// credentials, from public addresses alone.
    fn lists(&self, url: &str) -> bool;

    /// How to fetch a repository that is listed, into this mirror.
    async fn lend(&self, url: &str, mirror: MirrorId) -> Result<Remote, SourceError>;
}

/// Where a tree comes from, for what its submodules' addresses mean.
pub struct Home<'a> {
    /// How the repository itself is fetched.
    pub remote: &'a Remote,
    /// What the addresses of submodules may be where nobody lends.
    pub allow: Transport,
    /// Who lends credentials.
    pub lender: &'a dyn Lender,
}

impl Mirrors {
    /// The same commit with the files of its submodules, and the content of all files in Git LFS, as
    /// far as they can be had. What is in the mirrors already is not fetched again.
    ///
    /// # Errors
    /// Where the files are over a limit together, `.gitmodules` or the commit's own pointers cannot be
    /// read, or the repository's own forge, or one that lends, does not answer.
    pub async fn with_submodules(&self, tree: Tree, home: &Home<'_>) -> Result<Tree, SourceError> {
        let limits = tree.limits;
        let mut own = LfsFiles::of(&self.lfs, &tree, "").await?;
        let mut work = Work {
            mirrors: self,
            home,
            owner: tree.repository.dir.display().to_string(),
            until: Instant::now() + SUBMODULES_DEADLINE,
            seen: 0,
            entries: Vec::new(),
            stores: tree.stores(),
            missing: Vec::new(),
            ahead: Vec::new(),
            lfs: Vec::new(),
        };
        work.ahead.push(Place {
            tree: tree.clone(),
            prefix: String::new(),
            url: home.remote.url.clone(),
            depth: 0,
            store: 0,
        });
        while let Some(place) = work.ahead.pop() {
            work.enter(&place).await?;
        }
        let bytes = work.entries.iter().map(|entry| entry.size).sum();
        weigh(work.entries.len(), bytes, &limits)?;
        let mut lfs = std::mem::take(&mut work.lfs);
        // The same files are over a limit each time: those of the last submodules by their paths.
        lfs.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        LfsFiles::weigh(
            once(&mut own).chain(lfs.iter_mut().map(|one| &mut one.files)),
            &limits,
        );
        let remote = ready(Ok::<_, SourceError>(home.remote));
        self.fetch_lfs(&mut own, limits.lfs_deadline, remote)
            .await?;
        let until = Instant::now() + limits.lfs_deadline;
        for one in &mut lfs {
            work.fetch_lfs(one, until).await?;
        }
        work.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let tree = tree.composed(work.entries, work.stores, work.missing);
        let all = once(own).chain(lfs.into_iter().map(|one| one.files));
        lfs::with_contents(tree, all.collect()).await
    }
}

/// The Git LFS files of a submodule.
struct SubmoduleLfs {
    path: String,
    url: String,
    files: LfsFiles,
}

/// A tree whose entries are to be listed below a path.
struct Place {
    tree: Tree,
    prefix: String,
    url: String,
    depth: usize,
    /// Where the stores of the tree begin.
    store: usize,
}

struct Work<'a> {
    mirrors: &'a Mirrors,
    home: &'a Home<'a>,
    /// Whose submodules they are: what is lent to one repository is nobody else's.
    owner: String,
    until: Instant,
    seen: usize,
    entries: Vec<Entry>,
    stores: Vec<Store>,
    missing: Vec<Missing>,
    ahead: Vec<Place>,
    lfs: Vec<SubmoduleLfs>,
}

impl Work<'_> {
    async fn enter(&mut self, place: &Place) -> Result<(), SourceError> {
        let all = place.tree.list().await?;
        let addresses = gitmodules::addresses(&place.tree).await;
        // Only the commit itself is the author's to mend.
        let addresses = match addresses {
            Err(SourceError::Unfit { .. }) if place.depth > 0 => Default::default(),
            other => other?,
        };
        for entry in all.iter() {
            let path = format!("{}{}", place.prefix, entry.path);
            if path.len() > PATH_BYTES_MAX {
                return Err(SourceError::unfit(
                    &path,
                    "the path is longer than 4096 bytes",
                ));
            }
            if entry.mode == Mode::Submodule {
                let url = addresses.get(&entry.path).map(String::as_str);
                match self.fetch(place, url, entry, &path).await {
                    Ok(fetched) => {
                        self.add(fetched, place.depth);
                        continue;
                    }
                    Err(Fault::Said(why)) => self.missing.push(Missing {
                        kind: MissingKind::Submodule,
                        path: path.clone(),
                        lack: Lack::NotFetched(why),
                    }),
                    Err(Fault::Of(error)) => return Err(error),
                }
            }
            self.entries.push(Entry {
                path,
                store: place.store + entry.store,
                ..entry.clone()
            });
        }
        Ok(())
    }

    fn add(&mut self, (tree, lfs): (Tree, SubmoduleLfs), depth: usize) {
        let store = self.stores.len();
        self.stores.extend(tree.stores());
        self.ahead.push(Place {
            tree,
            prefix: format!("{}/", lfs.path),
            url: lfs.url.clone(),
            depth: depth + 1,
            store,
        });
        self.lfs.push(lfs);
    }

    /// The submodule's tree, and what of it is in Git LFS.
    async fn fetch(
        &mut self,
        place: &Place,
        url: Option<&str>,
        entry: &Entry,
        path: &str,
    ) -> Result<(Tree, SubmoduleLfs), Fault> {
        self.seen += 1;
        if self.seen > SUBMODULES_MAX {
            return Err(format!("a commit may have {SUBMODULES_MAX} submodules").into());
        }
        if place.depth >= SUBMODULE_DEPTH_MAX {
            return Err(format!("submodules may be nested {SUBMODULE_DEPTH_MAX} deep").into());
        }
        let url = url.ok_or_else(|| ".gitmodules gives no address for it".to_owned())?;
        let url = gitmodules::resolve(&place.url, url).map_err(str::to_owned)?;
        let commit = CommitSha::parse(&entry.id).map_err(|error| error.to_string())?;
        let limit = left(self.until).min(SUBMODULE_DEADLINE);
        let fetched = tokio::time::timeout(limit, self.tree(&url, &commit, path)).await;
        let late = |_| format!("fetching it took longer than {} s", limit.as_secs());
        let path = path.to_owned();
        match fetched.map_err(late)? {
            Ok((tree, files)) => Ok((tree, SubmoduleLfs { path, url, files })),
            Err(Fault::Of(error)) => Err(fault(error, self.home.lender.lists(&url))),
            Err(said) => Err(said),
        }
    }

    async fn tree(
        &self,
        url: &str,
        commit: &CommitSha,
        path: &str,
    ) -> Result<(Tree, LfsFiles), Fault> {
        let mirror = self.mirror(url)?;
        let tree = match self.mirrors.find(&mirror, commit).await {
            Some(tree) => tree,
            None => self.mirrors.fetch(&self.remote(url).await?, commit).await?,
        };
        let files = LfsFiles::of(&self.mirrors.lfs, &tree, &format!("{path}/")).await?;
        Ok((tree, files))
    }

    /// Fetches a submodule's Git LFS files. Those that do not come, or not in time, are named.
    async fn fetch_lfs(&self, one: &mut SubmoduleLfs, until: Instant) -> Result<(), SourceError> {
        let SubmoduleLfs { url, files, .. } = one;
        let limit = left(until).min(LFS_SUBMODULE_DEADLINE);
        let fetched = self.mirrors.fetch_lfs(files, limit, self.remote(url)).await;
        let error = match fetched {
            Ok(()) => return Ok(()),
            Err(Fault::Of(SourceError::Timeout { limit, .. })) => {
                let seconds = limit.as_secs();
                format!("the submodule's Git LFS files took longer than {seconds} s").into()
            }
            Err(Fault::Of(error)) => fault(error, self.home.lender.lists(url)),
            Err(said) => said,
        };
        match error {
            Fault::Said(why) => files.settle(&why).await,
            Fault::Of(error) => return Err(error),
        }
        Ok(())
    }

    async fn remote(&self, url: &str) -> Result<Remote, Fault> {
        let mirror = self.mirror(url)?;
        if self.home.lender.lists(url) {
            return Ok(self.home.lender.lend(url, mirror).await?);
        }
        let mut remote = Remote {
            mirror,
            url: url.to_owned(),
            token: None,
            allow: self.home.allow,
            addresses: Vec::new(),
        };
        remote.check()?;
        // A folder of this machine has no host.
        if !url.starts_with("file://") {
            remote.addresses = public::addresses(url).await?;
        }
        Ok(remote)
    }

    /// The mirror of a submodule: one for all who fetch it without credentials, else one of its owner's.
    fn mirror(&self, url: &str) -> Result<MirrorId, SourceError> {
        let lent = self.home.lender.lists(url);
        let owner = if lent { self.owner.as_str() } else { "" };
        let digest = Sha256::digest(format!("{owner}\0{url}"));
        let name = format!("sub-{}", hex::encode(&digest[..20]));
        MirrorId::parse(&name).map_err(|error| SourceError::Refused(error.to_string()))
    }
}

/// What failed on this machine, or at a forge that lends, may pass by itself and stays an error.
fn fault(error: SourceError, lent: bool) -> Fault {
    match error {
        SourceError::Io { .. } => error.into(),
        SourceError::Unreachable(_) | SourceError::Timeout { .. } if lent => error.into(),
        SourceError::Refused(why) if !lent => format!(
            "it cannot be read without credentials, and `github.submodules` does not list it ({why})"
        )
        .into(),
        other => other.to_string().into(),
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}
