//! The modelled forge: one pull request, what is said about it, and how the forge lies.

use deploy::names::CommitSha;
use orchestrator::lifecycle::{Answer, Head};

/// What a pull request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Open.
    Open,
    /// Closed without merging.
    Closed,
    /// Merged.
    Merged,
    /// Deleted together with everything about it.
    Deleted,
}

/// One pull request and what the forge keeps for us.
#[derive(Debug)]
pub(super) struct Forge {
    /// What it is.
    pub(super) state: State,
    /// Its head.
    pub(super) head: CommitSha,
    /// The branch it asks to be merged into.
    pub(super) base: u64,
    /// Until when the forge does not answer.
    pub(super) away_until: u64,
    /// Until when it says that the pull request does not exist.
    pub(super) lies_until: u64,
    /// The comment.
    pub(super) comment: Option<String>,
    /// How many deployment records there are.
    pub(super) deployments: u32,
}

impl Forge {
    /// An open pull request.
    pub(super) fn new(head: CommitSha) -> Self {
        Self {
            state: State::Open,
            head,
            base: 0,
            away_until: 0,
            lies_until: 0,
            comment: None,
            deployments: 0,
        }
    }

    /// What it says now; nothing when it is away.
    pub(super) fn answer(&self, now: u64) -> Option<Answer> {
        if now < self.away_until {
            return None;
        }
        if now < self.lies_until {
            return Some(Answer::Missing);
        }
        Some(match self.state {
            State::Closed => Answer::Closed,
            State::Merged => Answer::Merged,
            State::Deleted => Answer::Missing,
            State::Open => Answer::Open(Head {
                commit: self.head.clone(),
                branch: "work".to_owned(),
                base: self.base.to_string(),
                author: String::new(),
                title: String::new(),
            }),
        })
    }
}
