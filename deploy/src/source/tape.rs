//! Writes the pieces of a tar archive: POSIX headers with extended records where needed.

use tar::{EntryType, Header};

/// One block of an archive.
pub(super) const BLOCK: usize = 512;

/// 2000-01-01T00:00:00Z in seconds: the time of every entry without its own time.
pub(super) const EPOCH_SECONDS: u64 = 946_684_800;

/// One entry of an archive.
pub(super) struct Item<'a> {
    /// Its path; folders have no trailing slash here.
    pub(super) path: &'a str,
    /// Its kind.
    pub(super) kind: Kind<'a>,
    /// Nanoseconds after [`EPOCH_SECONDS`].
    pub(super) nanos: u64,
}

/// The kind of an entry.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    /// A file.
    File {
        /// Bytes of its content.
        size: u64,
        /// Whether it is executable.
        executable: bool,
    },
    /// A symbolic link to this target.
    Link(&'a str),
    /// A submodule without its files.
    Submodule,
}

/// The extended record that marks a submodule without its files. Other readers ignore it and see an
/// empty folder, like in the output of `git archive`.
pub(super) const SUBMODULE_RECORD: &str = "DAYFLY.submodule";

/// The headers of an entry. Owner is root, modes are 0644 and 0755.
pub(super) fn head(item: &Item<'_>) -> Vec<u8> {
    let (kind, size, mode, target) = match item.kind {
        Kind::File { size, executable } => (
            EntryType::Regular,
            size,
            if executable { 0o755 } else { 0o644 },
            "",
        ),
        Kind::Link(target) => (EntryType::Symlink, 0, 0o777, target),
        Kind::Submodule => (EntryType::Directory, 0, 0o755, ""),
    };
    let path = item.path;
    let seconds = EPOCH_SECONDS + item.nanos / 1_000_000_000;
    let mut records = Vec::new();
    if matches!(item.kind, Kind::Submodule) {
        record(&mut records, SUBMODULE_RECORD, "absent");
    }
    if !item.nanos.is_multiple_of(1_000_000_000) {
        let time = format!("{seconds}.{:09}", item.nanos % 1_000_000_000);
        record(&mut records, "mtime", &time);
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(seconds);
    let plain = |text: &str| text.len() <= 100 && text.is_ascii();
    set_name(
        &mut header,
        if plain(path) { path } else { "long" },
        target,
        plain(target),
    );
    if !plain(path) {
        record(&mut records, "path", path);
    }
    if !plain(target) {
        record(&mut records, "linkpath", target);
    }
    header.set_cksum();
    let mut bytes = Vec::with_capacity(3 * BLOCK);
    if !records.is_empty() {
        let mut extended = Header::new_ustar();
        extended.set_entry_type(EntryType::XHeader);
        extended.set_size(records.len() as u64);
        extended.set_mode(0o644);
        extended.set_uid(0);
        extended.set_gid(0);
        extended.set_mtime(EPOCH_SECONDS);
        set_name(&mut extended, "extended", "", true);
        extended.set_cksum();
        bytes.extend_from_slice(extended.as_bytes());
        bytes.extend_from_slice(&records);
        bytes.extend_from_slice(padding(records.len() as u64));
    }
    bytes.extend_from_slice(header.as_bytes());
    bytes
}

/// The zeros that fill the last block of a content of `size` bytes.
pub(super) fn padding(size: u64) -> &'static [u8] {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over == 0 { &[] } else { &ZEROS[over..] }
}

/// The end of an archive.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Writes names as bytes: the crate's own setters would interpret `..` and slashes.
fn set_name(header: &mut Header, path: &str, target: &str, keep_target: bool) {
    if let Some(ustar) = header.as_ustar_mut() {
        let length = path.len().min(ustar.name.len());
        ustar.name[..length].copy_from_slice(&path.as_bytes()[..length]);
        if keep_target {
            ustar.linkname[..target.len()].copy_from_slice(target.as_bytes());
        }
    }
}

/// Appends `<length> <key>=<value>\n`; the length includes its own digits.
fn record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    fn archive(items: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, content) in items {
            let size = content.len() as u64;
            let kind = Kind::File {
                size,
                executable: false,
            };
            bytes.extend(head(&Item {
                path,
                kind,
                nanos: 1_234_567_891,
            }));
            bytes.extend_from_slice(content);
            bytes.extend_from_slice(padding(size));
        }
        bytes.extend_from_slice(&END);
        bytes
    }

    #[test]
    fn a_time_has_nanoseconds() {
        let bytes = archive(&[("a".into(), b"x".to_vec())]);
        let mut tar = tar::Archive::new(bytes.as_slice());
        let mut entry = tar.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.header().mtime().unwrap(), EPOCH_SECONDS + 1);
        let records = entry.pax_extensions().unwrap().unwrap();
        let times: Vec<_> = records
            .map(|r| r.unwrap())
            .map(|r| (r.key().unwrap().to_owned(), r.value().unwrap().to_owned()))
            .collect();
        assert_eq!(
            times,
            [("mtime".to_owned(), "946684801.234567891".to_owned())]
        );
    }

    proptest! {
        #[test]
        fn another_reader_reads_what_was_written(
            items in prop::collection::vec(("[a-zé\u{202e}]{1,130}(/[a-z-]{1,130}){0,2}", prop::collection::vec(any::<u8>(), 0..1500)), 0..6)
        ) {
            let bytes = archive(&items);
            prop_assert_eq!(bytes.len() % BLOCK, 0);
            let mut tar = tar::Archive::new(bytes.as_slice());
            let mut read = Vec::new();
            for entry in tar.entries().unwrap() {
                let mut entry = entry.unwrap();
                let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                read.push((path, content));
            }
            prop_assert_eq!(read, items);
        }
    }
}
