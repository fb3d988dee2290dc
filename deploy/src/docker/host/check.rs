//! What a look at the host found.

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is about.
    pub name: &'static str,
    /// How it is.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// What to do, where something should be done.
    pub advice: Option<String>,
}

/// How something that was looked at is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckState {
    /// As it should be.
    Good,
    /// It works, with a loss that the advice names.
    Warning,
    /// It does not work, or is not safe.
    Bad,
}

impl Check {
    /// What was found, and what to do about it where something should be done.
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
