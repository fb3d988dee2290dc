//! Archives a folder of this machine.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::Path,
};

use super::{Found, Summary, files_of, root_of};
use crate::source::{
    Limits, SourceError,
    limits::CHUNK_BYTES,
    tape::{self, Item, Kind},
};

/// Writes the files of a folder as a tar archive. In a git checkout these are the tracked and the
/// untracked, not ignored files as they are on the disk, including those of submodules. Elsewhere
/// it is everything but `.git`. Follows no link.
pub fn archive_checkout(path: &Path, sink: impl Write) -> Result<Summary, SourceError> {
    archive_with(path, sink, &Limits::default())
}

fn archive_with(
    path: &Path,
    mut sink: impl Write,
    limits: &Limits,
) -> Result<Summary, SourceError> {
    let root = root_of(path)?;
    let (found, summary) = files_of(&root, limits)?;
    for (path, found) in &found {
        write_one(&root, path, found, &mut sink)?;
    }
    sink.write_all(&tape::END)
        .and_then(|()| sink.flush())
        .map_err(writing())?;
    Ok(summary)
}

fn write_one(
    root: &Path,
    path: &str,
    found: &Found,
    sink: &mut impl Write,
) -> Result<(), SourceError> {
    let (kind, file) = match found {
        Found::Link(target) => (Kind::Link(target), None),
        Found::Submodule => (Kind::Submodule, None),
        Found::File {
            size,
            executable,
            identity,
        } => {
            let file =
                File::open(root.join(path)).map_err(SourceError::io(format!("open {path}")))?;
            let data = file
                .metadata()
                .map_err(SourceError::io(format!("inspect {path}")))?;
            // The name may have become a link since the check.
            if (data.dev(), data.ino()) != *identity || data.len() != *size {
                return Err(changed(path));
            }
            (
                Kind::File {
                    size: *size,
                    executable: *executable,
                },
                Some((file, *size)),
            )
        }
    };
    sink.write_all(&tape::head(&Item {
        path,
        kind,
        nanos: 0,
    }))
    .map_err(writing())?;
    let Some((file, size)) = file else {
        return Ok(());
    };
    let mut file = file.take(size);
    let mut piece = vec![0; CHUNK_BYTES.min(usize::try_from(size).unwrap_or(CHUNK_BYTES))];
    let mut left = size;
    while left > 0 {
        let length = file
            .read(&mut piece)
            .map_err(SourceError::io(format!("read {path}")))?;
        if length == 0 {
            return Err(changed(path));
        }
        sink.write_all(&piece[..length]).map_err(writing())?;
        left -= length as u64;
    }
    sink.write_all(tape::padding(size)).map_err(writing())
}

fn changed(path: &str) -> SourceError {
    SourceError::unfit(path, "it changed while it was read; try again")
}

fn writing() -> impl FnOnce(io::Error) -> SourceError {
    SourceError::io("write the archive")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::source::testing::{Bench, canary, mirror, unpack};

    fn paths_of(archive: &[u8]) -> Vec<String> {
        unpack(archive).into_iter().map(|(path, _)| path).collect()
    }

    fn taken(folder: &Path) -> Result<(Vec<u8>, Summary), SourceError> {
        let mut bytes = Vec::new();
        let summary = archive_checkout(folder, &mut bytes)?;
        Ok((bytes, summary))
    }

    #[test]
    fn a_checkout_whose_configuration_names_a_command_runs_nothing() {
        let bench = Bench::new();
        bench.put("Dockerfile", "FROM scratch").commit();
        let canary = bench.work().with_extension("canary");
        let command = format!("touch {}; false", canary.display());
        // An ignore file that exists only in the index, with its content in another repository.
        let absent = "1".repeat(40);
        let entry = format!("100644,{absent},.gitignore");
        bench.git(&["update-index", "--add", "--cacheinfo", &entry]);
        bench.git(&["update-index", "--skip-worktree", ".gitignore"]);
        for (key, value) in [
            ("core.repositoryformatversion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.url", "ssh://x/y"),
            ("remote.origin.promisor", "true"),
            ("core.sshCommand", command.as_str()),
            ("core.fsmonitor", command.as_str()),
        ] {
            bench.git(&["config", key, value]);
        }
        let listed = taken(&bench.work());
        assert!(!canary.exists(), "a command of the checkout was run");
        if let Ok((archive, _)) = listed {
            assert!(paths_of(&archive).contains(&"Dockerfile".to_owned()));
        }
        // Without the guard, the same checkout does run it.
        let plain = ["ls-files", "-co", "--exclude-standard", "-z", "--", "."];
        let unguarded = Command::new("git")
            .args(plain)
            .current_dir(bench.work())
            .output()
            .unwrap();
        assert!(canary.exists(), "the test proves nothing: {unguarded:?}");
    }

    #[test]
    fn a_checkout_gives_what_git_knows_as_it_is_on_the_disk() {
        let bench = Bench::new();
        bench
            .put("tracked", "old")
            .put("deleted", "")
            .put("sub/x", "")
            .commit();
        bench
            .put("tracked", "new")
            .put("untracked", "")
            .put(".gitignore", "*.log\n.env\n");
        bench
            .put("noise.log", "")
            .put(".env", "SECRET=1")
            .link("link", "tracked");
        std::fs::remove_file(bench.work().join("deleted")).unwrap();
        let (bytes, summary) = taken(&bench.work()).unwrap();
        assert_eq!(
            paths_of(&bytes),
            [".gitignore", "link", "sub/x", "tracked", "untracked"]
        );
        assert!(unpack(&bytes).contains(&("tracked".into(), "new".into())));
        assert!(summary.by_git);
        assert_eq!(summary.files, 5);
        let (bytes, _) = taken(&bench.work().join("sub")).unwrap();
        assert_eq!(paths_of(&bytes), ["x"]);
    }

    #[test]
    fn a_plain_folder_gives_everything_but_git() {
        let bench = Bench::new();
        std::fs::remove_dir_all(bench.work().join(".git")).unwrap();
        bench
            .put("a/b", "x")
            .put("a/.git/config", "")
            .put(".hidden", "");
        let (bytes, summary) = taken(&bench.work()).unwrap();
        assert_eq!(paths_of(&bytes), [".hidden", "a/b"]);
        assert_eq!((summary.by_git, summary.bytes), (false, 1));
    }

    #[test]
    fn links_are_taken_as_links_and_a_linked_folder_is_not_entered() {
        let bench = Bench::new();
        let canary = canary(bench.folder.path());
        bench.put("a", "").put("d/canary", "mine").commit();
        let targets = [canary.to_str().unwrap(), "../canary", "nowhere", "/"];
        for (name, target) in ["w", "x", "y", "z"].into_iter().zip(targets) {
            bench.link(name, target);
        }
        std::fs::remove_dir_all(bench.work().join("d")).unwrap();
        // Git still lists d/canary, and a reader that follows links would find the other file.
        bench.link("d", "..").put("e/canary", "another");
        let (bytes, _) = taken(&bench.work()).unwrap();
        let mut wanted = vec![("a".into(), String::new()), ("d".into(), "-> ..".into())];
        wanted.push(("e/canary".into(), "another".into()));
        for (name, target) in ["w", "x", "y", "z"].into_iter().zip(targets) {
            wanted.push((name.to_owned(), format!("-> {target}")));
        }
        assert_eq!(unpack(&bytes), wanted);
    }

    #[test]
    fn sockets_and_nested_checkouts_are_left_out_with_a_note() {
        let bench = Bench::new();
        bench.put("a", "").put("nested/file", "");
        let socket = bench.work().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        bench.git(&["init", "-q", "nested"]);
        let (bytes, summary) = taken(&bench.work()).unwrap();
        assert_eq!(paths_of(&bytes), ["a"]);
        assert!(
            summary
                .notes
                .iter()
                .any(|note| note.starts_with("nested is another")),
            "{summary:?}"
        );
        std::fs::remove_dir_all(bench.work().join(".git")).unwrap();
        let (_, summary) = taken(&bench.work()).unwrap();
        assert!(
            summary
                .notes
                .iter()
                .any(|note| note.starts_with("socket is a device")),
            "{summary:?}"
        );
    }

    #[test]
    fn a_submodules_files_are_taken_as_they_lie_there() {
        let bench = Bench::new();
        bench.put("a", "").put("sub/deep/file", "of the submodule");
        bench
            .put("sub/.gitignore", "*.log")
            .put("sub/noise.log", "");
        for nested in ["sub/deep", "sub"] {
            bench.git(&["init", "-q", nested]);
            bench.git(&["-C", nested, "add", "."]);
            bench.git(&["-C", nested, "commit", "-q", "-m", "one"]);
            bench.git(&["add", "sub"]);
        }
        bench.put("sub/new", "not yet added");
        let absent = format!("160000,{},absent", "2".repeat(40));
        bench.git(&["update-index", "--add", "--cacheinfo", &absent]);
        std::fs::create_dir(bench.work().join("absent")).unwrap();
        let (bytes, summary) = taken(&bench.work()).unwrap();
        let wanted = ["a", "absent", "sub/.gitignore", "sub/deep/file", "sub/new"];
        assert_eq!(paths_of(&bytes), wanted);
        assert_eq!(summary.files, 4);
        assert!(unpack(&bytes).contains(&("sub/deep/file".into(), "of the submodule".into())));
        assert_eq!(summary.notes.len(), 1, "{summary:?}");
        assert!(
            summary.notes[0].starts_with("absent is a submodule"),
            "{summary:?}"
        );
        // A link in the place of a submodule is a link, wherever it leads.
        let outside = bench.folder.path().join("outside");
        std::fs::rename(bench.work().join("sub"), &outside).unwrap();
        bench.link("sub", outside.to_str().unwrap());
        let (bytes, _) = taken(&bench.work()).unwrap();
        assert_eq!(paths_of(&bytes), ["a", "absent", "sub"]);
    }

    #[tokio::test]
    async fn a_submodule_that_is_not_checked_out_is_known_to_who_gets_the_files() {
        let bench = Bench::new();
        bench.put("a", "").put("fake/.gitkeep", "");
        for path in ["empty", "none/below", "behind/it", "fake"] {
            let entry = format!("160000,{},{path}", "2".repeat(40));
            bench.git(&["update-index", "--add", "--cacheinfo", &entry]);
        }
        std::fs::create_dir(bench.work().join("empty")).unwrap();
        // Something else is where its folder would be.
        bench.put("behind", "a file");
        let (bytes, summary) = taken(&bench.work()).unwrap();
        assert_eq!(summary.notes.len(), 3, "{summary:?}");
        let mirror = mirror();
        let sent = bench.mirrors.import(&mirror, bytes.as_slice());
        let tree = sent.await.unwrap().as_sent().await.unwrap();
        let missing: Vec<String> = tree.missing().iter().map(ToString::to_string).collect();
        let why = "was not sent: it is not checked out in the folder that was sent";
        let wanted = ["empty", "fake", "none/below"].map(|path| format!("{path} {why}"));
        assert_eq!(missing, wanted);
        assert!(tree.missing_at("none/below/x").is_some());
        assert!(tree.missing_at("none/belowx").is_none());
        assert_eq!(tree.read("behind").await.unwrap().unwrap(), "a file");
    }

    #[test]
    fn a_folder_in_the_place_of_a_tracked_file_is_no_submodule() {
        let bench = Bench::new();
        bench.put("a", "").put("b", "").commit();
        std::fs::remove_file(bench.work().join("a")).unwrap();
        bench.put("a/inside", "");
        let (bytes, summary) = taken(&bench.work()).unwrap();
        assert_eq!(paths_of(&bytes), ["a/inside", "b"]);
        assert!(summary.notes.is_empty(), "{summary:?}");
    }

    #[test]
    fn a_folder_over_a_limit_is_refused() {
        let bench = Bench::new();
        bench.put("a", "12345").put("b", "12345");
        let most = |commit_bytes_max, commit_files_max| {
            let limits = Limits {
                commit_bytes_max,
                commit_files_max,
                ..Limits::default()
            };
            archive_with(&bench.work(), std::io::sink(), &limits)
        };
        assert!(most(10, 2).is_ok());
        assert!(matches!(most(9, 2), Err(SourceError::TooLarge(_))));
        assert!(matches!(most(10, 1), Err(SourceError::TooLarge(_))));
    }

    #[test]
    fn a_checkout_that_git_cannot_read_is_not_taken_as_a_plain_folder() {
        let bench = Bench::new();
        bench
            .put("a", "")
            .put(".gitignore", ".env")
            .put(".env", "SECRET=1");
        std::fs::write(bench.work().join(".git/HEAD"), "broken").unwrap();
        let answer = taken(&bench.work());
        assert!(matches!(answer, Err(SourceError::Git { .. })), "{answer:?}");
    }

    #[tokio::test]
    async fn what_is_archived_here_is_imported_there() {
        let bench = Bench::new();
        bench
            .put("a/b", "content")
            .link("link", "a/b")
            .put(&format!("{}é", "n".repeat(120)), "long");
        let (bytes, _) = taken(&bench.work()).unwrap();
        let tree = bench
            .mirrors
            .import(&mirror(), bytes.as_slice())
            .await
            .unwrap();
        assert_eq!(tree.list().await.unwrap().len(), 3);
        assert_eq!(tree.read("link").await.unwrap().unwrap(), "content");
        let again = bench
            .mirrors
            .import(&mirror(), bytes.as_slice())
            .await
            .unwrap();
        assert_eq!(again.commit(), tree.commit());
    }
}
