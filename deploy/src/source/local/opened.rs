//! A folder of this machine as a tree, without a mirror.

use std::path::Path;

use super::{Found, Summary, files_of, root_of};
use crate::{
    names::CommitSha,
    source::{
        Entry, Lack, Limits, Missing, MissingKind, Mode, SourceError, Tree, git::Repository,
        store::Store,
    },
};

/// Opens a folder with the same files as [`archive_checkout`](super::archive_checkout), without
/// copying any. The ids of its entries are their paths, so that digests of its contents mean
/// nothing.
pub fn open_checkout(path: &Path) -> Result<(Tree, Summary), SourceError> {
    let limits = Limits::default();
    let root = root_of(path)?;
    let (found, summary) = files_of(&root, &limits)?;
    let mut missing = Vec::new();
    let mut entries = Vec::with_capacity(found.len());
    for (path, found) in found {
        let (mode, size) = match found {
            Found::File {
                size,
                executable: true,
                ..
            } => (Mode::Executable, size),
            Found::File { size, .. } => (Mode::File, size),
            Found::Link(target) => (Mode::Link, target.len() as u64),
            Found::Submodule => {
                missing.push(Missing {
                    kind: MissingKind::Submodule,
                    path: path.clone(),
                    lack: Lack::NotSent,
                });
                (Mode::Submodule, 0)
            }
        };
        entries.push(Entry {
            id: path.clone(),
            path,
            mode,
            size,
            store: 0,
        });
    }
    let nowhere = Repository {
        dir: root.clone(),
        home: root.clone(),
    };
    let none = CommitSha::parse(&"0".repeat(40))
        .map_err(|wrong| SourceError::unfit("commit", wrong.to_string()))?;
    let tree = Tree::new(nowhere, none, limits);
    Ok((
        tree.composed(entries, vec![Store::Folder(root)], missing),
        summary,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::Bench;

    #[tokio::test]
    async fn a_folder_is_read_where_it_lies() {
        let bench = Bench::new();
        bench
            .put("a/b", "content")
            .put(".gitignore", "*.log")
            .put("noise.log", "")
            .link("link", "a/b")
            .link("out", "/etc/hostname");
        let (tree, summary) = open_checkout(&bench.work()).unwrap();
        assert_eq!(summary.files, 4);
        assert_eq!(tree.read("a/b").await.unwrap().unwrap(), "content");
        assert_eq!(tree.read("link").await.unwrap().unwrap(), "content");
        assert!(tree.read("noise.log").await.unwrap().is_none());
        assert!(tree.read("out").await.is_err());
        assert!(tree.has_folder("a").await.unwrap());
    }
}
