//! Builds diagnoses from sentences, evidence and actions.

use super::way::capital;
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
    // All lines of the sentence but the first go to the start of the evidence.
    let mut lines = sentence.lines();
    let sentence = text::plain(lines.next().unwrap_or_default());
    let evidence: Vec<&str> = lines.chain(evidence.iter().map(String::as_str)).collect();
    let evidence = folded(&evidence);
    let skip = evidence.len().saturating_sub(EVIDENCE_LINES_MAX);
    let evidence = evidence.into_iter().skip(skip).collect();
    Diagnosis {
        code: code.to_owned(),
        sentence,
        evidence,
        action: text::plain(&action.into()),
    }
}

/// The lines made harmless; runs of equal lines become one line.
fn folded(lines: &[&str]) -> Vec<String> {
    let runs = lines.chunk_by(|one, next| one == next);
    runs.map(|run| match run {
        [one] => text::plain(one),
        [one, ..] => format!("{} ({} times)", text::plain(one), run.len()),
        [] => String::new(),
    })
    .collect()
}

/// One sentence on the evidence: it is the last output of the failed program, or there is none.
pub(super) fn last_lines(lines: &[String], printed_by: &str) -> String {
    match lines {
        [] => format!("{} printed nothing.", capital(printed_by)),
        _ => format!("The quoted lines are the last output of {printed_by}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_comes_again_and_again_is_shown_once_with_how_often() {
        let lines = ["GET / 500", "GET / 500", "GET / 500", "ready", "GET / 500"];
        let lines = lines.map(ToOwned::to_owned).to_vec();
        let shown = diagnosis("DF306", "web answers 500".to_owned(), lines, "Fix it.").evidence;
        assert_eq!(shown, ["GET / 500 (3 times)", "ready", "GET / 500"]);
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
