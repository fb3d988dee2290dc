//! The callers of actions, and the actions that each may ask for.

use super::refused::{Code, Refused};
use crate::lifecycle::Origin;

/// The caller of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A process that can open the server's socket.
    Operator,
    /// A browser or a program with a preview's link.
    Visitor,
}

/// An action, as far as a permission depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates or refreshes the preview of a pull request.
    Ask,
    /// Downloads a backup.
    Backup,
    /// Keeps the state of a preview.
    Capture,
    /// Creates a standalone database.
    CreateDatabase,
    /// Deletes a named snapshot.
    ForgetSnapshot,
    /// Opens a copy of a preview of this origin.
    Fork(Origin),
    /// Creates a named snapshot from a file.
    ImportSnapshot,
    /// Connects to a database.
    Reach,
    /// Reads logs.
    ReadLogs,
    /// Replaces a preview's link.
    Relink,
    /// Removes a preview.
    Remove,
    /// Recreates databases from their seeds.
    Reset,
    /// Creates a named snapshot from a database.
    SaveSnapshot,
    /// Goes back to the revision that served before.
    Undo,
    /// Previews a local checkout.
    Up,
}

impl Caller {
    /// Fails unless the caller may do this.
    ///
    /// # Errors
    /// [`Code::NotAllowed`].
    pub fn check(self, action: Action) -> Result<(), Refused> {
        match (self, action) {
            (Self::Operator, _) | (Self::Visitor, Action::Fork(Origin::Capture)) => Ok(()),
            (Self::Visitor, _) => Err(Refused::new(
                Code::NotAllowed,
                "a link allows only to open copies of a capture",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_opens_copies_of_captures_and_does_nothing_else() {
        let may = |action| Caller::Visitor.check(action).is_ok();
        assert!(may(Action::Fork(Origin::Capture)));
        for action in [
            Action::Fork(Origin::PullRequest),
            Action::Fork(Origin::Database),
            Action::Capture,
            Action::Reach,
            Action::Remove,
        ] {
            assert!(!may(action), "{action:?}");
            assert_eq!(Caller::Operator.check(action), Ok(()));
        }
    }
}
