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

/// What becomes of the last lines of what failed, as a sentence about it.
pub(super) fn last_lines(lines: &[String], printed_by: &str) -> String {
    match lines {
        [] => format!("{printed_by} printed nothing."),
        _ => format!("{printed_by}'s last lines are shown."),
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::Diagnosis;

    fn whole(diagnosis: &Diagnosis) -> String {
        let (code, sentence, action) = (&diagnosis.code, &diagnosis.sentence, &diagnosis.action);
        format!("{code}: {sentence}. {action}")
    }

    /// Each of these words is in it.
    pub(in crate::diagnosis) fn says(diagnosis: &Diagnosis, right: &[&str]) {
        let said = whole(diagnosis);
        for words in right {
            assert!(said.contains(words), "{words:?} is not in {said:?}");
        }
    }

    /// None of these words is in it: they are its neighbours'.
    pub(in crate::diagnosis) fn says_not(diagnosis: &Diagnosis, wrong: &[&str]) {
        let said = whole(diagnosis);
        for words in wrong {
            assert!(!said.contains(words), "{words:?} is in {said:?}");
        }
    }
}
