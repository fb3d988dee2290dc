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
    // What a server says in several lines begins the evidence with all but the first of them.
    let mut lines = sentence.lines();
    let sentence = text::plain(lines.next().unwrap_or_default());
    let evidence: Vec<&str> = lines.chain(evidence.iter().map(String::as_str)).collect();
    let skip = evidence.len().saturating_sub(EVIDENCE_LINES_MAX);
    let evidence = evidence.into_iter().skip(skip).map(text::plain).collect();
    Diagnosis {
        code: code.to_owned(),
        sentence,
        evidence,
        action: text::plain(&action.into()),
    }
}
