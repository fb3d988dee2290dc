//! Files packed by Zstandard, which may hold several frames.

use std::io::{ErrorKind, Read};

use bytes::{Buf as _, Bytes, buf::Reader};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The magic number of a frame that holds no data, without its last four bits (RFC 8878, 3.1.2).
const SKIPPED_FRAME: u32 = 0x0184_D2A5;

/// All frames of a file, one after the other, as programs that pack in parallel write them.
pub(super) struct ZstdFrames {
    rest: Bytes,
    frame: Option<StreamingDecoder<Reader<Bytes>, FrameDecoder>>,
    /// Whether there was any: a file without one is none of this kind.
    seen: bool,
}

impl ZstdFrames {
    pub(super) fn new(rest: Bytes) -> Self {
        Self {
            rest,
            frame: None,
            seen: false,
        }
    }

    /// Leaves out a frame that holds no data but words for other programs; answers whether one came.
    fn skip(&mut self) -> std::io::Result<bool> {
        let Some((head, _)) = self.rest.split_first_chunk::<8>() else {
            return Ok(false);
        };
        let [a, b, c, d, length @ ..] = *head;
        if u32::from_le_bytes([a, b, c, d]) >> 4 != SKIPPED_FRAME {
            return Ok(false);
        }
        let length = u32::from_le_bytes(length) as usize + head.len();
        if length > self.rest.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.rest.advance(length);
        Ok(true)
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
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
                self.rest = frame.into_inner().into_inner();
            }
            if self.rest.is_empty() {
                return match self.seen {
                    true => Ok(0),
                    false => Err(ErrorKind::UnexpectedEof.into()),
                };
            }
            if !self.skip()? {
                let rest = std::mem::take(&mut self.rest);
                let frame = StreamingDecoder::new(rest.reader());
                self.seen = true;
                self.frame = Some(frame.map_err(std::io::Error::other)?);
            }
        }
    }
}
