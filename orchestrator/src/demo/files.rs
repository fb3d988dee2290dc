//! The sample repository, embedded in the program.

use std::collections::BTreeMap;

use webhook::model::{Changes, File, Files};

/// One embedded file of the demo's folder: its path and its content.
macro_rules! embedded {
    ($($folder:literal: [$($path:literal),* $(,)?]),* $(,)?) => {
        &[$(($folder, &[$(($path, include_bytes!(concat!("../../demo/", $folder, "/", $path)) as &[u8])),*])),*]
    };
}

type Folder = (&'static str, &'static [(&'static str, &'static [u8])]);

const FOLDERS: &[Folder] = embedded! {
    "guestbook": [
        ".dockerignore",
        "dayfly.toml",
        "app/book.py",
        "app/site.py",
        "app/page.py",
        "app/accent.txt",
        "app/__init__.py",
        "app/headline.txt",
        "app/__main__.py",
        "README.md",
        "Dockerfile",
        "db/seed.sql",
        "db/migrations/001_newest_first.sql",
        "migrate.py",
    ],
    "changes/pull-1": [
        "app/book.py",
        "app/site.py",
        "app/page.py",
        "app/headline.txt",
        "db/migrations/002_mood.sql",
    ],
    "changes/push-1": ["app/headline.txt", "db/migrations/003_find_by_mood.sql"],
    "changes/pull-2": ["app/accent.txt", "app/headline.txt"],
};

fn folder(name: &str) -> BTreeMap<String, File> {
    let found = FOLDERS.iter().find(|(folder, _)| *folder == name);
    let files = found.map_or(&[][..], |(_, files)| files);
    files
        .iter()
        .map(|(path, content)| ((*path).to_owned(), File::from(*content)))
        .collect()
}

/// The repository's first commit.
pub(super) fn guestbook() -> Files {
    folder("guestbook")
}

/// The changed files of a branch.
pub(super) fn change(name: &str) -> Changes {
    folder(&format!("changes/{name}"))
        .into_iter()
        .map(|(path, file)| (path, Some(file)))
        .collect()
}

/// The headline of a change. It shows a visitor which commit serves.
pub(super) fn headline(name: &str) -> String {
    match folder(&format!("changes/{name}")).get("app/headline.txt") {
        Some(File::Regular(text)) => String::from_utf8_lossy(text).trim().to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    fn walk(root: &Path, at: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.insert(
                    path.strip_prefix(root)
                        .unwrap()
                        .to_string_lossy()
                        .into_owned(),
                );
            }
        }
    }

    #[test]
    fn every_file_of_the_demo_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
        for (name, files) in FOLDERS {
            let mut there = BTreeSet::new();
            walk(&root.join(name), &root.join(name), &mut there);
            let embedded: BTreeSet<String> =
                files.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(there, embedded, "{name}");
        }
        assert!(!headline("push-1").is_empty() && headline("push-1") != headline("pull-1"));
    }
}
