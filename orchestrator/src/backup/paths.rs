//! The paths of an archive: refuses those that cannot be unpacked beside each other.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState},
    path::Path,
};

/// The paths seen so far, by a hash with a random key: an archive may hold millions.
#[derive(Debug, Default)]
pub(super) struct Paths {
    hashes: RandomState,
    folders: HashSet<u64>,
    others: HashSet<u64>,
}

impl Paths {
    /// Adds a path of an archive. False where the archive holds the same path before, or has a
    /// file or link in place of a folder. A folder may come twice.
    pub(super) fn add(&mut self, path: &Path, is_folder: bool) -> bool {
        let mut hasher = self.hashes.build_hasher();
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            part.as_os_str().hash(&mut hasher);
            let hash = hasher.clone().finish();
            let is_last = parts.peek().is_none();
            let fits = match is_last && !is_folder {
                true => !self.folders.contains(&hash) && self.others.insert(hash),
                false => {
                    self.folders.insert(hash);
                    !self.others.contains(&hash)
                }
            };
            if !fits {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_once_and_nothing_is_below_a_file() {
        let cases: [(&str, bool, bool); 9] = [
            ("a", true, true),
            ("a", true, true),
            ("a/b/c", false, true),
            ("a/b/c", false, false),
            ("a/b", true, true),
            ("a/b", false, false),
            ("a/b/c/d", false, false),
            ("a/b/c", true, false),
            ("ab/c", false, true),
        ];
        let mut paths = Paths::default();
        for (path, is_folder, wanted) in cases {
            let fits = paths.add(Path::new(path), is_folder);
            assert_eq!(fits, wanted, "{path}");
        }
    }
}
