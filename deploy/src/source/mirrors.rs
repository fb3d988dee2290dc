//! One bare mirror per repository, created on demand.

use std::{
    collections::HashMap,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Limits, MirrorId, Remote, SourceError, Tree, fetch, git::Repository, hold::Hold, import,
    lfs::Cache,
};
use crate::names::CommitSha;

/// How often to retry a lock that another process holds.
const LOCK_AGAIN: Duration = Duration::from_millis(20);
/// Prefix of the folders of mirrors that are being removed.
pub(super) const GONE_PREFIX: &str = "gone-";

/// The mirrors below one folder. Clones share the mirrors; only one process uses the folder.
#[derive(Clone, Debug)]
pub struct Mirrors {
    root: PathBuf,
    limits: Limits,
    busy: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
    pub(super) lfs: Cache,
}

impl Mirrors {
    /// The mirrors below `root`, which is created with the first mirror.
    pub fn new(root: PathBuf) -> Self {
        Self::with_limits(root, Limits::default())
    }

    /// The same with other limits.
    pub fn with_limits(root: PathBuf, limits: Limits) -> Self {
        Self {
            root,
            limits,
            busy: Arc::default(),
            lfs: Cache::default(),
        }
    }

    /// Ensures that the mirror has the commit, and returns its files. An existing commit is not
    /// fetched again; concurrent callers for the same commit fetch it once.
    pub async fn fetch(&self, remote: &Remote, commit: &CommitSha) -> Result<Tree, SourceError> {
        remote.check()?;
        let repository = self.repository(&remote.mirror, commit);
        let tree = Tree::new(repository, commit.clone(), self.limits);
        if fetch::is_there(&tree.repository, commit).await {
            return Ok(tree);
        }
        let work = async {
            let hold = self.hold(remote.mirror.as_str()).await?;
            if !fetch::is_there(&tree.repository, commit).await {
                fetch::fetch(&tree, remote, &hold).await?;
            }
            Ok(tree)
        };
        let limit = self.limits.deadline;
        let late = SourceError::Timeout {
            doing: "the fetch",
            limit,
        };
        tokio::time::timeout(limit, work).await.unwrap_or(Err(late))
    }

    /// The files of a commit that was fetched or imported before; `None` if it is absent.
    pub async fn find(&self, mirror: &MirrorId, commit: &CommitSha) -> Option<Tree> {
        let repository = self.repository(mirror, commit);
        let there = fetch::is_there(&repository, commit).await;
        there.then(|| Tree::new(repository, commit.clone(), self.limits))
    }

    /// Creates a commit from an uploaded tar archive. The same files give the same commit.
    pub async fn import(
        &self,
        mirror: &MirrorId,
        files: impl tokio::io::AsyncRead + Send,
    ) -> Result<Tree, SourceError> {
        let limit = self.limits.deadline;
        let work = async {
            let hold = self.hold(mirror.as_str()).await?;
            let repository = self.place(format!("{mirror}.git"));
            import::import(repository, self.limits, &hold, files).await
        };
        let late = SourceError::Timeout {
            doing: "the upload",
            limit,
        };
        tokio::time::timeout(limit, work).await.unwrap_or(Err(late))
    }

    /// Removes a mirror with everything in it. A missing mirror is fine.
    pub async fn forget(&self, mirror: &MirrorId) -> Result<(), SourceError> {
        if !tokio::fs::try_exists(&self.root).await.unwrap_or(false) {
            return Ok(());
        }
        let limit = self.limits.deadline;
        let work = async {
            let _hold = self.hold(mirror.as_str()).await?;
            for folder in [format!("{mirror}.git"), format!("{mirror}.sha256.git")] {
                let folder = self.root.join(folder);
                self.remove_folder(&folder).await?;
                self.remove_folder(&folder.with_extension("lfs")).await?;
            }
            let lock = self.lock_path(mirror.as_str());
            tokio::fs::remove_file(&lock)
                .await
                .map_err(SourceError::io("remove the mirror's lock"))
        };
        let late = SourceError::Timeout {
            doing: "the mirror's removal",
            limit,
        };
        tokio::time::timeout(limit, work).await.unwrap_or(Err(late))
    }

    /// Removes Git LFS objects that were unused for a week, and the least recently used ones of all
    /// repositories beyond the size limit. Objects in use by a tree stay.
    pub async fn prune_lfs(&self) {
        self.make_lfs_room(0).await;
    }

    /// The same, before `bytes` more arrive.
    pub(super) async fn make_lfs_room(&self, bytes: u64) {
        let bytes_max = self.limits.lfs_cache_bytes_max.saturating_sub(bytes);
        self.lfs.prune(&self.root, bytes_max).await;
    }

    /// The repository for `commit`: one for each kind of object id.
    fn repository(&self, mirror: &MirrorId, commit: &CommitSha) -> Repository {
        let sha256 = commit.as_str().len() == 64;
        self.place(if sha256 {
            format!("{mirror}.sha256.git")
        } else {
            format!("{mirror}.git")
        })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn place(&self, name: String) -> Repository {
        Repository {
            dir: self.root.join(name),
            home: self.root.join("home"),
        }
    }

    fn lock_path(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.lock"))
    }

    /// Waits for the lock of a mirror or of the folder beside it. Callers add a deadline.
    pub(super) async fn hold(&self, name: &str) -> Result<Hold, SourceError> {
        let turn = self.turn(name).lock_owned().await;
        let file = self.lock_file(name).await?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Hold { _turn: turn, file }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_AGAIN).await,
                Err(TryLockError::Error(cause)) => return Err(self.unopened()(cause)),
            }
        }
    }

    /// The same without waiting: `None` if another caller has the lock.
    pub(super) async fn try_hold(&self, name: &str) -> Result<Option<Hold>, SourceError> {
        let Ok(turn) = self.turn(name).try_lock_owned() else {
            return Ok(None);
        };
        let file = self.lock_file(name).await?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Hold { _turn: turn, file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(self.unopened()(cause)),
        }
    }

    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        // Entries that only this map references have no waiters.
        busy.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(busy.entry(name.to_owned()).or_default())
    }

    async fn lock_file(&self, name: &str) -> Result<File, SourceError> {
        let home = self.root.join("home");
        tokio::fs::create_dir_all(home)
            .await
            .map_err(self.unopened())?;
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .read(true)
            .open(self.lock_path(name))
            .map_err(self.unopened())
    }

    fn unopened(&self) -> impl FnOnce(std::io::Error) -> SourceError + use<> {
        SourceError::io(format!("open the mirrors in {}", self.root.display()))
    }

    /// Renames a folder, so that it disappears at once for all readers, then removes it.
    async fn remove_folder(&self, path: &Path) -> Result<(), SourceError> {
        let doing = || SourceError::io(format!("remove the mirror {}", path.display()));
        let random = crate::random::hex::<8>().map_err(std::io::Error::other);
        let gone = random.map_err(doing())?;
        let gone = self.root.join(format!("{GONE_PREFIX}{gone}"));
        match tokio::fs::rename(path, &gone).await {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(cause) => Err(doing()(cause)),
            Ok(()) => tokio::fs::remove_dir_all(&gone).await.map_err(doing()),
        }
    }
}
