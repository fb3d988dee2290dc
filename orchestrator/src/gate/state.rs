//! What the Gate keeps between two questions.

use deploy::names::PreviewId;

use super::{codes::Codes, openers::Openers};
use crate::{lifecycle::Origin, worker::Workers};

/// The Gate.
pub(super) struct Gate {
    pub(super) workers: Workers,
    pub(super) codes: Codes,
    pub(super) openers: Openers,
}

/// What a preview is made of, where the store tells.
pub(super) async fn origin_of(workers: &Workers, preview: &PreviewId) -> Option<Origin> {
    let row = workers.ports().store.preview(preview).await.ok()??;
    Some(row.desired.origin)
}
