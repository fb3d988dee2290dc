//! Real repositories for the tests of this crate.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Limits, MirrorId, Mirrors, Remote, SourceError, Transport, Tree};
use crate::names::CommitSha;

/// A repository, and mirrors beside it.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) mirrors: Mirrors,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mirrors = Mirrors::with_limits(folder.path().join("mirrors"), limits);
        let bench = Self { folder, mirrors };
        std::fs::create_dir(bench.work()).unwrap();
        bench.git(&["init", "-q", "-b", "main"]);
        bench
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_with_input(args, b"")
    }

    pub(crate) fn git_with_input(&self, args: &[&str], input: &[u8]) -> String {
        let mut child = Command::new("git")
            .args(args)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].iter().flat_map(|who| {
                [
                    (format!("GIT_{who}_NAME"), "Ada"),
                    (format!("GIT_{who}_EMAIL"), "ada@example.org"),
                ]
            }))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// Writes a file of the working folder.
    pub(crate) fn put(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let full = self.work().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, content).unwrap();
        self
    }

    pub(crate) fn link(&self, path: &str, target: &str) -> &Self {
        let full = self.work().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, full).unwrap();
        self
    }

    /// Commits everything of the working folder.
    pub(crate) fn commit(&self) -> CommitSha {
        self.git(&["add", "-A", "-f"]);
        self.commit_index()
    }

    pub(crate) fn commit_index(&self) -> CommitSha {
        self.git(&["commit", "-q", "--allow-empty", "-m", "a change"]);
        CommitSha::parse(&self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// A commit of a tree written entry by entry, which no well-behaved git would make.
    pub(crate) fn raw_commit(&self, entries: &[(&str, &[u8], &str)]) -> CommitSha {
        let mut tree = Vec::new();
        for (mode, name, id) in entries {
            tree.extend_from_slice(mode.as_bytes());
            tree.push(b' ');
            tree.extend_from_slice(name);
            tree.push(0);
            tree.extend(hex::decode(id).unwrap());
        }
        let tree = self.git_with_input(
            &["hash-object", "-t", "tree", "--literally", "-w", "--stdin"],
            &tree,
        );
        let commit = self.git(&["commit-tree", "-m", "raw", &tree]);
        self.git(&["update-ref", "refs/heads/raw", &commit]);
        CommitSha::parse(&commit).unwrap()
    }

    pub(crate) fn blob(&self, content: &str) -> String {
        self.git_with_input(&["hash-object", "-w", "--stdin"], content.as_bytes())
    }

    pub(crate) fn remote(&self) -> Remote {
        remote(&format!("file://{}", self.work().display()))
    }

    pub(crate) async fn fetch(&self, commit: &CommitSha) -> Result<Tree, SourceError> {
        self.mirrors.fetch(&self.remote(), commit).await
    }

    /// Commits everything and fetches it.
    pub(crate) async fn tree(&self) -> Tree {
        let commit = self.commit();
        self.fetch(&commit).await.unwrap()
    }
}

pub(crate) fn mirror() -> MirrorId {
    MirrorId::parse("shop").unwrap()
}

pub(crate) fn remote(url: &str) -> Remote {
    Remote {
        mirror: mirror(),
        url: url.to_owned(),
        token: None,
        allow: Transport::AlsoFile,
    }
}

/// Path and content of each entry of an archive; a folder's content is `/`, a link's `-> target`.
pub(crate) fn unpack(archive: &[u8]) -> Vec<(String, String)> {
    use std::io::Read;
    let mut tar = tar::Archive::new(archive);
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut content = String::new();
        match entry.header().entry_type() {
            tar::EntryType::Directory => content.push('/'),
            tar::EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap();
                content = format!("-> {}", String::from_utf8_lossy(&target));
            }
            _ => drop(entry.read_to_string(&mut content).unwrap()),
        }
        (path, content)
    };
    tar.entries().unwrap().map(read).collect()
}

/// A place outside of every repository, with something in it that must never be read.
pub(crate) fn canary(folder: &Path) -> PathBuf {
    let path = folder.join("canary");
    std::fs::write(&path, "the canary was read").unwrap();
    path
}
