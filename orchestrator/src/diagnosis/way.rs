//! How the reader of a diagnosis can retry a preview. It depends on the preview's origin.

use crate::lifecycle::Origin;

/// How to retry a preview of this origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way(pub Origin);

impl Way {
    /// The command or act that retries, to follow "then".
    pub(super) fn again(self) -> &'static str {
        match self.0 {
            Origin::PullRequest => "push",
            Origin::Local => "run `dayfly up` again",
            Origin::Fork => "take another fork of the original preview",
            Origin::Capture => "take another capture of the original preview",
            Origin::Database => "create another with `dayfly db create`",
        }
    }

    /// The same as a sentence, if there is nothing to fix first.
    pub(super) fn retry(self) -> String {
        let mut retry = self.again().to_owned();
        retry.replace_range(..1, &retry[..1].to_uppercase());
        retry + " to try once more."
    }

    /// The place in which a file is missing.
    pub(super) fn source(self) -> &'static str {
        match self.0 {
            Origin::Local => "the files that were sent",
            _ => "the commit",
        }
    }

    /// How to add a missing file.
    pub(super) fn add(self) -> &'static str {
        match self.0 {
            Origin::Local => "Add the file (files that .gitignore lists are not sent)",
            _ => "Commit the file",
        }
    }

    /// Whether a `dayfly.toml` describes it.
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
