//! What is wanted of one preview, and how a reading of the forge changes it.

use std::collections::BTreeSet;

use deploy::names::{CommitSha, DatabaseName, Generation, PreviewId, RevisionNumber};
use serde::{Deserialize, Serialize};

/// Where the wish for a preview comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A pull request; the forge is asked what it wants.
    PullRequest,
    /// A checkout on somebody's machine; its owner says what is wanted.
    Local,
    /// Another preview at one moment, running on its own.
    Fork,
    /// Another preview at one moment, kept and never run; only forked.
    Capture,
    /// A standalone database, for whoever asked for it.
    Database,
}

impl Origin {
    /// Whether the forge says what is wanted.
    pub fn asks_forge(self) -> bool {
        self == Self::PullRequest
    }

    /// Whether it is a copy, or a standalone database; it has an end of its own.
    pub fn is_copy(self) -> bool {
        matches!(self, Self::Fork | Self::Capture | Self::Database)
    }
}

/// What a fork or a capture was taken of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Which preview.
    pub preview: PreviewId,
    /// The state of its databases; none where it has none.
    pub generation: Option<Generation>,
    /// The databases among them.
    pub names: BTreeSet<DatabaseName>,
    /// The revision that served.
    pub revision: RevisionNumber,
    /// Its commit.
    pub commit: CommitSha,
}

/// Somebody asked for databases to start again from their seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// The [`Desired::request`] that does it.
    pub request: u64,
    /// Which; none means all.
    pub only: Option<BTreeSet<DatabaseName>>,
}

/// Somebody went back to the revision that served before, with its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The head at that time; another one ends it.
    pub head: CommitSha,
    /// The [`Desired::request`] that does it.
    pub request: u64,
    /// The revision that was gone back to.
    pub revision: RevisionNumber,
    /// Its commit.
    pub commit: CommitSha,
}

/// The commit a preview should serve, and what people call it. All text is from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// What to serve.
    pub commit: CommitSha,
    /// The branch it is the head of.
    pub branch: String,
    /// The branch it would be merged into.
    pub base: String,
    /// Who opened the pull request.
    pub author: String,
    /// What it is called.
    pub title: String,
}

/// Why nothing should be left of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// The pull request was merged.
    Merged,
    /// It was closed without merging.
    Closed,
    /// Somebody asked for the removal.
    Removed,
    /// Nobody pushed or visited for too long.
    Expired,
    /// The pull request comes from a fork.
    Fork,
    /// The forge no longer knows the pull request, though it knows the repository.
    Missing,
}

/// What a preview should come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// The forge was never read: nothing starts and nothing stops.
    Unread,
    /// This commit should serve.
    Serve(Head),
    /// Nothing should be left.
    Nothing(Ending),
}

/// A person's or the clock's word that outlasts readings of an open pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub ending: Ending,
    /// For [`Ending::Expired`]: another head than this one lifts the hold.
    pub commit: Option<CommitSha>,
}

/// Everything that is wanted of one preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Who says what is wanted.
    pub origin: Origin,
    /// What is wanted, as last read.
    pub wanted: Wanted,
    /// Raised by every hint that the forge should be read.
    pub refresh_requested: u64,
    /// What [`Desired::refresh_requested`] stood at when the reading last applied began.
    pub refresh_applied: u64,
    /// Raised when somebody asks for the same commit once more.
    pub request: u64,
    /// The newest revision whose commit was compared with the head after its services had started.
    pub confirmed: Option<RevisionNumber>,
    /// Counts how often the preview came to be; a reopened pull request lives anew.
    pub life: u32,
    /// What ran in this life has to go before anything else: set when a life ends, cleared when
    /// nothing of it is left.
    pub clearing: bool,
    /// Raised when somebody asks for another link in this life.
    pub link_serial: u32,
    /// Keeps an open pull request without a preview.
    pub hold: Option<Hold>,
    /// What it was taken of, for forks and captures.
    pub parent: Option<Parent>,
    /// The last time somebody asked for fresh data.
    pub reset: Option<Reset>,
    /// Where somebody went back to, while no newer head came.
    pub rollback: Option<Rollback>,
    /// Since when the forge says the pull request does not exist, in milliseconds since 1970.
    pub missing_since_ms: Option<u64>,
}

impl Desired {
    /// A preview nobody has looked at yet.
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

    /// Wants nothing any more, and what there is taken away.
    pub fn end(&mut self, ending: Ending) {
        self.wanted = Wanted::Nothing(ending);
        self.clearing = true;
    }

    /// The commit that should serve: the head, unless somebody went back to an older one.
    pub fn target(&self) -> Option<&CommitSha> {
        let Wanted::Serve(head) = &self.wanted else {
            return None;
        };
        Some(match &self.rollback {
            Some(rollback) if rollback.head == head.commit => &rollback.commit,
            _ => &head.commit,
        })
    }

    /// The revision whose images and data the one that answers `request` takes over, where somebody
    /// went back with it.
    pub fn rolled_back_to(&self, request: u64) -> Option<RevisionNumber> {
        let Wanted::Serve(head) = &self.wanted else {
            return None;
        };
        let rollback = self.rollback.as_ref()?;
        let holds = rollback.head == head.commit && rollback.request == request;
        holds.then_some(rollback.revision)
    }
}

/// What the forge said of a pull request.
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
    /// There is no such pull request, while the repository itself could be read.
    Missing,
}

/// One reading of the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// [`Desired::refresh_requested`] when the reading began.
    pub refresh: u64,
    /// The revision whose services had started when the reading began.
    pub confirms: Option<RevisionNumber>,
    /// When it ended, in milliseconds since 1970.
    pub at_ms: u64,
    /// What the forge said.
    pub answer: Answer,
}

/// How long after a first "does not exist" a second one counts. A forge that forgets for a moment
/// removes nothing.
pub const MISSING_CONFIRM_AFTER_MS: u64 = 2 * 60 * 1000;

/// What is wanted after a reading. A reading that began before the one last applied changes
/// nothing, so that answers which overtake each other do no harm.
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

/// A pull request that ended takes every hold with it: reopened, it starts anew.
fn ended(next: &mut Desired, ending: Ending) -> Wanted {
    next.hold = None;
    next.rollback = None;
    Wanted::Nothing(ending)
}

/// The first "does not exist" is noted, the second one counts when it comes late enough.
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
