//! Sentences for users about a compose file, each with its line.

use crate::blueprint::draft::Place;

/// The notes of one project, in the order of their finding.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    /// A note about a service.
    pub(super) fn service(&mut self, name: &str, at: &Place, what: String) {
        self.0
            .push(format!("service {name}: {}:{}: {what}.", at.file, at.line));
    }

    /// A note about the whole project.
    pub(super) fn project(&mut self, at: &Place, what: &str) {
        self.0.push(format!("{}:{}: {what}.", at.file, at.line));
    }

    pub(super) fn into_sentences(self) -> Vec<String> {
        self.0
    }
}
