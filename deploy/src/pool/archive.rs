//! Adds places to an archive and publishes them from one.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{SeekFrom, seek},
    io::Errno,
};

use super::{Listing, Place, Pool, PoolError, Staging, error::blocking, layout::Layout};

/// Maximum bytes of a path on Linux, minus a reserve for the prefix.
const PATH_BYTES_MAX: usize = 4096 - 256;

/// Maximum parts of a path in an archive: unpacking deeply nested folders takes ever longer.
pub const ARCHIVE_DEPTH_MAX: usize = 128;

/// Maximum runs of data in one file, each between two holes. The header of a file lists its runs
/// with 24 bytes each, and a reader of archives limits the length of headers.
const RUNS_MAX: u64 = 200_000;
/// No file system has shorter runs and holes, so most files are too short to have too many.
const RUN_BYTES_MIN: u64 = 512;
/// How much of the name of a file is shown.
const NAME_CHARS_MAX: usize = 200;

/// The limits of an archive for the entries of a folder.
#[derive(Clone, Copy)]
struct Limits {
    path_bytes: usize,
    depth: usize,
    runs: u64,
}

/// Why data cannot be put into an archive.
#[derive(Debug, PartialEq, Eq)]
enum Misfit {
    /// A path is too long or too deep.
    Path,
    /// A file has too many runs of data.
    Runs(PathBuf),
}

/// The first entry below a folder that exceeds the limits.
fn misfit(folder: &Path, limits: Limits) -> io::Result<Option<Misfit>> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let left = limits.path_bytes.checked_sub(entry.file_name().len() + 1);
        let (Some(path_bytes), Some(depth)) = (left, limits.depth.checked_sub(1)) else {
            return Ok(Some(Misfit::Path));
        };
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() {
            let limits = Limits {
                path_bytes,
                depth,
                ..limits
            };
            if let Some(found) = misfit(&path, limits)? {
                return Ok(Some(found));
            }
        } else if kind.is_file() && has_more_runs(&path, entry.metadata()?.len(), limits.runs)? {
            return Ok(Some(Misfit::Runs(path)));
        }
    }
    Ok(None)
}

/// Whether a file has more than so many runs of data.
fn has_more_runs(path: &Path, bytes: u64, most: u64) -> io::Result<bool> {
    if bytes / (2 * RUN_BYTES_MIN) < most {
        return Ok(false);
    }
    let file = File::open(path)?;
    let mut at = 0;
    for _ in 0..=most {
        for next in [SeekFrom::Data, SeekFrom::Hole] {
            at = match seek(&file, next(at)) {
                // The end of the file, or a file system without holes.
                Err(Errno::NXIO | Errno::INVAL | Errno::OPNOTSUPP) => return Ok(false),
                other => other?,
            };
        }
    }
    Ok(true)
}

/// A misfit of a place whose copy is in `folder`, for people.
fn told(misfit: &Misfit, folder: &Path, place: &Place) -> String {
    match misfit {
        Misfit::Path => {
            "its paths are too long for an archive; shorten names or folders".to_owned()
        }
        Misfit::Runs(file) => {
            let file = place.path().join(file.strip_prefix(folder).unwrap_or(file));
            let file = crate::terminal::plain(&file.to_string_lossy());
            let file: String = file.chars().take(NAME_CHARS_MAX).collect();
            format!(
                "{file} has more than {RUNS_MAX} holes, too many for an archive; rewrite the file \
                 without holes"
            )
        }
    }
}

impl Staging {
    /// Adds its contents to an archive, under `below` and the place that it is a copy of; blocking.
    /// Keeps owners, modes, times and holes, and adds links as links. Fails with `InvalidFilename`,
    /// without adding anything, if paths are too long or too deep, or a file has too many holes.
    pub fn append_to<W: io::Write>(
        &self,
        archive: &mut tar::Builder<W>,
        below: &Path,
        place: &Place,
    ) -> io::Result<()> {
        let held = self.hold();
        let below = below.join(place.path());
        let limits = Limits {
            path_bytes: PATH_BYTES_MAX.saturating_sub(held.path().as_os_str().len()),
            depth: ARCHIVE_DEPTH_MAX.saturating_sub(below.components().count()),
            runs: RUNS_MAX,
        };
        if let Some(found) = misfit(held.path(), limits)? {
            let why = told(&found, held.path(), place);
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, why));
        }
        archive.follow_symlinks(false);
        archive.append_dir_all(below, held.path())
    }
}

impl Pool {
    /// Publishes every place that was unpacked below a folder of a staging directory, replaces
    /// existing places, and returns them.
    pub async fn publish_unpacked(
        &self,
        staging: Staging,
        below: &Path,
    ) -> Result<Vec<Place>, PoolError> {
        let (layout, root) = (self.layout().clone(), staging.data_path().join(below));
        blocking("publish unpacked places", move || {
            let failed = |error| PoolError::of(format!("publish {}", root.display()), error);
            let unpacked = Layout::new(root.clone()).map_err(failed)?;
            let listing = Listing::of(&unpacked).map_err(failed)?;
            for place in &listing.places {
                let made = unpacked.place(place);
                layout.publish(&made, place).map_err(failed)?;
            }
            // The rest is removed with the staging directory.
            drop(staging);
            Ok(listing.places)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    const LIMITS: Limits = Limits {
        path_bytes: PATH_BYTES_MAX,
        depth: ARCHIVE_DEPTH_MAX,
        runs: RUNS_MAX,
    };

    #[test]
    fn what_is_too_long_or_too_deep_for_an_archive_is_seen_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d/".repeat(20));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("n".repeat(100)), "").unwrap();
        let length = 20 * 2 + 101;
        for (path_bytes, depth, wanted) in [
            (length, 21, None),
            (length - 1, 21, Some(Misfit::Path)),
            (length, 20, Some(Misfit::Path)),
            (PATH_BYTES_MAX, ARCHIVE_DEPTH_MAX, None),
        ] {
            let limits = Limits {
                path_bytes,
                depth,
                ..LIMITS
            };
            let found = misfit(folder.path(), limits).unwrap();
            assert_eq!(found, wanted, "{path_bytes} bytes, {depth} parts");
        }
    }

    #[test]
    fn a_file_with_too_many_holes_for_an_archive_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let path = folder.path().join("data/holes");
        let file = File::create(&path).unwrap();
        for island in 0..4 {
            file.write_all_at(&[7; 4096], island << 20).unwrap();
        }
        file.set_len(8 << 20).unwrap();
        file.sync_all().unwrap();
        for (runs, wanted) in [
            (RUNS_MAX, None),
            (4, None),
            (3, Some(Misfit::Runs(path.clone()))),
        ] {
            let limits = Limits { runs, ..LIMITS };
            let found = misfit(folder.path(), limits).unwrap();
            assert_eq!(found, wanted, "{runs} runs");
        }
        let id = crate::names::SnapshotId::parse(&"a".repeat(64)).unwrap();
        let why = told(&Misfit::Runs(path), folder.path(), &Place::Snapshot(id));
        assert!(why.contains("aaa/data/holes has more than"), "{why}");
    }
}
