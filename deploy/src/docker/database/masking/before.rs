//! The content of a server before a mask.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    relations::Relation,
    rows::Cell,
    sketch::Sketch,
    titles::{group_of, name_of},
};

/// The columns that were read before a mask, and their values.
#[derive(Default)]
pub(super) struct Before {
    /// Values by the [group](group_of) of their place; `None` if not all could be read.
    values: BTreeMap<String, Vec<Option<Sketch>>>,
    /// The groups of columns of which digests were read, and of those that were read as JSON.
    digests: BTreeSet<String>,
    documents: BTreeSet<String>,
}

impl Before {
    pub(super) fn add(&mut self, group: String, sketch: Option<Sketch>) {
        self.values.entry(group).or_default().push(sketch);
    }

    /// Remembers that a column is read.
    pub(super) fn reads(&mut self, relation: &Relation, cell: &Cell) {
        let group = group_of(relation, &name_of(relation, cell));
        match cell {
            Cell::Digest(_) => self.digests.insert(group),
            Cell::Document(_) => self.documents.insert(group),
            Cell::Page => false,
        };
    }

    /// Whether a column was read in the same way.
    pub(super) fn has_read(&self, relation: &Relation, cell: &Cell) -> bool {
        let group = group_of(relation, &name_of(relation, cell));
        match cell {
            Cell::Digest(_) => self.digests.contains(&group),
            Cell::Document(_) => self.documents.contains(&group),
            Cell::Page => false,
        }
    }

    /// The values of a group; `None` if it is new.
    pub(super) fn values(&self, group: &str) -> Option<&[Option<Sketch>]> {
        self.values.get(group).map(Vec::as_slice)
    }

    /// All values.
    pub(super) fn sketches(&self) -> impl Iterator<Item = &Sketch> {
        self.values.values().flatten().flatten()
    }
}
