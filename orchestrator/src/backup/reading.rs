//! How the file of an archive is read: counted, stoppable, and never much of it for a name.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufReader, Read},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// How much is read at a time.
const READ_BYTES: usize = 1 << 20;
/// The head of a file in an archive is not longer than this: its name, and its holes with 24 bytes for each.
const HEAD_BYTES_MAX: u64 = 8 << 20;

/// How far the reading of an archive is, for whoever waits for it, and whether they still do.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of the archive that were read.
    pub read_bytes: AtomicU64,
    /// Set by whoever does not want it any more.
    pub stop: AtomicBool,
}

/// An archive's file that tells how far it was read, and ends when nobody wants it any more.
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

/// How much of the archive may still be read before the next file in it has begun. A name may be as
/// long as a file, and is read into memory whole.
#[derive(Debug, Default)]
pub(super) struct Head {
    left: Cell<Option<u64>>,
    unread: Cell<u64>,
}

impl Head {
    /// The next of an archive's files.
    pub(super) fn next<E: Iterator>(&self, entries: &mut E) -> Option<E::Item> {
        let unread = self.unread.take();
        self.left.set(Some(HEAD_BYTES_MAX.saturating_add(unread)));
        let next = entries.next();
        self.left.set(None);
        next
    }

    /// So much of the file before it was not read yet, and comes first.
    pub(super) fn skip(&self, bytes: u64) {
        self.unread.set(bytes);
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.progress.stop.load(Relaxed) {
            return Err(io::Error::other("it was stopped"));
        }
        let length = match self.head.left.get() {
            None => self.file.read(into)?,
            Some(0) => {
                return Err(io::Error::other(
                    "a name in it is too long, or a file in it has too many holes",
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
