//! The Git LFS files of one commit: which they are, and what became of each.

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

/// The Git LFS files of one commit, a tree's own or a submodule's.
pub(in super::super) struct LfsFiles {
    pub(super) objects: Objects,
    pub(super) found: Vec<Found>,
    /// Why objects could not be had, by their SHA-256.
    pub(super) lost: Lost,
}

/// A pointer of a commit, and its object or why that cannot be had.
pub(super) struct Found {
    /// From the root of the tree that the commit's files are listed in.
    pub(super) path: String,
    pub(super) object: Result<Pointer, String>,
}

impl LfsFiles {
    /// The pointers of a commit that attributes lead to Git LFS, in the order of their paths, each below
    /// `prefix`, which is empty or ends with a slash. `tree` has the commit's files and no others. What
    /// is here of their objects stays for as long as this, or a tree with them, lives.
    ///
    /// # Errors
    /// Where the pointers cannot be read.
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

    /// Holds the files of a commit and its submodules to the limits together, each of them at its path:
    /// one object may be at many. Those that come first stay.
    pub(in super::super) fn weigh<'a>(all: impl Iterator<Item = &'a mut Self>, limits: &Limits) {
        let (mut files, mut bytes) = (0, 0_u64);
        for one in all.flat_map(|files| &mut files.found) {
            let Ok(pointer) = &one.object else { continue };
            let with = bytes.saturating_add(pointer.size);
            let why = if files == LFS_FILES_MAX {
                format!("a commit and its submodules may have {LFS_FILES_MAX} Git LFS files")
            } else if with > limits.lfs_bytes_max {
                let most = limits.lfs_bytes_max >> 20;
                format!(
                    "with it the Git LFS files of the commit and its submodules have more than \
                     {most} MiB, which is `limits.lfs_mib_max` of the server"
                )
            } else {
                (files, bytes) = (files + 1, with);
                continue;
            };
            one.object = Err(why);
        }
    }

    /// The objects that are wanted and not here.
    pub(super) async fn absent(&self) -> Vec<Pointer> {
        let mut absent = Vec::new();
        for pointer in self.found.iter().filter_map(|one| one.object.as_ref().ok()) {
            if !self.objects.has(pointer).await {
                absent.push(pointer.clone());
            }
        }
        absent
    }

    /// Says of each file whose object is not here why that is: `otherwise`, where nothing else is known.
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

    /// Says the same of every file.
    pub(super) fn refuse(&mut self, why: &str) {
        for one in &mut self.found {
            one.object = Err(why.to_owned());
        }
    }
}

/// What a file that attributes lead to Git LFS names; `None` where it is content itself.
fn object(content: &[u8]) -> Option<Result<Pointer, String>> {
    let extended =
        "its pointer names an extension, which is not run here; commit it without the extension";
    match pointer::read(content) {
        Held::Content => None,
        Held::Pointer(pointer) => Some(Ok(pointer)),
        Held::Extended => Some(Err(extended.to_owned())),
    }
}
