//! A commit with the files of its submodules.
//!
//! Git itself never enters a submodule here. Each one is fetched like any other commit, into a mirror
//! of its own, and its files are listed below its path. One that cannot be had is named with the
//! reason, and nothing else of the commit is lost.

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::{sync::OnceCell, time::Instant};

use super::{
    Entry, Lack, MirrorId, Mirrors, Missing, MissingKind, Mode, Remote, SourceError, Transport,
    Tree, gitmodules, lfs,
    limits::{
        PATH_BYTES_MAX, SUBMODULE_DEADLINE, SUBMODULE_DEPTH_MAX, SUBMODULES_DEADLINE,
        SUBMODULES_MAX,
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
    /// The repository's own address.
    pub url: &'a str,
    /// What the addresses of submodules may be where nobody lends.
    pub allow: Transport,
    /// Who lends credentials.
    pub lender: &'a dyn Lender,
}

impl Mirrors {
    /// The same commit with the files of its submodules, as far as they can be had. What is in the
    /// mirrors already is not fetched again.
    ///
    /// # Errors
    /// Where the files are over a limit together, `.gitmodules` cannot be read, or a forge that lends
    /// does not answer.
    pub async fn with_submodules(&self, tree: Tree, home: &Home<'_>) -> Result<Tree, SourceError> {
        if !tree.has_submodules().await? {
            return Ok(tree);
        }
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
        };
        work.ahead.push(Place {
            tree: tree.clone(),
            prefix: String::new(),
            url: home.url.to_owned(),
            depth: 0,
            store: 0,
        });
        while let Some(place) = work.ahead.pop() {
            work.enter(&place).await?;
        }
        let bytes = |of_lfs: bool| -> u64 {
            let of = |entry: &&Entry| lfs::is_object(&entry.id) == of_lfs;
            work.entries.iter().filter(of).map(|entry| entry.size).sum()
        };
        weigh(work.entries.len(), bytes(false), &tree.limits)?;
        lfs::weigh_all(bytes(true), &tree.limits)?;
        work.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        work.missing.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(tree.composed(work.entries, work.stores, work.missing))
    }
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
        let missing = place.tree.missing().iter();
        self.missing.extend(missing.map(|missing| Missing {
            path: format!("{}{}", place.prefix, missing.path),
            ..missing.clone()
        }));
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
                match self.fetch(place, url, &entry.id).await {
                    Ok((tree, url)) => {
                        self.add(tree, path, url, place.depth);
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

    fn add(&mut self, tree: Tree, path: String, url: String, depth: usize) {
        let store = self.stores.len();
        self.stores.extend(tree.stores());
        self.ahead.push(Place {
            tree,
            prefix: path + "/",
            url,
            depth: depth + 1,
            store,
        });
    }

    /// The submodule's tree and address.
    async fn fetch(
        &mut self,
        place: &Place,
        url: Option<&str>,
        commit: &str,
    ) -> Result<(Tree, String), Fault> {
        self.seen += 1;
        if self.seen > SUBMODULES_MAX {
            return Err(format!("a commit may have {SUBMODULES_MAX} submodules").into());
        }
        if place.depth >= SUBMODULE_DEPTH_MAX {
            return Err(format!("submodules may be nested {SUBMODULE_DEPTH_MAX} deep").into());
        }
        let url = url.ok_or_else(|| ".gitmodules gives no address for it".to_owned())?;
        let url = gitmodules::resolve(&place.url, url).map_err(str::to_owned)?;
        let commit = CommitSha::parse(commit).map_err(|error| error.to_string())?;
        let left = self.until.saturating_duration_since(Instant::now());
        let limit = left.min(SUBMODULE_DEADLINE);
        let fetched = tokio::time::timeout(limit, self.tree(&url, &commit)).await;
        let late = |_| format!("fetching it took longer than {} s", limit.as_secs());
        match fetched.map_err(late)? {
            Err(Fault::Of(error)) => Err(fault(error, self.home.lender.lists(&url))),
            other => other.map(|tree| (tree, url)),
        }
    }

    async fn tree(&self, url: &str, commit: &CommitSha) -> Result<Tree, Fault> {
        let lent = self.home.lender.lists(url);
        let mirror = mirror(if lent { &self.owner } else { "" }, url)?;
        let remote = OnceCell::new();
        let remote = || remote.get_or_try_init(|| self.remote(url, mirror.clone(), lent));
        let tree = match self.mirrors.find(&mirror, commit).await {
            Some(tree) => tree,
            None => self.mirrors.fetch(remote().await?, commit).await?,
        };
        self.mirrors.with_lfs(tree, remote()).await
    }

    async fn remote(&self, url: &str, mirror: MirrorId, lent: bool) -> Result<Remote, Fault> {
        if lent {
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

/// The mirror of a submodule: one for all who fetch it without credentials, else one of its owner's.
fn mirror(owner: &str, url: &str) -> Result<MirrorId, SourceError> {
    let digest = Sha256::digest(format!("{owner}\0{url}"));
    let name = format!("sub-{}", hex::encode(&digest[..20]));
    MirrorId::parse(&name).map_err(|error| SourceError::Refused(error.to_string()))
}
