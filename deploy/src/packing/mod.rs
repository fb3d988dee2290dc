//! Decompresses files, whose format is recognised by the end of their names.

mod zstd_frames;

use std::io::Read;

use lzma_rust2::XzReader;

use zstd_frames::ZstdFrames;

/// Maximum memory for decompression, in KiB: `xz -9` needs 64 MiB.
const XZ_MEMORY_KIB_MAX: u32 = 80 << 10;

/// The compression of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// None.
    Plain,
    /// Gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Xz.
    Xz,
    /// Bzip2.
    Bzip2,
}

impl Packing {
    /// From the end of a file's name, in upper or lower case.
    pub(crate) fn of(path: &str) -> Self {
        Self::split(path).1
    }

    /// A file's name without the suffix of its compression, and the compression.
    pub(crate) fn split(path: &str) -> (&str, Self) {
        let Some((name, end)) = path.rsplit_once('.') else {
            return (path, Self::Plain);
        };
        let packing = match end.to_ascii_lowercase().as_str() {
            "gz" => Self::Gzip,
            "zst" => Self::Zstd,
            "xz" => Self::Xz,
            "bz2" => Self::Bzip2,
            _ => return (path, Self::Plain),
        };
        (name, packing)
    }

    /// Decompresses a file. Reads all parts of a file with several compressed parts, as parallel
    /// compressors write it.
    pub(crate) fn reader(self, bytes: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        match self {
            Self::Plain => bytes,
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
            Self::Zstd => Box::new(ZstdFrames::new(bytes)),
            Self::Xz => Box::new(XzReader::new_mem_limit(bytes, true, XZ_MEMORY_KIB_MAX)),
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// `select 1;` as `xz` 5.4 and `bzip2` 1.0.8 pack it.
    const XZ: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a301000873656c65637420313b000000\
                      00ee7201341d23bf0f000121096c18c5d51fb6f37d010000000004595a";
    const BZIP2: &str = "425a68393141592653596f265ce30000039980400020080a040c002000310c0820d19a862705\
                         0f1772453850906f265ce3";

    fn unpack(path: &str, packed: &[u8]) -> std::io::Result<String> {
        let mut text = String::new();
        let packed = Box::new(Cursor::new(packed.to_vec()));
        Packing::of(path).reader(packed).read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn every_part_is_unpacked_and_what_is_cut_off_or_follows_is_told() {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"select 1;").unwrap();
        for (path, part) in [
            ("a.sql.gz", gzip.finish().unwrap()),
            ("a.SQL.XZ", hex::decode(XZ).unwrap()),
            ("a.sql.bz2", hex::decode(BZIP2).unwrap()),
            ("a.sql.zst", frame(b"select 1;")),
        ] {
            assert_eq!(unpack(path, &part).unwrap(), "select 1;", "{path}");
            let twice = [part.clone(), part.clone()].concat();
            assert_eq!(
                unpack(path, &twice).unwrap(),
                "select 1;select 1;",
                "{path}"
            );
            let cut = &part[..part.len() - 3];
            assert!(unpack(path, cut).is_err(), "{path}, cut off");
            assert!(
                unpack(path, b"no such thing").is_err(),
                "{path}, something else"
            );
            assert!(unpack(path, b"").is_err(), "{path}, empty");
        }
    }

    /// A frame with one uncompressed block, as in RFC 8878.
    fn frame(content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, length];
        let block = u32::from(length) << 3 | 1;
        frame.extend_from_slice(&block.to_le_bytes()[..3]);
        frame.extend_from_slice(content);
        frame
    }

    #[test]
    fn frames_without_data_are_passed_by() {
        let mut packed = frame(b"select 1;");
        packed.extend_from_slice(&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 7, 7, 7]);
        packed.extend(frame(b"select 2;"));
        assert_eq!(unpack("a.zst", &packed).unwrap(), "select 1;select 2;");
        packed.push(1);
        assert!(unpack("a.zst", &packed).is_err());
    }

    #[test]
    fn an_archive_that_asks_for_much_memory_is_refused() {
        // The same with a dictionary of 4 GiB, as its header says.
        let mut packed = hex::decode(XZ).unwrap();
        packed[16] = 40;
        let checked = packed[12..20].to_vec();
        let mut crc = flate2::Crc::new();
        crc.update(&checked);
        packed.splice(20..24, crc.sum().to_le_bytes());
        let error = unpack("a.xz", &packed).unwrap_err().to_string();
        assert!(error.contains("memory"), "{error}");
    }
}
