//! Decompresses Zstandard files with several frames.

use std::io::{self, BufReader, Chain, Cursor, ErrorKind, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The magic number of a skippable frame, without its last four bits (RFC 8878, 3.1.2).
const SKIPPED_FRAME: u32 = 0x0184_D2A5;
/// Bytes of a frame's magic number and of a skippable frame's length. No frame is shorter.
const HEAD_BYTES: usize = 8;

type Source = BufReader<Box<dyn Read + Send>>;
type Frame = StreamingDecoder<Chain<Cursor<Vec<u8>>, Source>, FrameDecoder>;

/// All frames of a file in sequence, as parallel compressors write them.
pub(super) struct ZstdFrames {
    /// The input after the current frame.
    rest: Option<Source>,
    frame: Option<Box<Frame>>,
    /// Whether a frame was found: a file without one is not a Zstandard file.
    seen: bool,
}

impl ZstdFrames {
    pub(super) fn new(packed: Box<dyn Read + Send>) -> Self {
        Self {
            rest: Some(BufReader::new(packed)),
            frame: None,
            seen: false,
        }
    }

    /// Advances to the next frame with data; returns whether there is one.
    fn next(&mut self) -> io::Result<bool> {
        let Some(mut rest) = self.rest.take() else {
            return Ok(false);
        };
        loop {
            let mut head = Vec::with_capacity(HEAD_BYTES);
            rest.by_ref()
                .take(HEAD_BYTES as u64)
                .read_to_end(&mut head)?;
            if head.is_empty() {
                return match self.seen {
                    true => Ok(false),
                    false => Err(ErrorKind::UnexpectedEof.into()),
                };
            }
            if let Some(length) = skipped(&head) {
                let passed = io::copy(&mut rest.by_ref().take(length), &mut io::sink())?;
                if passed < length {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                continue;
            }
            let frame = StreamingDecoder::new(Cursor::new(head).chain(rest));
            self.seen = true;
            self.frame = Some(Box::new(frame.map_err(io::Error::other)?));
            return Ok(true);
        }
    }
}

/// The length of a skippable frame.
fn skipped(head: &[u8]) -> Option<u64> {
    let [a, b, c, d, length @ ..] = *head.first_chunk::<HEAD_BYTES>()?;
    let magic = u32::from_le_bytes([a, b, c, d]) >> 4;
    (magic == SKIPPED_FRAME).then(|| u64::from(u32::from_le_bytes(length)))
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
            }
            if let Some(frame) = self.frame.take() {
                let (_, rest) = frame.into_inner().into_inner();
                self.rest = Some(rest);
            }
            if !self.next()? {
                return Ok(0);
            }
        }
    }
}
