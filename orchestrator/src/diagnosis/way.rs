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
            Origin::Fork => "fork the original preview again",
            Origin::Capture => "capture the original preview again",
            Origin::Database => "create the database again with `dayfly db create`",
        }
    }

    /// The same as a sentence, if there is nothing to fix first.
    pub(super) fn retry(self) -> String {
        match self.0 {
            Origin::PullRequest => "Push any commit to try once more.".to_owned(),
            _ => format!("{} to try once more.", capital(self.again())),
        }
    }

    /// Whether the reader works on the server's machine, where the commands run.
    fn is_on_server(self) -> bool {
        self.0 != Origin::PullRequest
    }

    /// The place of a command, to follow the command.
    pub(super) fn on_server(self) -> &'static str {
        match self.is_on_server() {
            true => "",
            false => " on the server",
        }
    }

    /// How to let the server's operator act. `act` is a command or an act.
    pub(super) fn operator(self, act: &str) -> String {
        match self.is_on_server() {
            true => act.to_owned(),
            false => format!("ask the operator to {act}"),
        }
    }

    /// How to find a fault of the server.
    pub(super) fn doctor(self) -> String {
        self.operator(&format!("run `dayfly doctor`{}", self.on_server()))
    }

    /// How to raise a setting of the server.
    pub(super) fn raise(self, key: &str) -> String {
        self.operator(&format!("raise `{key}` in the server's configuration"))
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

/// The text with a capital letter, to begin a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
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
            let (doctor, here) = (Way(origin).doctor(), origin != Origin::PullRequest);
            assert_eq!(doctor.contains("ask the operator"), !here, "{doctor}");
            assert_eq!(doctor.contains("on the server"), !here, "{doctor}");
        }
    }
}
