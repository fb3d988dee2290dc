//! Adds the content of Git LFS files to a commit.

use std::{borrow::Borrow, time::Duration};

use super::{
    super::{Lack, Mirrors, Missing, MissingKind, Mode, Remote, SourceError, Tree, store::Store},
    files::{Found, LfsFiles},
    objects::Objects,
};

impl Mirrors {
    /// The same commit with the content of its Git LFS files, as far as available. The forge is
    /// only asked for `remote` if an object is not cached.
    ///
    /// # Errors
    /// If the pointers are unreadable, or the forge or `remote` does not answer.
    pub async fn with_lfs<R, E>(
        &self,
        tree: Tree,
        remote: impl Future<Output = Result<R, E>>,
    ) -> Result<Tree, E>
    where
        R: Borrow<Remote>,
        E: From<SourceError>,
    {
        let mut files = LfsFiles::of(&self.lfs, &tree, "").await?;
        LfsFiles::weigh(std::iter::once(&mut files), &tree.limits);
        self.fetch_lfs(&mut files, tree.limits.lfs_deadline, remote)
            .await?;
        Ok(with_contents(tree, vec![files]).await?)
    }

    /// The same commit without its Git LFS pointers, each of which is reported as missing. For a
    /// checkout, which has no forge to ask.
    ///
    /// # Errors
    /// If the pointers are unreadable.
    pub async fn without_pointers(&self, tree: Tree) -> Result<Tree, SourceError> {
        let mut files = LfsFiles::of(&self.lfs, &tree, "").await?;
        files.refuse(
            "the checkout has only its pointer; run `git lfs pull`, then `dayfly up` again",
        );
        with_contents(tree, vec![files]).await
    }

    /// Fetches the missing objects of one commit, and records the result for each file.
    ///
    /// # Errors
    /// If the forge or `remote` does not answer, or after the deadline. Objects received until then
    /// are kept, and no result is recorded yet.
    pub(in super::super) async fn fetch_lfs<R, E>(
        &self,
        files: &mut LfsFiles,
        limit: Duration,
        remote: impl Future<Output = Result<R, E>>,
    ) -> Result<(), E>
    where
        R: Borrow<Remote>,
        E: From<SourceError>,
    {
        let wanted = files.absent().await;
        if !wanted.is_empty() {
            let fetch = async {
                let remote = remote.await?;
                let lost = &mut files.lost;
                self.receive(&files.objects, &wanted, remote.borrow(), lost)
                    .await?;
                Ok::<_, E>(())
            };
            let late = |_| SourceError::Timeout {
                doing: "the fetch of the commit's Git LFS files",
                limit,
            };
            let fetched = tokio::time::timeout(limit, fetch).await;
            fetched.map_err(late)??;
        }
        // Two pointers name one object with two sizes, so at most one of them is right.
        files.settle("another pointer names another size").await;
        Ok(())
    }
}

/// The same tree with the contents of these files, one `LfsFiles` per commit.
pub(in super::super) async fn with_contents(
    tree: Tree,
    all: Vec<LfsFiles>,
) -> Result<Tree, SourceError> {
    if all.iter().all(|files| files.found.is_empty()) {
        return Ok(tree);
    }
    let mut entries = tree.list().await?.to_vec();
    let mut stores = tree.stores();
    let mut missing = tree.missing().to_vec();
    for LfsFiles { objects, found, .. } in all {
        for Found { path, object } in found {
            let Ok(at) = entries.binary_search_by(|entry| entry.path.cmp(&path)) else {
                continue;
            };
            let entry = &mut entries[at];
            match object {
                Ok(pointer) => {
                    entry.id = Objects::id(&pointer);
                    entry.size = pointer.size;
                    entry.store = stores.len();
                }
                Err(why) => {
                    entry.mode = Mode::Pointer;
                    missing.push(Missing {
                        kind: MissingKind::LfsFile,
                        path,
                        lack: Lack::NotFetched(why),
                    });
                }
            }
        }
        stores.push(Store::Lfs(objects));
    }
    missing.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tree.composed(entries, stores, missing))
}
