//! Reads an uploaded tar archive.
//!
//! This is a separate parser, because it must check every record's size before reading it, and must
//! distinguish a cut-off archive from a complete one.

use std::io;

use tar::{EntryType, Header};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{
    SourceError, paths,
    tape::{BLOCK, SUBMODULE_RECORD, padding},
};

/// Maximum bytes of one extended header.
const RECORDS_BYTES_MAX: u64 = 64 << 10;
/// Maximum extended headers before one entry.
const RECORDS_IN_A_ROW_MAX: usize = 8;

/// One file, link or absent submodule of an archive. The caller must read the file content that
/// follows.
#[derive(Debug)]
pub(super) struct Member {
    /// Its checked path.
    pub(super) path: String,
    /// Its kind.
    pub(super) kind: MemberKind,
}

/// The kind of a member.
#[derive(Debug)]
pub(super) enum MemberKind {
    /// A file.
    File {
        /// Bytes of its content.
        size: u64,
        /// Whether its owner can execute it.
        executable: bool,
    },
    /// A link to this target.
    Link(String),
    /// A submodule whose files the sender does not have.
    Submodule,
}

/// An archive that is being read.
pub(super) struct Untar<R> {
    pub(super) input: R,
}

/// The values of extended headers for the next entry.
#[derive(Default)]
struct Said {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    submodule: bool,
}

impl<R: AsyncRead + Unpin> Untar<R> {
    /// The next member; `None` at the archive's end. Skips folders, since a commit does not store
    /// them.
    pub(super) async fn next(&mut self) -> Result<Option<Member>, SourceError> {
        let mut said = Said::default();
        let mut in_a_row = 0;
        loop {
            let mut header = Header::new_old();
            self.fill(header.as_mut_bytes()).await?;
            if header.as_bytes().iter().all(|b| *b == 0) {
                return self.drain().await.map(|()| None);
            }
            check_sum(&header)?;
            let size = said
                .size
                .take()
                .map_or_else(|| number(header.entry_size()), Ok)?;
            let path = said
                .path
                .clone()
                .unwrap_or_else(|| header.path_bytes().into_owned());
            in_a_row += 1;
            match header.entry_type() {
                _ if in_a_row > RECORDS_IN_A_ROW_MAX => {
                    return Err(broken("too many extended headers"));
                }
                EntryType::XHeader => extended(&self.records(size).await?, &mut said)?,
                EntryType::XGlobalHeader => drop(self.records(size).await?),
                EntryType::GNULongName => said.path = Some(without_end(self.records(size).await?)),
                EntryType::GNULongLink => {
                    said.target = Some(without_end(self.records(size).await?))
                }
                EntryType::Directory => {
                    let path = self.folder(&path, size)?;
                    if said.submodule && !path.is_empty() {
                        let kind = MemberKind::Submodule;
                        return Ok(Some(Member { path, kind }));
                    }
                    (said, in_a_row) = (Said::default(), 0);
                }
                kind => return member(kind, &header, said, path, size).map(Some),
            }
        }
    }

    /// Reads the padding after a content.
    pub(super) async fn pad(&mut self, size: u64) -> Result<(), SourceError> {
        let mut rest = [0; BLOCK];
        self.fill(&mut rest[..padding(size).len()]).await
    }

    /// The folder's path; empty for the archive's root.
    fn folder(&self, path: &[u8], size: u64) -> Result<String, SourceError> {
        let text = text(path)?;
        let inside = text.trim_start_matches("./").trim_end_matches('/');
        if !matches!(inside, "" | ".") {
            paths::check(inside).map_err(|why| SourceError::unfit(inside, why))?;
        }
        if size == 0 {
            Ok(inside.trim_start_matches('.').to_owned())
        } else {
            Err(broken("a folder has content"))
        }
    }

    async fn records(&mut self, size: u64) -> Result<Vec<u8>, SourceError> {
        if size > RECORDS_BYTES_MAX {
            return Err(broken("an extended header is larger than 64 KiB"));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.fill(&mut bytes).await?;
        self.pad(size).await?;
        Ok(bytes)
    }

    async fn fill(&mut self, bytes: &mut [u8]) -> Result<(), SourceError> {
        self.input
            .read_exact(bytes)
            .await
            .map(|_| ())
            .map_err(|cause| match cause.kind() {
                io::ErrorKind::UnexpectedEof => broken("it is cut off"),
                _ => SourceError::io("read the upload")(cause),
            })
    }

    /// Reads the rest after the first closing block, so that the sender can finish.
    async fn drain(&mut self) -> Result<(), SourceError> {
        let mut rest = (&mut self.input).take(1 << 20);
        let done = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
        done.map(|_| ()).map_err(SourceError::io("read the upload"))
    }
}

fn member(
    kind: EntryType,
    header: &Header,
    said: Said,
    path: Vec<u8>,
    size: u64,
) -> Result<Member, SourceError> {
    let path = text(&path)?;
    let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
    paths::check(&path).map_err(|why| SourceError::unfit(&path, why))?;
    let kind = match kind {
        EntryType::Regular | EntryType::Continuous => {
            let executable = header
                .mode()
                .map_err(|_| broken("a mode is not a number"))?
                & 0o100
                != 0;
            MemberKind::File { size, executable }
        }
        EntryType::Symlink if size == 0 => {
            let target = said
                .target
                .or_else(|| header.link_name_bytes().map(|t| t.into_owned()));
            let target = text(&target.unwrap_or_default())?;
            if target.is_empty() || target.len() > 4096 || target.contains('\0') {
                return Err(SourceError::unfit(&path, "the link's target is not a path"));
            }
            MemberKind::Link(target)
        }
        _ => {
            let why = "only files, folders and symbolic links can be uploaded";
            return Err(SourceError::unfit(&path, why));
        }
    };
    Ok(Member { path, kind })
}

/// Parses `<length> <key>=<value>\n` records; skips unknown keys.
fn extended(mut records: &[u8], said: &mut Said) -> Result<(), SourceError> {
    let strange = || broken("an extended header is malformed");
    while !records.is_empty() {
        let space = records
            .iter()
            .position(|b| *b == b' ')
            .ok_or_else(strange)?;
        let length = std::str::from_utf8(&records[..space])
            .ok()
            .and_then(|l| l.parse().ok());
        let length: usize = length.ok_or_else(strange)?;
        if length <= space + 1 || length > records.len() {
            return Err(strange());
        }
        let (record, rest) = records.split_at(length);
        let record = record[space + 1..]
            .strip_suffix(b"\n")
            .ok_or_else(strange)?;
        let equals = record.iter().position(|b| *b == b'=').ok_or_else(strange)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => said.path = Some(value.to_vec()),
            b"linkpath" => said.target = Some(value.to_vec()),
            b"size" => {
                let size = std::str::from_utf8(value)
                    .ok()
                    .and_then(|size| size.parse().ok());
                said.size = Some(size.ok_or_else(strange)?);
            }
            _ if key == SUBMODULE_RECORD.as_bytes() => said.submodule = true,
            _ if key.starts_with(b"GNU.sparse.") => return Err(broken("a file is sparse")),
            _ => {}
        }
        records = rest;
    }
    Ok(())
}

fn check_sum(header: &Header) -> Result<(), SourceError> {
    let bytes = header.as_bytes();
    let field = 148..156;
    let sum = |(at, b): (usize, &u8)| {
        if field.contains(&at) {
            32
        } else {
            u32::from(*b)
        }
    };
    let actual: u32 = bytes.iter().enumerate().map(sum).sum();
    if number(header.cksum())? == actual {
        Ok(())
    } else {
        Err(broken("a checksum is wrong"))
    }
}

fn number<T>(read: io::Result<T>) -> Result<T, SourceError> {
    read.map_err(|_| broken("a number is malformed"))
}

fn without_end(mut name: Vec<u8>) -> Vec<u8> {
    name.truncate(name.iter().position(|b| *b == 0).unwrap_or(name.len()));
    name
}

fn text(bytes: &[u8]) -> Result<String, SourceError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| {
        let shown = String::from_utf8_lossy(bytes);
        SourceError::unfit(
            &shown,
            "the name is not UTF-8, which builds do not support; rename it",
        )
    })
}

fn broken(why: &'static str) -> SourceError {
    SourceError::unfit("the uploaded archive", why)
}
