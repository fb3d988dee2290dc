//! What a promise comes to.

use std::fmt;

/// A promise that is kept, or why it is not.
pub type Kept = Result<(), Broken>;

/// What was seen instead of what was promised.
pub struct Broken(String);

impl Broken {
    /// What was seen.
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
