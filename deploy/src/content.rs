//! The content of a file, wherever it is stored. A large file is never held in memory as a whole.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind, Read},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::Arc,
};

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};
use tokio::{runtime::Handle, sync::watch};

use crate::pieces::Pipe;

/// Read buffer for a whole content, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Content that can be read repeatedly. Clones share it.
#[derive(Clone, Debug)]
pub struct Content(Place);

/// A place outside this module that holds content.
pub(crate) trait Elsewhere: fmt::Debug + Send + Sync {
    /// Its size, in bytes.
    fn bytes(&self) -> u64;

    /// Its content; a task on the runtime writes it while the caller reads.
    fn pipe(&self, runtime: &Handle) -> Pipe;
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Bytes),
    Spooled(Arc<Spooled>),
    Elsewhere(Arc<dyn Elsewhere>),
}

impl Content {
    /// Content that stays in another place.
    pub(crate) fn elsewhere(file: impl Elsewhere + 'static) -> Self {
        Self(Place::Elsewhere(Arc::new(file)))
    }

    /// Its size, in bytes; while it is arriving, the bytes so far.
    pub fn bytes(&self) -> u64 {
        match &self.0 {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::Spooled(spooled) => spooled.arrival.borrow().bytes,
            Place::Elsewhere(file) => file.bytes(),
        }
    }

    /// Waits until it has arrived, or until the writer gives up.
    pub(crate) async fn arrived(&self) {
        if let Place::Spooled(spooled) = &self.0 {
            let mut arrival = spooled.arrival.clone();
            // An error means that the writer is gone: nothing more arrives.
            let _ = arrival.wait_for(|arrival| arrival.whole).await;
        }
    }

    /// Reads it from its start, on a thread of the runtime that may block.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        let reader = self.unmarked_reader().map_err(mark)?;
        Ok(Box::new(Marked(reader)))
    }

    fn unmarked_reader(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.0 {
            Place::Memory(bytes) => Box::new(bytes.clone().reader()),
            Place::Spooled(spooled) => Box::new(SpooledReader {
                spooled: Arc::clone(spooled),
                at: 0,
                runtime: Handle::try_current().map_err(io::Error::other)?,
            }),
            Place::Elsewhere(file) => {
                let runtime = Handle::try_current().map_err(io::Error::other)?;
                Box::new(file.pipe(&runtime))
            }
        })
    }

    /// Its first bytes, at most this many.
    pub(crate) async fn head(&self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let most = bytes_max as u64;
        self.read_in_thread(move |reader| {
            let mut head = Vec::new();
            reader.take(most).read_to_end(&mut head).map(|_| head)
        })
        .await
    }

    /// SHA-256 of all of it.
    pub(crate) async fn digest(&self) -> io::Result<[u8; 32]> {
        self.read_in_thread(|mut reader| {
            let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
            loop {
                match reader.read(&mut piece)? {
                    0 => return Ok(digest.finalize().into()),
                    read => digest.update(&piece[..read]),
                }
            }
        })
        .await
    }

    async fn read_in_thread<T: Send + 'static>(
        &self,
        read: impl FnOnce(Box<dyn Read + Send>) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let content = self.clone();
        let reading = tokio::task::spawn_blocking(move || read(content.reader()?));
        reading.await.map_err(io::Error::other)?
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self(Place::Memory(bytes.into()))
    }
}

/// A read failed. The content itself is not at fault, and a retry may work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unread(io::Error);

/// Whether an error is about reading a content, not about the content itself.
pub(crate) fn is_unread(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Unread>())
}

fn mark(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Unread(error))
}

struct Marked(Box<dyn Read + Send>);

impl Read for Marked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(mark)
    }
}

/// A writer into an unnamed file. The file is deleted with its last reader.
#[derive(Debug)]
pub struct Spool {
    file: tokio::fs::File,
    arrival: watch::Sender<Arrival>,
    content: Content,
}

/// How much of a spooled content has arrived.
#[derive(Debug, Default)]
struct Arrival {
    bytes: u64,
    whole: bool,
}

#[derive(Debug)]
struct Spooled {
    file: File,
    arrival: watch::Receiver<Arrival>,
}

impl Spool {
    /// Creates one on the file system of a folder.
    ///
    /// # Errors
    /// If no file can be created there.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(folder)?;
        let (arrival, heard) = watch::channel(Arrival::default());
        let spooled = Spooled {
            file: file.try_clone()?,
            arrival: heard,
        };
        Ok(Self {
            file: file.into(),
            arrival,
            content: Content(Place::Spooled(Arc::new(spooled))),
        })
    }

    /// The content, readable at once: a reader waits for missing bytes, and fails if this is
    /// dropped before [`Spool::finish`].
    pub fn content(&self) -> Content {
        self.content.clone()
    }

    /// Appends a piece.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        tokio::io::AsyncWriteExt::write_all(&mut self.file, piece).await?;
        self.arrival
            .send_modify(|arrival| arrival.bytes += piece.len() as u64);
        Ok(())
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.arrival.borrow().bytes
    }

    /// Marks the content as complete.
    ///
    /// # Errors
    /// If the rest cannot be written.
    pub async fn finish(mut self) -> io::Result<()> {
        tokio::io::AsyncWriteExt::flush(&mut self.file).await?;
        self.arrival.send_modify(|arrival| arrival.whole = true);
        Ok(())
    }
}

/// One reader of a file that may have other readers and may still be growing.
struct SpooledReader {
    spooled: Arc<Spooled>,
    at: u64,
    runtime: Handle,
}

impl Read for SpooledReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut arrival = self.spooled.arrival.clone();
        loop {
            // Checked before the read, since more bytes may arrive after it.
            let whole = arrival.borrow_and_update().whole;
            let read = self.spooled.file.read_at(buffer, self.at)?;
            self.at += read as u64;
            if read > 0 || whole || buffer.is_empty() {
                return Ok(read);
            }
            let more = self.runtime.block_on(arrival.changed());
            more.map_err(|_| io::Error::new(ErrorKind::UnexpectedEof, "it arrived incomplete"))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_spooled_is_read_again_and_again_and_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::begin(folder.path()).unwrap();
        let content = spool.content();
        for piece in ["one ", "two"] {
            spool.write(piece.as_bytes()).await.unwrap();
        }
        spool.finish().await.unwrap();
        assert_eq!(content.bytes(), 7);
        assert_eq!(content.head(4).await.unwrap(), b"one ");
        let plain = Content::from("one two");
        for _ in 0..2 {
            assert_eq!(
                content.digest().await.unwrap(),
                plain.digest().await.unwrap()
            );
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_still_arrives_is_waited_for_and_what_will_not_come_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for whole in [true, false] {
            let mut spool = Spool::begin(folder.path()).unwrap();
            let content = spool.content();
            let (reads, arrived) = (content.clone(), content.clone());
            let reading = tokio::spawn(async move { reads.digest().await });
            let arrived = tokio::spawn(async move { arrived.arrived().await });
            for piece in ["one ", "two"] {
                spool.write(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            assert!(!reading.is_finished() && !arrived.is_finished());
            match whole {
                true => spool.finish().await.unwrap(),
                false => drop(spool),
            }
            arrived.await.unwrap();
            let read = reading.await.unwrap();
            match whole {
                true => assert_eq!(
                    read.unwrap(),
                    Content::from("one two").digest().await.unwrap()
                ),
                false => assert!(is_unread(&read.unwrap_err())),
            }
        }
    }
}
