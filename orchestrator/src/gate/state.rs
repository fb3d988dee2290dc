//! What the Gate keeps between two questions.

use super::codes::Codes;
use crate::worker::Workers;

/// The Gate.
pub(super) struct Gate {
    pub(super) workers: Workers,
    pub(super) codes: Codes,
}
