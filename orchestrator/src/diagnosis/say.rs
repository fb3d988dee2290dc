//! How a diagnosis is put together.

use crate::{lifecycle::Diagnosis, text};

/// How many lines of evidence a diagnosis carries.
pub const EVIDENCE_LINES_MAX: usize = 30;

/// A diagnosis with its outside text made harmless.
pub(super) fn diagnosis(
    code: &str,
    sentence: String,
    evidence: Vec<String>,
    action: impl Into<String>,
) -> Diagnosis {
    let skip = evidence.len().saturating_sub(EVIDENCE_LINES_MAX);
    let evidence = evidence
        .iter()
        .skip(skip)
        .map(|line| text::plain(line))
        .collect();
    let sentence = text::plain(&sentence);
    Diagnosis {
        code: code.to_owned(),
        sentence,
        evidence,
        action: text::plain(&action.into()),
    }
}
