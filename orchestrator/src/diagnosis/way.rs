//! What the reader of a diagnosis can do with a preview: previews of different origins have different ways.

use crate::lifecycle::Origin;

/// How a preview gets its next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way(pub Origin);

impl Way {
    /// What makes the next try, to follow "then".
    pub(super) fn again(self) -> &'static str {
        match self.0 {
            Origin::PullRequest => "push",
            Origin::Local => "run `dayfly up` again",
            Origin::Fork => "take another fork of the preview that this one came from",
            Origin::Capture => "take another capture of the preview that this one came from",
            Origin::Database => "make another one with `dayfly db create`",
        }
    }

    /// The same where nothing has to be fixed first: a sentence of its own.
    pub(super) fn retry(self) -> String {
        let mut retry = self.again().to_owned();
        retry.replace_range(..1, &retry[..1].to_uppercase());
        retry + " to try it once more."
    }

    /// What a file is missing in.
    pub(super) fn source(self) -> &'static str {
        match self.0 {
            Origin::Local => "the files that were sent",
            _ => "the commit",
        }
    }

    /// How a file that is missing gets there.
    pub(super) fn add(self) -> &'static str {
        match self.0 {
            Origin::Local => "Put the file there (what .gitignore names is not sent)",
            _ => "Commit the file",
        }
    }

    /// Whether a `dayfly.toml` says what it is.
    pub(super) fn has_file(self) -> bool {
        self.0 != Origin::Database
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_a_way_that_the_preview_does_not_have() {
        for (origin, way, not) in [
            (Origin::PullRequest, "push", "dayfly up"),
            (Origin::Local, "dayfly up", "push"),
            (Origin::Fork, "fork", "push"),
            (Origin::Capture, "capture", "push"),
            (Origin::Database, "dayfly db create", "push"),
        ] {
            let (again, retry) = (Way(origin).again(), Way(origin).retry().to_lowercase());
            assert!(again.contains(way) && !again.contains(not), "{again}");
            assert!(retry.contains(way) && !retry.contains(not), "{retry}");
        }
    }
}
