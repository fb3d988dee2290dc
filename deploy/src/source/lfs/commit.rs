//! A commit with the content of its files in Git LFS.

use std::borrow::Borrow;

use super::{
    super::{
        Entry, Lack, Limits, Mirrors, Missing, MissingKind, Mode, Remote, SourceError, Tree,
        limits::{LFS_DEADLINE, LFS_FILES_MAX, LFS_POINTERS_AT_ONCE},
        store::Store,
    },
    attributes::led_to_lfs,
    objects::Objects,
    pointer::{self, Held, Pointer},
};

/// A pointer of a commit: its place in the listing, and its object or why that cannot be had.
struct Found {
    at: usize,
    object: Result<Pointer, String>,
}

impl Mirrors {
    /// The same commit with the content of its files in Git LFS, as far as that can be had. The forge
    /// is asked for `remote` only where an object is not here yet.
    ///
    /// # Errors
    /// Where the pointers cannot be read, or the forge, or `remote`, does not answer.
    pub async fn with_lfs<R, E>(
        &self,
        tree: Tree,
        remote: impl Future<Output = Result<R, E>>,
    ) -> Result<Tree, E>
    where
        R: Borrow<Remote>,
        E: From<SourceError>,
    {
        let all = tree.list().await?;
        let mut found = pointers(&tree, &all).await?;
        if found.is_empty() {
            return Ok(tree);
        }
        weigh(&mut found, tree.limits.lfs_bytes_max);
        let objects = Objects::of(&tree.repository);
        let wanted = absent(&objects, &found).await;
        if !wanted.is_empty() {
            let remote = remote.await?;
            let receive = self.receive(&objects, &wanted, remote.borrow());
            let late = |_| SourceError::Timeout {
                doing: "the fetch of the commit's Git LFS files",
                limit: LFS_DEADLINE,
            };
            let received = tokio::time::timeout(LFS_DEADLINE, receive).await;
            let lost = received.map_err(late)??;
            for one in &mut found {
                let Ok(pointer) = &one.object else { continue };
                if !objects.has(pointer).await {
                    let why = lost.get(&pointer.oid).cloned();
                    // Two pointers to one object with two sizes: one of them is right at most.
                    let why = why.unwrap_or_else(|| "its pointer names another size".to_owned());
                    one.object = Err(why);
                }
            }
        }
        let used = found.iter().filter_map(|one| one.object.as_ref().ok());
        objects.touch(used).await;
        Ok(compose(tree, &all, objects, found))
    }

    /// The same commit without its pointers of Git LFS, each of which is named. For a checkout, which
    /// has no forge to ask.
    ///
    /// # Errors
    /// Where the pointers cannot be read.
    pub async fn without_pointers(&self, tree: Tree) -> Result<Tree, SourceError> {
        let all = tree.list().await?;
        let mut found = pointers(&tree, &all).await?;
        if found.is_empty() {
            return Ok(tree);
        }
        let why = "the checkout has its pointer only; run `git lfs pull`, then `dayfly up` again";
        for one in &mut found {
            one.object = Err(why.to_owned());
        }
        let objects = Objects::of(&tree.repository);
        Ok(compose(tree, &all, objects, found))
    }
}

/// The pointers of a commit that attributes lead to Git LFS, in the order of their paths.
async fn pointers(tree: &Tree, all: &[Entry]) -> Result<Vec<Found>, SourceError> {
    let led = led_to_lfs(tree, all).await?;
    let mut found = Vec::new();
    for led in led.chunks(LFS_POINTERS_AT_ONCE) {
        let entries: Vec<&Entry> = led.iter().map(|at| &all[*at]).collect();
        let contents = tree.contents(&entries).await?;
        found.extend(led.iter().zip(contents).filter_map(|(at, content)| {
            let object = match pointer::read(&content) {
                Held::Content => return None,
                Held::Pointer(pointer) => Ok(pointer),
                Held::Extended => Err(
                    "its pointer names an extension, which is not run here; commit \
                                       it without the extension"
                        .to_owned(),
                ),
            };
            Some(Found { at: *at, object })
        }));
    }
    Ok(found)
}

/// Holds the files to the limits, each of them at its path: a commit may have one object at many.
fn weigh(found: &mut [Found], bytes_max: u64) {
    let (mut files, mut bytes) = (0, 0_u64);
    for one in found {
        let Ok(pointer) = &one.object else { continue };
        let with = bytes.saturating_add(pointer.size);
        let why = if files == LFS_FILES_MAX {
            format!("a commit may have {LFS_FILES_MAX} Git LFS files")
        } else if with > bytes_max {
            let most = bytes_max >> 20;
            format!(
                "with it the commit's Git LFS files have more than {most} MiB, which is \
                 `limits.lfs_mib_max` of the server"
            )
        } else {
            (files, bytes) = (files + 1, with);
            continue;
        };
        one.object = Err(why);
    }
}

/// The objects that are wanted and not here.
async fn absent(objects: &Objects, found: &[Found]) -> Vec<Pointer> {
    let mut absent = Vec::new();
    for pointer in found.iter().filter_map(|one| one.object.as_ref().ok()) {
        if !objects.has(pointer).await {
            absent.push(pointer.clone());
        }
    }
    absent
}

fn compose(tree: Tree, all: &[Entry], objects: Objects, found: Vec<Found>) -> Tree {
    let mut entries = all.to_vec();
    let mut stores = tree.stores();
    let mut missing = tree.missing().to_vec();
    for Found { at, object } in found {
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
                    path: entry.path.clone(),
                    lack: Lack::NotFetched(why),
                });
            }
        }
    }
    missing.sort_by(|a, b| a.path.cmp(&b.path));
    stores.push(Store::Lfs(objects));
    tree.composed(entries, stores, missing)
}

/// Holds the bytes of the Git LFS files of a commit and its submodules to the limit.
pub(in super::super) fn weigh_all(bytes: u64, limits: &Limits) -> Result<(), SourceError> {
    if bytes <= limits.lfs_bytes_max {
        return Ok(());
    }
    let most = limits.lfs_bytes_max >> 20;
    Err(SourceError::TooLarge(format!(
        "its Git LFS files with those of its submodules have more than {most} MiB, which is \
         `limits.lfs_mib_max` of the server"
    )))
}
