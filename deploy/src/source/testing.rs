//! Real repositories for the tests of this crate.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    Context, Limits, MirrorId, Mirrors, PartKind, Remote, SourceError, Transport, Tree,
    tape::{self, Item, Kind},
};
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

    /// Writes a file in the working folder.
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

    /// Commits all files of the working folder.
    pub(crate) fn commit(&self) -> CommitSha {
        self.git(&["add", "-A", "-f"]);
        self.commit_index()
    }

    pub(crate) fn commit_index(&self) -> CommitSha {
        self.git(&["commit", "-q", "--allow-empty", "-m", "a change"]);
        CommitSha::parse(&self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// Commits a tree written entry by entry, which git itself would refuse to create.
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

    /// Commits all files and fetches the commit.
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
        addresses: Vec::new(),
    }
}

/// Appends a file to an archive; names that end in `run` are executable.
pub(super) fn add(archive: &mut Vec<u8>, path: &str, content: &str) {
    let kind = Kind::File {
        size: content.len() as u64,
        executable: path.ends_with("run"),
    };
    archive.extend(tape::head(&Item {
        path,
        kind,
        nanos: 0,
    }));
    archive.extend_from_slice(content.as_bytes());
    archive.extend_from_slice(tape::padding(content.len() as u64));
}

/// A whole archive of files.
pub(super) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, content) in files {
        add(&mut archive, path, content);
    }
    archive.extend_from_slice(&tape::END);
    archive
}

/// A tree of these files; it lives as long as its folder.
pub(crate) async fn uploaded(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().unwrap();
    let mirrors = Mirrors::new(folder.path().join("mirrors"));
    let tree = mirrors
        .import(&mirror(), archive(files).as_slice())
        .await
        .unwrap();
    (folder, tree)
}

/// Path and content of each entry of an archive; a folder's content is `/`, a link's is `->
/// target`.
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

/// Path and content of all entries that a builder gets from a tree, without folders.
pub(crate) async fn offered(tree: &Tree) -> Vec<(String, String)> {
    let context = Context::of(tree, "", "Dockerfile").await.unwrap();
    let mut contents = context.contents();
    let mut read = Vec::new();
    for part in context.parts().iter() {
        let mut text = Vec::new();
        contents.begin(&part.kind).await.unwrap();
        while let Some(piece) = contents.piece().await.unwrap() {
            text.extend_from_slice(&piece);
        }
        if !matches!(part.kind, PartKind::Folder) {
            read.push((part.path.clone(), String::from_utf8(text).unwrap()));
        }
    }
    read
}

/// A file outside of every repository that must never be read.
pub(crate) fn canary(folder: &Path) -> PathBuf {
    let path = folder.join("canary");
    std::fs::write(&path, "the canary was read").unwrap();
    path
}

/// Serves the repositories below a folder over smart HTTP, to clients that send this header value.
/// Ends with the process.
pub(crate) fn serve(root: PathBuf, authorization: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let root = root.clone();
            std::thread::spawn(move || answer(stream.unwrap(), &root, authorization));
        }
    });
    address
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
    lines: Vec<String>,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.lines.iter().filter_map(|line| line.split_once(": "));
        let found = pairs.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    /// Reads one request; `None` if none arrives.
    pub(crate) fn read(stream: &std::net::TcpStream) -> Option<Self> {
        use std::io::{BufRead, BufReader, Read};
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let mut words = lines[0].split(' ').map(str::to_owned);
        let mut heard = Self {
            method: words.next()?,
            target: words.next()?,
            body: Vec::new(),
            lines: lines.clone(),
        };
        let length = heard.header("content-length");
        heard.body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut heard.body).unwrap();
        Some(heard)
    }
}

fn answer(mut stream: std::net::TcpStream, root: &Path, authorization: &str) {
    let Some(heard) = Heard::read(&stream) else {
        return;
    };
    if heard.header("authorization") != Some(authorization) {
        let refusal = "HTTP/1.1 401 no\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _gone = stream.write_all(refusal.as_bytes());
        return;
    }
    let (path, query) = heard
        .target
        .split_once('?')
        .unwrap_or((heard.target.as_str(), ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &heard.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env(
            "CONTENT_TYPE",
            heard.header("content-type").unwrap_or_default(),
        )
        .env("CONTENT_LENGTH", heard.body.len().to_string())
        .env(
            "HTTP_CONTENT_ENCODING",
            heard.header("content-encoding").unwrap_or_default(),
        )
        .env(
            "GIT_PROTOCOL",
            heard.header("git-protocol").unwrap_or_default(),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&heard.body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let status = String::from_utf8_lossy(&output[..output.len().min(40)])
        .strip_prefix("Status: ")
        .map_or("200 fine".to_owned(), |s| {
            s.lines().next().unwrap_or_default().to_owned()
        });
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    let _gone = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&output));
}

/// The entry of a folder in an archive.
pub(crate) fn folder(path: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_path(format!("{path}/")).unwrap();
    header.set_mode(0o755);
    header.set_size(0);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}
