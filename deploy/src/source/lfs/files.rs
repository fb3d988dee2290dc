//! The Git LFS files of one commit, and the result for each.

use super::{
    super::{
        Entry, Limits, SourceError, Tree,
        limits::{LFS_FILES_MAX, LFS_POINTERS_AT_ONCE},
    },
    attributes::led_to_lfs,
    cache::Cache,
    download::Lost,
    objects::Objects,
    pointer::{self, Held, Pointer},
};

/// The Git LFS files of one commit: the tree's own commit or a submodule's.
pub(in super::super) struct LfsFiles {
    pub(super) objects: Objects,
    pub(super) found: Vec<Found>,
    /// Why objects are unavailable, by SHA-256.
    pub(super) lost: Lost,
}

/// A pointer of a commit, with its object or the reason why that is unavailable.
pub(super) struct Found {
    /// From the root of the tree that lists the commit's files.
    pub(super) path: String,
    pub(super) object: Result<Pointer, String>,
}

impl LfsFiles {
    /// The pointers of a commit that attributes assign to Git LFS, sorted by path, each below
    /// `prefix`, which is empty or ends with a slash. `tree` has exactly the commit's files. Cached
    /// objects stay for as long as this, or a tree with them, lives.
    ///
    /// # Errors
    /// If the pointers are unreadable.
    pub(in super::super) async fn of(
        cache: &Cache,
        tree: &Tree,
        prefix: &str,
    ) -> Result<Self, SourceError> {
        let all = tree.list().await?;
        let led = led_to_lfs(tree, &all).await?;
        let mut found = Vec::new();
        for led in led.chunks(LFS_POINTERS_AT_ONCE) {
            let entries: Vec<&Entry> = led.iter().map(|at| &all[*at]).collect();
            let contents = tree.contents(&entries).await?;
            found.extend(
                entries
                    .into_iter()
                    .zip(contents)
                    .filter_map(|(entry, content)| {
                        let path = format!("{prefix}{}", entry.path);
                        Some(Found {
                            path,
                            object: object(&content)?,
                        })
                    }),
            );
        }
        let pointers = found
            .iter()
            .filter_map(|one: &Found| one.object.as_ref().ok());
        let objects = Objects::of(&tree.repository, pointers);
        cache.keep(&objects).await;
        Ok(Self {
            objects,
            found,
            lost: Lost::new(),
        })
    }

    /// Applies the limits to the files of a commit and its submodules together. Each path counts,
    /// even if several share one object. The first files stay.
    pub(in super::super) fn weigh<'a>(all: impl Iterator<Item = &'a mut Self>, limits: &Limits) {
        let (mut files, mut bytes) = (0, 0_u64);
        for one in all.flat_map(|files| &mut files.found) {
            let Ok(pointer) = &one.object else { continue };
            let with = bytes.saturating_add(pointer.size);
            let why = if files == LFS_FILES_MAX {
                format!(
                    "a commit and its submodules may have {LFS_FILES_MAX} Git LFS files at most"
                )
            } else if with > limits.lfs_bytes_max {
                let most = limits.lfs_bytes_max >> 20;
                format!(
                    "with it, the Git LFS files of the commit and its submodules have more than \
                     {most} MiB, which is `limits.lfs_mib_max` of the server"
                )
            } else {
                (files, bytes) = (files + 1, with);
                continue;
            };
            one.object = Err(why);
        }
    }

    /// The objects that are needed but not cached.
    pub(super) async fn absent(&self) -> Vec<Pointer> {
        let mut absent = Vec::new();
        for pointer in self.found.iter().filter_map(|one| one.object.as_ref().ok()) {
            if !self.objects.has(pointer).await {
                absent.push(pointer.clone());
            }
        }
        absent
    }

    /// Records for each file without an object why it is missing: `otherwise`, if no other reason
    /// is known.
    pub(in super::super) async fn settle(&mut self, otherwise: &str) {
        for one in &mut self.found {
            let Ok(pointer) = &one.object else { continue };
            if !self.objects.has(pointer).await {
                let why = self.lost.get(&pointer.oid);
                let why = why.map_or(otherwise, String::as_str);
                one.object = Err(why.to_owned());
            }
        }
        let used = self.found.iter().filter_map(|one| one.object.as_ref().ok());
        self.objects.touch(used).await;
    }

    /// Records the same reason for every file.
    pub(super) fn refuse(&mut self, why: &str) {
        for one in &mut self.found {
            one.object = Err(why.to_owned());
        }
    }
}

/// The object that a file assigned to Git LFS names; `None` if the file is plain content.
fn object(content: &[u8]) -> Option<Result<Pointer, String>> {
    let extended =
        "its pointer names an extension, which is not run here; commit it without the extension";
    match pointer::read(content) {
        Held::Content => None,
        Held::Pointer(pointer) => Some(Ok(pointer)),
        Held::Extended => Some(Err(extended.to_owned())),
    }
}
