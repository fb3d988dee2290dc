//! What is remembered of what we wrote on GitHub, so that the same is not written twice.

use super::wire::{App, Comment, User};

/// Whose comments are ours. Anybody can copy a marker into a comment of their own; that one is
/// left alone.
#[derive(Debug)]
pub(super) enum Identity {
    App(App),
    User(User),
    /// The token may not ask who it is, as those of GitHub's own automation: then a bot's.
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

/// A comment of ours and what it said last.
pub(super) struct KnownComment {
    pub(super) id: u64,
    pub(super) body: String,
}

/// A record of ours and what it said last.
pub(super) struct KnownDeployment {
    pub(super) id: u64,
    pub(super) status: Option<Status>,
}

/// What a status says, as it is sent.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: &'static str,
    pub(super) description: String,
    pub(super) url: String,
}

/// What a commit's mark said last. GitHub adds a line for each that is sent, so the same is not
/// sent twice.
#[derive(PartialEq, Eq)]
pub(super) struct KnownStatus {
    pub(super) state: &'static str,
    pub(super) description: String,
    pub(super) url: Option<String>,
}
