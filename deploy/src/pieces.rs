//! Byte streams in pieces between a blocking thread and an async task, in either direction.

use std::io::{self, Read, Write};

use bytes::{Buf as _, Bytes};
use futures_util::{Stream, stream};
use tokio::sync::mpsc;

/// Size of a piece, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// Maximum number of pieces that wait for the reader.
const PIECES_WAITING_MAX: usize = 8;

/// Collects written bytes into pieces and sends them; the last piece needs a flush. Blocks while
/// too many pieces wait.
pub struct Sink {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

/// Both ends of a stream that a thread writes and a task reads.
pub fn pieces() -> (
    Sink,
    impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
) {
    let (pieces, received) = mpsc::channel(PIECES_WAITING_MAX);
    let sink = Sink {
        pieces,
        piece: Vec::with_capacity(PIECE_BYTES),
    };
    let taken = stream::unfold(received, async |mut received| {
        received.recv().await.map(|piece| (piece, received))
    });
    (sink, taken)
}

/// The end for a task that writes. A sent error also ends the reader.
pub(crate) type Writer = mpsc::Sender<io::Result<Bytes>>;

/// The end for a blocking thread that reads. It ends when the writer is dropped.
#[derive(Debug)]
pub(crate) struct Pipe {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

/// Both ends of a stream that a task writes and a thread reads.
pub(crate) fn pipe() -> (Writer, Pipe) {
    let (write, pieces) = mpsc::channel(PIECES_WAITING_MAX);
    let piece = Bytes::new();
    (write, Pipe { pieces, piece })
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = self.piece.len().min(buffer.len());
        self.piece
            .split_to(length)
            .copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl Sink {
    /// Ends the stream with an error, so that the reader does not treat it as complete.
    pub fn break_off(self, why: &'static str) {
        // If this fails, the reader is gone.
        let _told = self.pieces.blocking_send(Err(io::Error::other(why)));
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.pieces
            .blocking_send(Ok(Bytes::from(piece)))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the reader is gone"))
    }
}
