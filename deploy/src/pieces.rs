//! What one side writes, piece by piece, for another that waits: threads on either side, or tasks.

use std::io::{self, Read, Write};

use bytes::{Buf as _, Bytes};
use futures_util::{Stream, stream};
use tokio::sync::mpsc;

/// One piece of the stream, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// How many pieces may wait for whoever takes them.
const PIECES_WAITING_MAX: usize = 8;

/// Gathers what is written into pieces and hands them on; the last one only when flushed. Blocks
/// while too many wait.
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

/// Where a task writes. An error ends the reading with it.
pub(crate) type Writer = mpsc::Sender<io::Result<Bytes>>;

/// What a task writes, for a thread that may wait for it. Ends when the writer is dropped.
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
    /// Ends the stream with an error, so that nobody takes its beginning for all of it.
    pub fn break_off(self, why: &'static str) {
        // Nobody waits for it any more where this fails.
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
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes any more"))
    }
}
