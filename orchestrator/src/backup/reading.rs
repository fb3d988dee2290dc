//! Reads the file of an archive: counts its bytes, can be stopped, and limits the length of names.

use std::{
    cell::Cell,
    error::Error as _,
    fs::{File, OpenOptions},
    io::{self, BufReader, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use anyhow::{Context as _, ensure};
use nix::fcntl::OFlag;

/// The size of the read buffer.
const READ_BYTES: usize = 1 << 20;
/// The longest header of a file in an archive: its name, and 24 bytes for each of its holes.
const HEAD_BYTES_MAX: u64 = 8 << 20;

/// An error about an archive in plain words. The errors of other readers may quote the file, which
/// may be any file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

/// An error of that kind.
pub(super) fn refusal(text: impl Into<String>) -> io::Error {
    io::Error::other(Refusal(text.into()))
}

/// An error of a reader in plain words: our own words, or the error of the system during `doing`,
/// or else `otherwise`.
pub(super) fn in_words(error: &io::Error, doing: &str, otherwise: &'static str) -> anyhow::Error {
    let mut root = error;
    while let Some(inner) = root
        .source()
        .and_then(|inner| inner.downcast_ref::<io::Error>())
    {
        root = inner;
    }
    let ours = root.get_ref();
    if let Some(Refusal(text)) = ours.and_then(|ours| ours.downcast_ref::<Refusal>()) {
        return anyhow::Error::msg(text.clone());
    }
    if root.raw_os_error().is_some() {
        return anyhow::anyhow!("{doing}: {root}");
    }
    match root.kind() {
        io::ErrorKind::Other
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput => anyhow::Error::msg(otherwise),
        kind => anyhow::anyhow!("{doing}: {kind}"),
    }
}

/// Opens the file of an archive. Refuses pipes and devices, which may never end or answer.
pub(super) fn open(archive: &Path) -> anyhow::Result<File> {
    let doing = || format!("cannot open {}", archive.display());
    let refuse = |is_file: bool| -> anyhow::Result<()> {
        ensure!(
            is_file,
            "{} is not a regular file; name the file that `dayfly backup` wrote",
            archive.display()
        );
        Ok(())
    };
    refuse(std::fs::metadata(archive).with_context(doing)?.is_file())?;
    // A pipe that has just taken its place does not make this wait.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(archive)
        .with_context(doing)?;
    refuse(file.metadata().with_context(doing)?.is_file())?;
    Ok(file)
}

/// The progress of reading an archive, and the request to stop.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of the archive read so far.
    pub read_bytes: AtomicU64,
    /// Set it to stop the work.
    pub stop: AtomicBool,
}

/// An archive's file that counts the bytes read, and fails once it is stopped.
pub(super) struct Counted<'a, R> {
    file: R,
    progress: &'a Progress,
    head: &'a Head,
}

impl<'a> Counted<'a, BufReader<File>> {
    pub(super) fn new(file: File, progress: &'a Progress, head: &'a Head) -> Self {
        Self {
            file: BufReader::with_capacity(READ_BYTES, file),
            progress,
            head,
        }
    }
}

/// How much of the archive may still be read before its next file begins. A name may be as long as
/// a file, and the whole name is read into memory.
#[derive(Debug, Default)]
pub(super) struct Head {
    left: Cell<Option<u64>>,
    unread: Cell<u64>,
}

impl Head {
    /// The next file of an archive.
    pub(super) fn next<E: Iterator>(&self, entries: &mut E) -> Option<E::Item> {
        let unread = self.unread.take();
        self.left.set(Some(HEAD_BYTES_MAX.saturating_add(unread)));
        let next = entries.next();
        self.left.set(None);
        next
    }

    /// Allows this many more bytes: the unread rest of the previous file comes first.
    pub(super) fn skip(&self, bytes: u64) {
        self.unread.set(bytes);
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.progress.stop.load(Relaxed) {
            return Err(refusal("reading the archive was stopped"));
        }
        let length = match self.head.left.get() {
            None => self.file.read(into)?,
            Some(0) => {
                return Err(refusal(
                    "the archive has a name that is too long, or a file with too many holes",
                ));
            }
            Some(left) => {
                let length = (&mut self.file).take(left).read(into)?;
                self.head.left.set(Some(left - length as u64));
                length
            }
        };
        self.progress.read_bytes.fetch_add(length as u64, Relaxed);
        Ok(length)
    }
}
