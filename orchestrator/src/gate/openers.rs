//! Which visitor opened which copy of a capture.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use deploy::names::PreviewId;
use proxy::table::SessionDigest;

use crate::store::PreviewRow;

/// Which visitor opened which copy. Visitors without a session count as one. Kept in memory only.
#[derive(Default)]
pub(super) struct Openers {
    by: Mutex<BTreeMap<PreviewId, Option<SessionDigest>>>,
    /// Held while the open copies are counted and another one is created.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Openers {
    /// Records the visitor of a copy.
    pub(super) fn note(&self, copy: PreviewId, visitor: Option<SessionDigest>) {
        let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        by.insert(copy, visitor);
    }

    /// How many open copies of the capture this visitor has. Drops the records of removed copies.
    pub(super) fn opened_by(
        &self,
        visitor: Option<&SessionDigest>,
        capture: &PreviewId,
        rows: &[PreviewRow],
    ) -> usize {
        let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |id: &PreviewId| rows.iter().find(|row| row.id == *id && is_open(row));
        by.retain(|id, _| open(id).is_some());
        let counts = |(id, whose): &(&PreviewId, &Option<SessionDigest>)| {
            whose.as_ref() == visitor && open(id).is_some_and(|row| is_copy_of(row, capture))
        };
        by.iter().filter(counts).count()
    }
}

/// Whether the preview is not removed yet.
pub(super) fn is_open(row: &PreviewRow) -> bool {
    row.gone_at_ms.is_none()
}

/// Whether the preview is a copy of the capture.
pub(super) fn is_copy_of(row: &PreviewRow, capture: &PreviewId) -> bool {
    let parent = row.desired.parent.as_ref();
    parent.is_some_and(|parent| parent.preview == *capture)
}
