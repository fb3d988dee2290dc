//! Files that were packed, told by the ends of their names.

mod zstd_frames;

use std::io::Read;

use bytes::{Buf as _, Bytes};

use zstd_frames::ZstdFrames;

/// How a file was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Not at all.
    Plain,
    /// By gzip.
    Gzip,
    /// By Zstandard.
    Zstd,
}

impl Packing {
    /// By the end of a file's name, in any case of letters.
    pub(crate) fn of(path: &str) -> Self {
        let path = path.to_ascii_lowercase();
        match path.rsplit_once('.') {
            Some((_, "gz")) => Self::Gzip,
            Some((_, "zst")) => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// Reads what a file's bytes unpack to.
    pub(crate) fn reader(self, bytes: Bytes) -> Box<dyn Read + Send> {
        match self {
            Self::Plain => Box::new(bytes.reader()),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes.reader())),
            Self::Zstd => Box::new(ZstdFrames::new(bytes)),
        }
    }
}
