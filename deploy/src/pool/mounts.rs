//! Reads the kernel's list of mounts.

use std::{
    ffi::OsString,
    io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

const MOUNTS: &str = "/proc/self/mountinfo";

/// All mounts that this process sees, in the kernel's order: later ones are on top.
#[derive(Debug)]
pub(super) struct Mounts(Vec<Mount>);

/// One mount.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The device's numbers, `7:0`.
    device: String,
    /// The device's path, `/dev/loop0`.
    pub(super) source: PathBuf,
    point: PathBuf,
    /// The kind of file system, `ext4`.
    pub(super) kind: String,
}

impl Mounts {
    /// Reads the list.
    pub(super) fn read() -> io::Result<Self> {
        std::fs::read(MOUNTS).map(|text| Self::parse(&text))
    }

    /// The mount on exactly this path, which must not contain links.
    pub(super) fn on(&self, point: &Path) -> Option<&Mount> {
        self.0.iter().rev().find(|mount| mount.point == point)
    }

    /// The mount that contains a path.
    pub(super) fn below(&self, path: &Path) -> Option<&Mount> {
        self.0
            .iter()
            .filter(|mount| path.starts_with(&mount.point))
            .max_by_key(|mount| mount.point.as_os_str().len())
    }

    fn parse(text: &[u8]) -> Self {
        Self(
            text.split(|byte| *byte == b'\n')
                .filter_map(mount)
                .collect(),
        )
    }
}

impl Mount {
    /// The file behind a loop device.
    pub(super) fn backing_file(&self) -> Option<PathBuf> {
        let told = format!("/sys/dev/block/{}/loop/backing_file", self.device);
        let mut path = std::fs::read(told).ok()?;
        if path.ends_with(b"\n") {
            path.pop();
        }
        Some(OsString::from_vec(path).into())
    }
}

/// `id parent device root point options ... - kind source options`
fn mount(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let dash = fields.iter().position(|field| *field == b"-")?;
    let text = |at: usize| Some(String::from_utf8_lossy(fields.get(at)?).into_owned());
    let path = |at: usize| Some(OsString::from_vec(unescaped(fields.get(at)?)).into());
    Some(Mount {
        device: text(2)?,
        source: path(dash + 2)?,
        point: path(4)?,
        kind: text(dash + 1)?,
    })
}

/// Decodes the kernel's octal escapes such as `\040`.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| {
                let digits = std::str::from_utf8(digits).ok()?;
                u8::from_str_radix(digits, 8).ok()
            });
        plain.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"1 0 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        2 1 7:0 / /data/my\\040pool rw,noatime - xfs /dev/loop0 rw\n\
        3 1 7:3 / /data/my\\040pool rw,noatime shared:2 master:1 - btrfs /dev/loop3 rw\n";

    #[test]
    fn the_last_mount_on_a_point_is_the_one_that_is_seen() {
        let mounts = Mounts::parse(TEXT);
        let on = mounts.on(Path::new("/data/my pool")).unwrap();
        assert_eq!((on.device.as_str(), on.kind.as_str()), ("7:3", "btrfs"));
        assert_eq!(mounts.on(Path::new("/data")), None);
    }

    #[test]
    fn a_path_lies_on_the_deepest_mount_above_it() {
        let mounts = Mounts::parse(TEXT);
        assert_eq!(mounts.below(Path::new("/data/my")).unwrap().kind, "ext4");
        assert_eq!(
            mounts.below(Path::new("/data/my pool/x")).unwrap().kind,
            "btrfs"
        );
    }
}
