//! Adds the files of a commit's submodules, and the content of all Git LFS files.
//!
//! Git itself never enters a submodule. Each one is fetched like any other commit, into its own
//! mirror, and its files are listed below its path. An unavailable submodule is reported with the
//! reason, and the rest of the commit is unaffected. Git LFS files are fetched once all submodules
//! are known, since one limit applies to all of them.

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

/// Provides credentials for submodules.
#[async_trait]
pub trait Lender: Send + Sync {
    /// Whether the operator lists the repository at this URL. All others are fetched without
    /// credentials, and only from public addresses.
    fn lists(&self, url: &str) -> bool;

    /// The remote for fetching a listed repository into this mirror.
    async fn lend(&self, url: &str, mirror: MirrorId) -> Result<Remote, SourceError>;
}

/// The origin of a tree, for resolving its submodules.
pub struct Home<'a> {
    /// The remote of the repository itself.
    pub remote: &'a Remote,
    /// The protocols of submodules without credentials.
    pub allow: Transport,
    /// Provides credentials.
    pub lender: &'a dyn Lender,
}

impl Mirrors {
    /// The same commit with the files of its submodules and the content of all Git LFS files, as
    /// far as available. Commits and objects that are already here are not fetched again.
    ///
    /// # Errors
    /// If the files exceed a limit together, if `.gitmodules` or the commit's own pointers are
    /// unreadable, or if the repository's own forge or a forge with credentials does not answer.
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
        // The same files exceed a limit each time: those of the last submodules by path.
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

/// A tree whose entries are listed below a path.
struct Place {
    tree: Tree,
    prefix: String,
    url: String,
    depth: usize,
    /// Index of its first store.
    store: usize,
}

struct Work<'a> {
    mirrors: &'a Mirrors,
    home: &'a Home<'a>,
    /// The repository that owns the submodules: credentials for it are for no other repository.
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
        // The author can only fix the commit itself.
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

    /// The submodule's tree, and its Git LFS files.
    async fn fetch(
        &mut self,
        place: &Place,
        url: Option<&str>,
        entry: &Entry,
        path: &str,
    ) -> Result<(Tree, SubmoduleLfs), Fault> {
        self.seen += 1;
        if self.seen > SUBMODULES_MAX {
            return Err(format!("a commit may have {SUBMODULES_MAX} submodules at most").into());
        }
        if place.depth >= SUBMODULE_DEPTH_MAX {
            return Err(
                format!("submodules may be nested at most {SUBMODULE_DEPTH_MAX} deep").into(),
            );
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

    /// Fetches a submodule's Git LFS files. Those that fail or take too long are reported.
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

    /// The mirror of a submodule: one shared by all that fetch it without credentials, or else one
    /// per owner.
    fn mirror(&self, url: &str) -> Result<MirrorId, SourceError> {
        let lent = self.home.lender.lists(url);
        let owner = if lent { self.owner.as_str() } else { "" };
        let digest = Sha256::digest(format!("{owner}\0{url}"));
        let name = format!("sub-{}", hex::encode(&digest[..20]));
        MirrorId::parse(&name).map_err(|error| SourceError::Refused(error.to_string()))
    }
}

/// A failure on this machine, or at a forge with credentials, may be temporary and stays an error.
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
