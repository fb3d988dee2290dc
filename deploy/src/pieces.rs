//! What one thread writes, as a stream of pieces for another that waits.

use std::io::{self, Write};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::mpsc;

/// One piece of the stream, in bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// How many pieces may wait for whoever takes them.
const PIECES_WAITING_MAX: usize = 8;

/// Gathers what is written into pieces and hands them on; the last one only when flushed. Blocks
/// while too many wait.
pub(crate) struct Sink {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

/// Both ends of a stream.
pub(crate) fn pieces() -> (
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

impl Sink {
    /// Ends the stream with an error, so that nobody takes its beginning for all of it.
    pub(crate) fn break_off(self, why: &'static str) {
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
