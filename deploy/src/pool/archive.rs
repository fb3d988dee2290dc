//! Adds places to an archive and publishes them from one.

use std::{io, path::Path};

use super::{Listing, Place, Pool, PoolError, Staging, error::blocking, layout::Layout};

/// Maximum bytes of a path on Linux, minus a reserve for the prefix.
const PATH_BYTES_MAX: usize = 4096 - 256;

/// Maximum parts of a path in an archive: unpacking deeply nested folders takes ever longer.
pub const ARCHIVE_DEPTH_MAX: usize = 128;

/// Whether no path below a folder is longer than `room` bytes or has more than `depth` parts.
fn fits(folder: &Path, room: usize, depth: usize) -> io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let left = room.checked_sub(entry.file_name().len() + 1);
        let (Some(left), Some(deeper)) = (left, depth.checked_sub(1)) else {
            return Ok(false);
        };
        if entry.file_type()?.is_dir() && !fits(&entry.path(), left, deeper)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Staging {
    /// Adds its contents to an archive, under `below` and the place that it is a copy of; blocking.
    /// Keeps owners, modes, times and holes, and adds links as links. Fails with `InvalidFilename`,
    /// without adding anything, if paths are too long or too deep.
    pub fn append_to<W: io::Write>(
        &self,
        archive: &mut tar::Builder<W>,
        below: &Path,
        place: &Place,
    ) -> io::Result<()> {
        let held = self.hold();
        let room = PATH_BYTES_MAX.saturating_sub(held.path().as_os_str().len());
        let below = below.join(place.path());
        let depth = ARCHIVE_DEPTH_MAX.saturating_sub(below.components().count());
        if !fits(held.path(), room, depth)? {
            let why = "its paths are too long for an archive; shorten names or folders";
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
    use super::*;

    #[test]
    fn what_is_too_long_or_too_deep_for_an_archive_is_seen_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d/".repeat(20));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("n".repeat(100)), "").unwrap();
        let length = 20 * 2 + 101;
        for (room, depth, wanted) in [
            (length, 21, true),
            (length - 1, 21, false),
            (length, 20, false),
            (PATH_BYTES_MAX, ARCHIVE_DEPTH_MAX, true),
        ] {
            let found = fits(folder.path(), room, depth).unwrap();
            assert_eq!(found, wanted, "{room} bytes, {depth} parts");
        }
    }
}
