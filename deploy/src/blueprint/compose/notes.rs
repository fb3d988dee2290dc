//! Sentences for users about a compose file, each with its line.

use crate::blueprint::draft::Place;

/// Maximum notes of one project.
const NOTES_MAX: usize = 200;

/// The notes of one project, in the order of their finding; those beyond a limit are dropped.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    /// A note about a service.
    pub(super) fn service(&mut self, name: &str, at: &Place, what: String) {
        self.push(format!("service {name}: {}:{}: {what}.", at.file, at.line));
    }

    /// A note about the whole project.
    pub(super) fn project(&mut self, at: &Place, what: &str) {
        self.push(format!("{}:{}: {what}.", at.file, at.line));
    }

    fn push(&mut self, note: String) {
        if self.0.len() < NOTES_MAX {
            self.0.push(note);
        }
    }

    pub(super) fn into_sentences(self) -> Vec<String> {
        self.0
    }
}
