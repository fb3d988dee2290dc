//! Results of host checks.

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The checked subject.
    pub name: &'static str,
    /// The state of the subject.
    pub state: CheckState,
    /// The finding.
    pub found: String,
    /// Advice on what to do, if anything.
    pub advice: Option<String>,
}

/// The state of a checked subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckState {
    /// It works as expected.
    Good,
    /// It works with a restriction that the advice names.
    Warning,
    /// It does not work, or is not safe.
    Bad,
}

impl Check {
    /// A finding, with advice if anything should be done.
    pub fn new(
        state: CheckState,
        name: &'static str,
        found: String,
        advice: Option<String>,
    ) -> Self {
        Self {
            name,
            state,
            found,
            advice,
        }
    }

    pub(super) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: CheckState::Good,
            found: found.into(),
            advice: None,
        }
    }

    fn not_good(
        state: CheckState,
        name: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            name,
            state,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    pub(super) fn warning(
        name: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::not_good(CheckState::Warning, name, found, advice)
    }

    pub(super) fn bad(
        name: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::not_good(CheckState::Bad, name, found, advice)
    }
}
