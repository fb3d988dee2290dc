//! The desired state of one preview, and how a read of the forge changes it.

use std::collections::BTreeSet;

use deploy::names::{CommitSha, DatabaseName, Generation, PreviewId, RevisionNumber};
use serde::{Deserialize, Serialize};

/// The origin of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A pull request; the forge determines the desired state.
    PullRequest,
    /// A local checkout; its owner determines the desired state.
    Local,
    /// A copy of another preview, which runs independently.
    Fork,
    /// A copy of another preview, which never runs and only serves as a source of forks.
    Capture,
    /// A standalone database.
    Database,
}

impl Origin {
    /// Whether the forge determines the desired state.
    pub fn asks_forge(self) -> bool {
        self == Self::PullRequest
    }

    /// Whether it is a copy or a standalone database, which has its own expiry.
    pub fn is_copy(self) -> bool {
        matches!(self, Self::Fork | Self::Capture | Self::Database)
    }
}

/// The source of a fork or a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The preview that was copied.
    pub preview: PreviewId,
    /// The generation of its databases; none if it has none.
    pub generation: Option<Generation>,
    /// The databases of that generation.
    pub names: BTreeSet<DatabaseName>,
    /// The revision that served.
    pub revision: RevisionNumber,
    /// Its commit.
    pub commit: CommitSha,
}

/// A request to recreate databases from their seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// The [`Desired::request`] that carries it out.
    pub request: u64,
    /// The databases; none means all.
    pub only: Option<BTreeSet<DatabaseName>>,
}

/// A request to go back to the revision that served before, including its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The head at the time of the request; another head ends the rollback.
    pub head: CommitSha,
    /// The [`Desired::request`] that carries it out.
    pub request: u64,
    /// The revision to go back to.
    pub revision: RevisionNumber,
    /// Its commit.
    pub commit: CommitSha,
}

/// The commit that a preview should serve, with its names. All texts are from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The commit to serve.
    pub commit: CommitSha,
    /// The branch it is the head of.
    pub branch: String,
    /// The branch it would be merged into.
    pub base: String,
    /// The author of the pull request.
    pub author: String,
    /// Its title.
    pub title: String,
}

/// Why a preview is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The pull request was merged.
    Merged,
    /// It was closed without merging.
    Closed,
    /// A user requested the removal.
    Removed,
    /// No one pushed or visited for too long, or its lifetime is over.
    Expired,
    /// The pull request comes from a fork.
    Fork,
    /// The forge has no such pull request, although it has the repository.
    Missing,
}

/// The target of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// The forge was never read: no steps start or stop anything.
    Unread,
    /// This commit should serve.
    Serve(Head),
    /// Everything should be removed.
    Nothing(Ending),
}

/// Keeps a preview removed although its pull request is open, after a removal or an expiry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why the preview is removed.
    pub ending: Ending,
    /// For [`Ending::Expired`]: another head than this one lifts the hold.
    pub commit: Option<CommitSha>,
}

/// The desired state of one preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The origin of the preview.
    pub origin: Origin,
    /// The target, as last read.
    pub wanted: Wanted,
    /// Incremented by every hint to read the forge.
    pub refresh_requested: u64,
    /// The value of [`Desired::refresh_requested`] when the last applied read began.
    pub refresh_applied: u64,
    /// Incremented when a user requests the same commit again.
    pub request: u64,
    /// The newest revision whose commit was compared with the head after its services had started.
    pub confirmed: Option<RevisionNumber>,
    /// The number of the current life; a reopened pull request begins a new one.
    pub life: u32,
    /// Whether everything of this life must be removed first. Set when a life ends, cleared when
    /// nothing is left.
    pub clearing: bool,
    /// Incremented when a user requests a new link in this life.
    pub link_serial: u32,
    /// Keeps an open pull request without a preview.
    pub hold: Option<Hold>,
    /// The source of a fork or a capture.
    pub parent: Option<Parent>,
    /// The last request for fresh data.
    pub reset: Option<Reset>,
    /// The last rollback, until a newer head arrives.
    pub rollback: Option<Rollback>,
    /// Since when the forge says the pull request does not exist, in milliseconds since 1970.
    pub missing_since_ms: Option<u64>,
}

impl Desired {
    /// A new preview, not read yet.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            wanted: Wanted::Unread,
            refresh_requested: u64::from(origin.asks_forge()),
            refresh_applied: 0,
            request: 0,
            confirmed: None,
            life: 1,
            clearing: false,
            link_serial: 0,
            hold: None,
            parent: None,
            reset: None,
            rollback: None,
            missing_since_ms: None,
        }
    }

    /// Ends the preview and requests the removal of everything.
    pub fn end(&mut self, ending: Ending) {
        self.wanted = Wanted::Nothing(ending);
        self.clearing = true;
    }

    /// The commit that should serve: the head, unless a rollback is active.
    pub fn target(&self) -> Option<&CommitSha> {
        let Wanted::Serve(head) = &self.wanted else {
            return None;
        };
        Some(match &self.rollback {
            Some(rollback) if rollback.head == head.commit => &rollback.commit,
            _ => &head.commit,
        })
    }

    /// The revision whose images and data are taken over for `request`, if that request is a
    /// rollback.
    pub fn rolled_back_to(&self, request: u64) -> Option<RevisionNumber> {
        let Wanted::Serve(head) = &self.wanted else {
            return None;
        };
        let rollback = self.rollback.as_ref()?;
        let holds = rollback.head == head.commit && rollback.request == request;
        holds.then_some(rollback.revision)
    }
}

/// The forge's answer about a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Open, with this head.
    Open(Head),
    /// Open, from a fork.
    OpenFork,
    /// Merged.
    Merged,
    /// Closed without merging.
    Closed,
    /// The pull request does not exist, although the repository can be read.
    Missing,
}

/// One read of the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// [`Desired::refresh_requested`] when the read began.
    pub refresh: u64,
    /// The revision whose services had started when the read began.
    pub confirms: Option<RevisionNumber>,
    /// When it ended, in milliseconds since 1970.
    pub at_ms: u64,
    /// The forge's answer.
    pub answer: Answer,
}

/// How long after a first "does not exist" a second one counts. A temporary wrong answer of the
/// forge removes nothing.
pub const MISSING_CONFIRM_AFTER_MS: u64 = 2 * 60 * 1000;

/// The desired state after a read. A read that began before the last applied one changes nothing,
/// so that answers may arrive in any order.
pub fn intent(desired: &Desired, read: &Read) -> Desired {
    let mut next = desired.clone();
    if read.refresh < desired.refresh_applied {
        return next;
    }
    next.refresh_applied = read.refresh;
    next.confirmed = desired.confirmed.max(read.confirms);
    if read.answer != Answer::Missing {
        next.missing_since_ms = None;
    }
    next.wanted = match &read.answer {
        Answer::Open(head) => {
            if lifts(desired.hold.as_ref(), head) {
                next.hold = None;
            }
            next.rollback
                .take_if(|rollback| rollback.head != head.commit);
            match &next.hold {
                Some(hold) => Wanted::Nothing(hold.ending),
                None => Wanted::Serve(head.clone()),
            }
        }
        Answer::OpenFork => Wanted::Nothing(Ending::Fork),
        Answer::Merged => ended(&mut next, Ending::Merged),
        Answer::Closed => ended(&mut next, Ending::Closed),
        Answer::Missing => missing(&mut next, read.at_ms),
    };
    let began = !matches!(desired.wanted, Wanted::Unread) || desired.refresh_applied > 0;
    if matches!(next.wanted, Wanted::Nothing(_)) && matches!(desired.wanted, Wanted::Serve(_)) {
        next.clearing = began;
    }
    next
}

/// Whether this head is new enough to bring an expired preview back.
fn lifts(hold: Option<&Hold>, head: &Head) -> bool {
    hold.and_then(|hold| hold.commit.as_ref())
        .is_some_and(|commit| *commit != head.commit)
}

/// The end of a pull request clears its hold, so that a reopened one gets a preview.
fn ended(next: &mut Desired, ending: Ending) -> Wanted {
    next.hold = None;
    next.rollback = None;
    Wanted::Nothing(ending)
}

/// Records the first "does not exist"; a second one counts if it comes late enough.
fn missing(next: &mut Desired, at_ms: u64) -> Wanted {
    match next.missing_since_ms {
        Some(since) if at_ms.saturating_sub(since) >= MISSING_CONFIRM_AFTER_MS => {
            Wanted::Nothing(Ending::Missing)
        }
        Some(_) => next.wanted.clone(),
        None => {
            next.missing_since_ms = Some(at_ms);
            next.wanted.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(digit: char) -> Head {
        let commit = CommitSha::parse(&digit.to_string().repeat(40)).unwrap();
        let text = || "x".to_owned();
        Head {
            commit,
            branch: text(),
            base: text(),
            author: text(),
            title: text(),
        }
    }

    fn read(refresh: u64, answer: Answer) -> Read {
        Read {
            refresh,
            confirms: None,
            at_ms: refresh * 60_000,
            answer,
        }
    }

    #[test]
    fn a_reading_that_began_earlier_changes_nothing() {
        let new = Desired::new(Origin::PullRequest);
        let served = intent(&new, &read(5, Answer::Open(head('b'))));
        assert_eq!(intent(&served, &read(4, Answer::Open(head('a')))), served);
        assert_eq!(intent(&served, &read(4, Answer::Closed)), served);
    }

    #[test]
    fn closing_ends_the_life_and_reopening_waits_for_its_end() {
        let served = intent(
            &Desired::new(Origin::PullRequest),
            &read(1, Answer::Open(head('a'))),
        );
        let closed = intent(&served, &read(2, Answer::Closed));
        assert!(closed.clearing);
        let reopened = intent(&closed, &read(3, Answer::Open(head('a'))));
        assert!(reopened.clearing, "what ran before has to go first");
        assert_eq!(reopened.wanted, Wanted::Serve(head('a')));
    }

    #[test]
    fn one_missing_answer_removes_nothing_and_a_late_second_one_does() {
        let served = intent(
            &Desired::new(Origin::PullRequest),
            &read(1, Answer::Open(head('a'))),
        );
        let once = intent(&served, &read(2, Answer::Missing));
        assert_eq!(once.wanted, served.wanted);
        let soon = intent(
            &once,
            &Read {
                at_ms: 130_000,
                ..read(3, Answer::Missing)
            },
        );
        assert_eq!(soon.wanted, served.wanted);
        let late = intent(&once, &read(9, Answer::Missing));
        assert_eq!(late.wanted, Wanted::Nothing(Ending::Missing));
        let back = intent(&once, &read(9, Answer::Open(head('a'))));
        assert_eq!(back.missing_since_ms, None);
    }

    #[test]
    fn a_removal_by_hand_lasts_until_the_pull_request_ends() {
        let mut held = intent(
            &Desired::new(Origin::PullRequest),
            &read(1, Answer::Open(head('a'))),
        );
        held.hold = Some(Hold {
            ending: Ending::Removed,
            commit: None,
        });
        let pushed = intent(&held, &read(2, Answer::Open(head('b'))));
        assert_eq!(pushed.wanted, Wanted::Nothing(Ending::Removed));
        let closed = intent(&pushed, &read(3, Answer::Closed));
        let reopened = intent(&closed, &read(4, Answer::Open(head('b'))));
        assert_eq!(reopened.wanted, Wanted::Serve(head('b')));
    }

    #[test]
    fn a_push_brings_an_expired_preview_back() {
        let mut held = intent(
            &Desired::new(Origin::PullRequest),
            &read(1, Answer::Open(head('a'))),
        );
        held.hold = Some(Hold {
            ending: Ending::Expired,
            commit: Some(head('a').commit),
        });
        let same = intent(&held, &read(2, Answer::Open(head('a'))));
        assert_eq!(same.wanted, Wanted::Nothing(Ending::Expired));
        let pushed = intent(&same, &read(3, Answer::Open(head('b'))));
        assert_eq!(pushed.wanted, Wanted::Serve(head('b')));
    }
}
