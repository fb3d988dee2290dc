//! Who opened which copy of a capture.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use deploy::names::PreviewId;
use proxy::table::SessionDigest;

use crate::store::PreviewRow;

/// Who opened which copy; visitors without a session count as one. Forgotten when the server stops.
#[derive(Default)]
pub(super) struct Openers {
    by: Mutex<BTreeMap<PreviewId, Option<SessionDigest>>>,
    /// Held while copies are counted and one more is asked for.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Openers {
    /// Notes who opened a copy.
    pub(super) fn note(&self, copy: PreviewId, visitor: Option<SessionDigest>) {
        let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        by.insert(copy, visitor);
    }

    /// How many of the copies that are open a visitor opened; those that are gone are forgotten.
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

/// Whether it is there.
pub(super) fn is_open(row: &PreviewRow) -> bool {
    row.gone_at_ms.is_none()
}

/// Whether it was taken of the capture.
pub(super) fn is_copy_of(row: &PreviewRow, capture: &PreviewId) -> bool {
    let parent = row.desired.parent.as_ref();
    parent.is_some_and(|parent| parent.preview == *capture)
}
