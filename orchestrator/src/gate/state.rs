//! The Gate's state between two questions of the proxy.

use deploy::names::PreviewId;

use super::{codes::Codes, openers::Openers};
use crate::{lifecycle::Origin, worker::Workers};

/// The Gate.
pub(super) struct Gate {
    pub(super) workers: Workers,
    pub(super) codes: Codes,
    pub(super) openers: Openers,
}

/// The origin of a preview; none if the store cannot be read or does not have the preview.
pub(super) async fn origin_of(workers: &Workers, preview: &PreviewId) -> Option<Origin> {
    let row = workers.ports().store.preview(preview).await.ok()??;
    Some(row.desired.origin)
}
