//! The result of checking a promise.

use std::fmt;

/// Whether a promise is kept, or why not.
pub type Kept = Result<(), Broken>;

/// A description of what was observed instead.
pub struct Broken(String);

impl Broken {
    /// Describes what was observed.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            words = format!("{words}: {next}");
            cause = next.source();
        }
        Self(words)
    }
}
