//! Names of the data in the pool.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::names::{DatabaseName, Generation, PreviewId, SnapshotId};

/// The name of data in the pool. Built only from validated words, so its path cannot leave the
/// pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A seeded data directory, the source of forks.
    Snapshot(SnapshotId),
    /// The data directory of one database of a preview.
    Data {
        /// The preview.
        preview: PreviewId,
        /// The generation of the preview's data.
        generation: Generation,
        /// The database.
        database: DatabaseName,
    },
}

impl Place {
    /// The place's folder, relative to the pool's directory.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Snapshot(id) => Path::new(SNAPSHOTS).join(id.as_str()),
            Self::Data {
                preview,
                generation,
                database,
            } => Path::new(PREVIEWS)
                .join(preview.as_str())
                .join(generation.to_string())
                .join(database.as_str()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(id) => write!(f, "snapshot {}", &id.as_str()[..12]),
            Self::Data {
                preview,
                generation,
                database,
            } => write!(
                f,
                "data of {database} in {preview}, generation {generation}"
            ),
        }
    }
}

/// Folders of the pool.
pub(super) const SNAPSHOTS: &str = "snapshots";
pub(super) const PREVIEWS: &str = "previews";
pub(super) const MAKING: &str = "making";
pub(super) const TRASH: &str = "trash";
pub(super) const FOLDERS: [&str; 4] = [SNAPSHOTS, PREVIEWS, MAKING, TRASH];

/// The contents of a place: the data for containers, and the metadata.
pub(super) const DATA: &str = "data";
pub(super) const ABOUT: &str = "about.json";

/// Parses a folder's name as a generation; accepts only the form that Dayfly writes.
pub(super) fn generation(name: &str) -> Option<Generation> {
    let number = Generation(name.strip_prefix('g')?.parse().ok()?);
    (number.to_string() == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_that_is_written_is_a_generation() {
        assert_eq!(generation("g3"), Some(Generation(3)));
        for other in ["g03", "g+3", "3", "g", "g99999999999", "G3"] {
            assert_eq!(generation(other), None, "{other}");
        }
    }
}
