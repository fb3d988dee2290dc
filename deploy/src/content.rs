//! What a file holds, wherever it lies. Large ones are never held in memory as a whole.

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

/// Pieces in which a content is read as a whole, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// A content that can be read again and again. Clones share it.
#[derive(Clone, Debug)]
pub struct Content(Place);

/// Where a content stays until it is read.
pub(crate) trait Elsewhere: fmt::Debug + Send + Sync {
    /// How many bytes it has.
    fn bytes(&self) -> u64;

    /// Its content, which a task of the runtime writes while it is read.
    fn pipe(&self, runtime: &Handle) -> Pipe;
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Bytes),
    Spooled(Arc<Spooled>),
    Elsewhere(Arc<dyn Elsewhere>),
}

impl Content {
    /// One that stays where it is.
    pub(crate) fn elsewhere(file: impl Elsewhere + 'static) -> Self {
        Self(Place::Elsewhere(Arc::new(file)))
    }

    /// How many bytes it has; of one that still arrives, how many there are so far.
    pub fn bytes(&self) -> u64 {
        match &self.0 {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::Spooled(spooled) => spooled.arrival.borrow().bytes,
            Place::Elsewhere(file) => file.bytes(),
        }
    }

    /// Waits until all of it is there, or will not be.
    pub(crate) async fn arrived(&self) {
        if let Place::Spooled(spooled) = &self.0 {
            let mut arrival = spooled.arrival.clone();
            // Where nobody writes any more, no more comes.
            let _ = arrival.wait_for(|arrival| arrival.whole).await;
        }
    }

    /// Reads it from its beginning, in a thread that may wait and that belongs to a runtime.
    ///
    /// # Errors
    /// Where it cannot be opened.
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

/// A content could not be read, which is no fault of what it holds and may pass by itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unread(io::Error);

/// Whether an error is about the reading of a content, and not about what it holds.
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

/// What is written into a file without a name. The file goes with its last reader.
#[derive(Debug)]
pub struct Spool {
    file: tokio::fs::File,
    arrival: watch::Sender<Arrival>,
    content: Content,
}

/// How much of a spooled content is there.
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
    /// Begins one on the file system of a folder.
    ///
    /// # Errors
    /// Where no file can be made there.
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

    /// What is written, to be read already: a reader waits for what is not there yet, and fails where
    /// this is dropped before [`Spool::finish`].
    pub fn content(&self) -> Content {
        self.content.clone()
    }

    /// Appends a piece.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        tokio::io::AsyncWriteExt::write_all(&mut self.file, piece).await?;
        self.arrival
            .send_modify(|arrival| arrival.bytes += piece.len() as u64);
        Ok(())
    }

    /// How many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.arrival.borrow().bytes
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// Where the rest cannot be written.
    pub async fn finish(mut self) -> io::Result<()> {
        tokio::io::AsyncWriteExt::flush(&mut self.file).await?;
        self.arrival.send_modify(|arrival| arrival.whole = true);
        Ok(())
    }
}

/// One reading of a file that others may read meanwhile, and that may still be written.
struct SpooledReader {
    spooled: Arc<Spooled>,
    at: u64,
    runtime: Handle,
}

impl Read for SpooledReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut arrival = self.spooled.arrival.clone();
        loop {
            // Before the look into the file, since more may come after it.
            let whole = arrival.borrow_and_update().whole;
            let read = self.spooled.file.read_at(buffer, self.at)?;
            self.at += read as u64;
            if read > 0 || whole || buffer.is_empty() {
                return Ok(read);
            }
            let more = self.runtime.block_on(arrival.changed());
            more.map_err(|_| io::Error::new(ErrorKind::UnexpectedEof, "it did not arrive whole"))?;
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
