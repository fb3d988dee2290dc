//! Caches what Dayfly wrote on GitHub, to avoid identical writes.

use super::wire::{App, Comment, User};

/// The author of Dayfly's comments. Anyone can copy a marker into their own comment; Dayfly must
/// not edit that one.
#[derive(Debug)]
pub(super) enum Identity {
    App(App),
    User(User),
    /// A bot whose token may not read its own identity, such as GitHub Actions.
    SomeBot,
}

impl Identity {
    pub(super) fn wrote(&self, comment: &Comment) -> bool {
        let user = comment.user.as_ref();
        match self {
            Self::App(app) => {
                let by_app = comment.performed_via_github_app.as_ref();
                by_app.is_some_and(|by| by.id == app.id)
                    || matches!((user, &app.slug), (Some(user), Some(slug))
                        if user.kind == "Bot" && user.login == format!("{slug}[bot]"))
            }
            Self::User(me) => user.is_some_and(|user| user.id == me.id),
            Self::SomeBot => user.is_some_and(|user| user.kind == "Bot"),
        }
    }
}

/// One of Dayfly's comments and its last known body.
pub(super) struct KnownComment {
    pub(super) id: u64,
    pub(super) body: String,
}

/// One of Dayfly's records and its last known status.
pub(super) struct KnownDeployment {
    pub(super) id: u64,
    pub(super) status: Option<Status>,
}

/// The content of a status, as sent.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: &'static str,
    pub(super) description: String,
    pub(super) url: String,
}

/// The last status of a commit. GitHub adds a line for each one sent, so an identical one is not
/// sent again.
#[derive(PartialEq, Eq)]
pub(super) struct KnownStatus {
    pub(super) state: &'static str,
    pub(super) description: String,
    pub(super) url: Option<String>,
}
