//! Lists everything that is published.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Place, Pool, PoolError,
    layout::Layout,
    place::{DATA, PREVIEWS, SNAPSHOTS, generation},
};
use crate::names::{DatabaseName, PreviewId, SnapshotId};

/// The published contents of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// All places with data, sorted.
    pub places: Vec<Place>,
    /// Paths among them that Dayfly did not create; it never touches them.
    pub strangers: Vec<PathBuf>,
}

impl Pool {
    /// Lists everything that is published.
    pub async fn list(&self) -> Result<Listing, PoolError> {
        self.changing("list the pool", Listing::of).await
    }

    /// Every place of one preview.
    pub async fn list_of(&self, preview: &PreviewId) -> Result<Vec<Place>, PoolError> {
        let preview = preview.clone();
        self.changing("list a preview's data", move |layout| {
            let mut listing = Listing::default();
            let path = layout.folder(PREVIEWS).join(preview.as_str());
            listing.add_preview(&path, &preview)?;
            listing.places.sort();
            Ok(listing.places)
        })
        .await
    }
}

impl Listing {
    pub(super) fn of(layout: &Layout) -> io::Result<Self> {
        let mut listing = Self::default();
        listing.add_snapshots(&layout.folder(SNAPSHOTS))?;
        for (path, preview) in listing.known(&layout.folder(PREVIEWS), parsed_preview)? {
            listing.add_preview(&path, &preview)?;
        }
        listing.places.sort();
        Ok(listing)
    }

    fn add_snapshots(&mut self, path: &Path) -> io::Result<()> {
        for (path, id) in self.known(path, |name| SnapshotId::parse(name).ok())? {
            self.add(path, Place::Snapshot(id));
        }
        Ok(())
    }

    fn add_preview(&mut self, path: &Path, preview: &PreviewId) -> io::Result<()> {
        for (path, generation) in self.known(path, generation)? {
            for (path, database) in self.known(&path, |name| DatabaseName::parse(name).ok())? {
                let preview = preview.clone();
                let place = Place::Data {
                    preview,
                    generation,
                    database,
                };
                self.add(path, place);
            }
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf, place: Place) {
        if path.join(DATA).is_dir() {
            self.places.push(place);
        } else {
            self.strangers.push(path);
        }
    }

    /// The folders with valid names; all others are reported as strangers.
    fn known<T>(
        &mut self,
        folder: &Path,
        parse: impl Fn(&str) -> Option<T>,
    ) -> io::Result<Vec<(PathBuf, T)>> {
        let entries = match fs::read_dir(folder) {
            // It may be removed during the listing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut known = Vec::new();
        for entry in entries {
            let entry = entry?;
            let parsed = entry.file_name().to_str().and_then(&parse);
            match parsed.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                Some(name) => known.push((entry.path(), name)),
                None => self.strangers.push(entry.path()),
            }
        }
        Ok(known)
    }
}

fn parsed_preview(name: &str) -> Option<PreviewId> {
    PreviewId::parse(name).ok()
}
