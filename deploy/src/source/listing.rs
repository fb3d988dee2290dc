//! Lists the files of a commit.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::{
    Limits, SourceError,
    git::{Repository, last_words, unforeseen},
    limits::COMMAND_DEADLINE,
    paths,
};
use crate::names::CommitSha;

/// Maximum bytes of a whole listing.
const LISTING_BYTES_MAX: u64 = 128 << 20;

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A plain file.
    File,
    /// An executable file.
    Executable,
    /// A symbolic link; its content is its target.
    Link,
    /// A commit of another repository whose files are missing.
    Submodule,
    /// A Git LFS file whose content is missing.
    Pointer,
}

/// One entry of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the root, without a leading slash. Always UTF-8, since builds support nothing
    /// else.
    pub path: String,
    /// Its kind.
    pub mode: Mode,
    /// The id of its content.
    pub id: String,
    /// Bytes of its content; zero for a submodule.
    pub size: u64,
    /// Index of the tree's store with its content; the first is the tree's own repository.
    pub(super) store: usize,
}

/// Lists a commit, sorted by path, and checks it against the limits.
pub(super) async fn list(
    repository: &Repository,
    commit: &CommitSha,
    limits: &Limits,
) -> Result<Arc<[Entry]>, SourceError> {
    tokio::time::timeout(COMMAND_DEADLINE, read(repository, commit, limits))
        .await
        .unwrap_or(Err(SourceError::Timeout {
            doing: "listing the commit",
            limit: COMMAND_DEADLINE,
        }))
}

async fn read(
    repository: &Repository,
    commit: &CommitSha,
    limits: &Limits,
) -> Result<Arc<[Entry]>, SourceError> {
    let doing = "list the commit's files";
    let mut command = repository.command(&[]);
    command.args(["ls-tree", "-r", "-z", "-l", "--full-tree", commit.as_str()]);
    let mut child = command.spawn().map_err(SourceError::io("run git"))?;
    let stdout = child.stdout.take();
    let entries = async {
        let mut lines = BufReader::new(
            stdout
                .ok_or_else(|| unforeseen(doing, ""))?
                .take(LISTING_BYTES_MAX),
        );
        let (mut entries, mut bytes) = (Vec::new(), 0_u64);
        let mut line = Vec::new();
        while lines
            .read_until(0, &mut line)
            .await
            .map_err(SourceError::io(doing))?
            > 0
        {
            let entry = parse(&line)?;
            line.clear();
            bytes = bytes.saturating_add(entry.size);
            entries.push(entry);
            weigh(entries.len(), bytes, limits)?;
        }
        Ok::<_, SourceError>(entries)
    };
    let stderr = child.stderr.take();
    let (entries, said) = futures_util::future::join(entries, last_words(stderr)).await;
    let mut entries = entries?;
    let status = child.wait().await.map_err(SourceError::io("run git"))?;
    if !status.success() {
        return Err(unforeseen(doing, &said));
    }
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(entries.into())
}

/// Checks a number of files and bytes against the limits.
pub(super) fn weigh(files: usize, bytes: u64, limits: &Limits) -> Result<(), SourceError> {
    if files > limits.commit_files_max {
        let most = limits.commit_files_max;
        return Err(SourceError::TooLarge(format!(
            "it has more than {most} files"
        )));
    }
    if bytes > limits.commit_bytes_max {
        let most = limits.commit_bytes_max >> 20;
        return Err(SourceError::TooLarge(format!(
            "its files are larger than {most} MiB together"
        )));
    }
    Ok(())
}

/// Parses `<mode> <type> <id> <size>\t<path>\0`.
fn parse(line: &[u8]) -> Result<Entry, SourceError> {
    let strange = || unforeseen("read the commit's listing", &String::from_utf8_lossy(line));
    let line = line.strip_suffix(&[0]).ok_or_else(|| {
        SourceError::TooLarge(format!(
            "its listing is larger than {} MiB",
            LISTING_BYTES_MAX >> 20
        ))
    })?;
    let tab = line.iter().position(|b| *b == b'\t').ok_or_else(strange)?;
    let path = std::str::from_utf8(&line[tab + 1..]).map_err(|_| {
        let path = String::from_utf8_lossy(&line[tab + 1..]);
        SourceError::unfit(
            &path,
            "the name is not UTF-8, which builds do not support; rename it",
        )
    })?;
    paths::check(path).map_err(|why| SourceError::unfit(path, why))?;
    let head = std::str::from_utf8(&line[..tab]).map_err(|_| strange())?;
    let mut words = head.split_ascii_whitespace();
    let (Some(mode), Some(_), Some(id), Some(size)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(strange());
    };
    let mode = match mode {
        "100755" => Mode::Executable,
        "120000" => Mode::Link,
        "160000" => Mode::Submodule,
        plain if plain.starts_with("100") => Mode::File,
        _ => return Err(strange()),
    };
    let size = if mode == Mode::Submodule {
        0
    } else {
        size.parse().map_err(|_| strange())?
    };
    Ok(Entry {
        path: path.to_owned(),
        mode,
        id: id.to_owned(),
        size,
        store: 0,
    })
}
