//! Parses pointer files like Git LFS (tested with 3.3.0).

use super::super::limits::LFS_POINTER_BYTES_END;

/// Equivalent versions; the first is the current one.
const VERSIONS: [&str; 3] = [
    "https://git-lfs.github.com/spec/v1",
    "https://hawser.github.com/spec/v1",
    "http://git-media.io/v/2",
];

/// The object that a pointer stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// SHA-256 of its content: 64 lower-case digits.
    pub(super) oid: String,
    /// Bytes of its content.
    pub(super) size: u64,
}

/// The content of a file that attributes assign to Git LFS.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// A pointer.
    Pointer(Pointer),
    /// A pointer with extensions: programs on the author's machine changed the content and would
    /// have to change it back.
    Extended,
    /// Plain content, committed without Git LFS.
    Content,
}

/// Parses a file of fewer than 1024 bytes.
pub(super) fn read(file: &[u8]) -> Held {
    if file.len() as u64 >= LFS_POINTER_BYTES_END {
        return Held::Content;
    }
    let text = std::str::from_utf8(file).unwrap_or_default();
    pointer(text).unwrap_or(Held::Content)
}

/// Requires the keys in order: version, extensions, oid, size, and no others.
fn pointer(text: &str) -> Option<Held> {
    let lines = text.trim().lines().filter(|line| !line.is_empty());
    let mut lines = lines.map(|line| line.split_once(' '));
    let (_, version) = lines.next()?.filter(|(key, _)| *key == "version")?;
    VERSIONS.contains(&version).then_some(())?;
    let mut line = lines.next()??;
    let mut extended = false;
    while line.0.starts_with("ext-") {
        extended = true;
        line = lines.next()??;
    }
    let oid = Some(line).filter(|(key, _)| *key == "oid")?.1;
    let oid = oid.strip_prefix("sha256:").filter(|oid| is_oid(oid))?;
    let (_, size) = lines.next()?.filter(|(key, _)| *key == "size")?;
    // Git LFS uses a signed number, so larger values are invalid.
    let size: i64 = size.parse().ok().filter(|size| *size >= 0)?;
    if lines.next().is_some() {
        return None;
    }
    Some(match extended {
        true => Held::Extended,
        false => Held::Pointer(Pointer {
            oid: oid.to_owned(),
            size: size.cast_unsigned(),
        }),
    })
}

/// Whether this is a SHA-256 as Git LFS writes it.
pub(super) fn is_oid(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `hello`.
    const OID: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn of(size: u64) -> Held {
        Held::Pointer(Pointer {
            oid: OID.to_owned(),
            size,
        })
    }

    fn written(text: &str) -> Held {
        let version = "version https://git-lfs.github.com/spec/v1";
        read(
            text.replace("VERSION", version)
                .replace("OID", OID)
                .as_bytes(),
        )
    }

    /// Each text was passed to `git lfs smudge` of Git LFS 3.3.0, beside an object `hello`.
    #[test]
    fn what_git_lfs_takes_for_a_pointer_is_one() {
        for text in [
            "VERSION\noid sha256:OID\nsize 5\n",
            "VERSION\noid sha256:OID\nsize 5",
            "VERSION\noid sha256:OID\nsize 5\n\n",
            "\nVERSION\noid sha256:OID\nsize 5\n",
            " VERSION\noid sha256:OID\nsize 5\n",
            "VERSION\n\noid sha256:OID\nsize 5\n",
            "VERSION\r\noid sha256:OID\r\nsize 5\r\n",
            "VERSION\noid sha256:OID\nsize 05\n",
            "VERSION\noid sha256:OID\nsize +5\n",
            "version https://hawser.github.com/spec/v1\noid sha256:OID\nsize 5\n",
            "version http://git-media.io/v/2\noid sha256:OID\nsize 5\n",
        ] {
            assert_eq!(written(text), of(5), "{text}");
        }
        let empty = "VERSION\noid sha256:OID\nsize 0\n";
        assert_eq!(written(empty), of(0));
    }

    /// `git lfs smudge` of Git LFS 3.3.0 passed each text through unchanged.
    #[test]
    fn what_git_lfs_takes_for_content_is_content() {
        for text in [
            "",
            "VERSION\nsize 5\noid sha256:OID\n",
            "VERSION\nfoo bar\noid sha256:OID\nsize 5\n",
            "VERSION\noid sha256:OID\nsize 5\nx y\n",
            "VERSION\noid sha256:abc\nsize 5\n",
            "VERSION\noid md5:abc\nsize 5\n",
            "VERSION\noid sha256:OID\nsize -5\n",
            "VERSION\noid sha256:OID\nsize  5\n",
            "VERSION\noid sha256:OID\nsize 99999999999999999999\n",
            "VERSION\noid sha256:OID \nsize 5 \n",
            "version https://git-lfs.github.com/spec/v2\noid sha256:OID\nsize 5\n",
            "\u{feff}VERSION\noid sha256:OID\nsize 5\n",
        ] {
            assert_eq!(written(text), Held::Content, "{text}");
        }
        let upper = format!("VERSION\noid sha256:{}\nsize 5\n", OID.to_uppercase());
        assert_eq!(written(&upper), Held::Content);
        let long = format!(
            "VERSION\noid sha256:OID\nsize 5\n{}",
            "\n".repeat(1024 - 126)
        );
        assert_eq!(written(&long), Held::Content);
        assert_eq!(written(&long[..long.len() - 1]), of(5));
        assert_eq!(read(b"\xff\xfe"), Held::Content);
    }

    #[test]
    fn a_pointer_with_extensions_is_told_apart() {
        let text = "VERSION\next-0-foo sha256:OID\next-1-bar sha256:OID\noid sha256:OID\nsize 5\n";
        assert_eq!(written(text), Held::Extended);
        assert_eq!(written("VERSION\next-0-foo sha256:OID\n"), Held::Content);
    }
}
