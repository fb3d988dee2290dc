//! Requests by people and the clock, beside the forge's answers.
//!
//! Each is a method of [`Desired`] that takes the observed state. A refused request changes nothing.

use std::collections::BTreeSet;

use deploy::names::{CommitSha, DatabaseName, RevisionNumber};

use super::{
    desired::{Desired, Ending, Head, Hold, Origin, Reset, Rollback, Wanted},
    observed::Observed,
    phase::{Phase, summary},
};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unready {
    /// A capture cannot change.
    Captured,
    /// The newest revision does not serve, so it is unclear which revision "before" means.
    InPhase(Phase),
    /// No earlier revision is kept.
    NothingBefore,
}

impl Desired {
    /// Serves a checkout, also where an undo led away from it. A commit that `failed` is retried.
    pub fn serve_checkout(&mut self, head: Head, failed: bool) {
        let same = matches!(&self.wanted, Wanted::Serve(before) if before.commit == head.commit);
        self.request += u64::from(failed && same);
        self.hold = None;
        self.rollback = None;
        self.wanted = Wanted::Serve(head);
    }

    /// Reads the pull request again. A removed or expired preview comes back, and a commit that
    /// `failed` is retried.
    pub fn ask_again(&mut self, failed: bool) {
        if self.hold.take().is_some() && matches!(self.wanted, Wanted::Nothing(_)) {
            self.wanted = Wanted::Unread;
        }
        self.request += u64::from(failed);
        // An earlier refresh may have been answered already, with the hold in place.
        self.refresh_requested += 1;
    }

    /// Goes back to the revision that served before, including its data. A second undo returns. Answers
    /// that revision.
    ///
    /// # Errors
    /// If nothing serves yet, or no earlier revision is kept.
    pub fn undo(&mut self, observed: &Observed) -> Result<RevisionNumber, Unready> {
        let head = self.settled_head(observed)?.clone();
        let before = observed.before().ok_or(Unready::NothingBefore)?;
        self.request += 1;
        self.rollback = Some(Rollback {
            head,
            request: self.request,
            revision: before.number,
            commit: before.commit.clone(),
        });
        Ok(before.number)
    }

    /// Recreates these databases, or all, from their seeds, beside the serving ones.
    ///
    /// # Errors
    /// If nothing serves yet.
    pub fn reset(
        &mut self,
        observed: &Observed,
        only: Option<BTreeSet<DatabaseName>>,
    ) -> Result<(), Unready> {
        self.settled_head(observed)?;
        self.request += 1;
        let request = self.request;
        self.reset = Some(Reset { request, only });
        Ok(())
    }

    /// Removes the preview. A preview that has already ended keeps its ending: a hold would outlast the
    /// reopening of its pull request.
    pub fn remove(&mut self) {
        let served = match self.wanted {
            Wanted::Nothing(_) => return,
            Wanted::Serve(_) => true,
            Wanted::Unread => false,
        };
        self.clearing |= served;
        self.wanted = Wanted::Nothing(Ending::Removed);
        if self.origin == Origin::PullRequest {
            self.hold = Some(Hold {
                ending: Ending::Removed,
                commit: None,
            });
        }
    }

    /// Ends a preview without pushes and visits for too long, unless its head has changed. Answers
    /// whether it ended.
    pub fn expire(&mut self, head: &CommitSha) -> bool {
        let same = matches!(&self.wanted, Wanted::Serve(wanted) if wanted.commit == *head);
        if !same {
            return false;
        }
        self.end(Ending::Expired);
        self.hold = Some(Hold {
            ending: Ending::Expired,
            commit: (self.origin == Origin::PullRequest).then(|| head.clone()),
        });
        true
    }

    /// The head of a preview whose newest revision serves, or whose newest revision failed while an
    /// older one serves.
    ///
    /// # Errors
    /// If it is in another phase.
    pub fn settled_head(&self, observed: &Observed) -> Result<&CommitSha, Unready> {
        let phase = summary(self, observed).phase;
        match (&self.wanted, phase) {
            (Wanted::Serve(head), Phase::Live) => Ok(&head.commit),
            (Wanted::Serve(head), Phase::Failed) if observed.route.is_some() => Ok(&head.commit),
            (_, Phase::Captured) => Err(Unready::Captured),
            (_, phase) => Err(Unready::InPhase(phase)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(digit: char) -> Head {
        Head {
            commit: CommitSha::parse(&digit.to_string().repeat(40)).unwrap(),
            branch: String::new(),
            base: String::new(),
            author: String::new(),
            title: String::new(),
        }
    }

    fn serving(origin: Origin, digit: char) -> Desired {
        Desired {
            wanted: Wanted::Serve(head(digit)),
            ..Desired::new(origin)
        }
    }

    #[test]
    fn a_push_that_was_read_meanwhile_keeps_a_preview_from_expiring() {
        let mut pushed = serving(Origin::PullRequest, 'b');
        let before = pushed.clone();
        assert!(!pushed.expire(&head('a').commit));
        assert_eq!(pushed, before);
        assert!(pushed.expire(&head('b').commit));
        assert_eq!(pushed.wanted, Wanted::Nothing(Ending::Expired));
        assert!(pushed.clearing);
    }

    #[test]
    fn a_checkout_that_is_sent_again_after_an_undo_is_served() {
        let mut undone = serving(Origin::Local, 'b');
        undone.rollback = Some(Rollback {
            head: head('b').commit,
            request: 1,
            revision: RevisionNumber(1),
            commit: head('a').commit,
        });
        undone.request = 1;
        assert_eq!(undone.target(), Some(&head('a').commit));
        undone.serve_checkout(head('b'), false);
        assert_eq!(undone.target(), Some(&head('b').commit));
        assert_eq!(undone.rolled_back_to(1), None);
    }

    #[test]
    fn a_request_that_is_refused_changes_nothing() {
        let mut queued = serving(Origin::Local, 'a');
        let before = queued.clone();
        let nothing = Observed::nothing();
        let refused = Unready::InPhase(Phase::Queued);
        assert_eq!(queued.undo(&nothing), Err(refused));
        assert_eq!(queued.reset(&nothing, None), Err(refused));
        assert_eq!(queued, before);
    }

    #[test]
    fn a_removed_preview_comes_back_when_it_is_asked_for() {
        let mut desired = serving(Origin::PullRequest, 'a');
        desired.remove();
        assert!(desired.clearing && desired.hold.is_some());
        desired.ask_again(true);
        assert_eq!(desired.wanted, Wanted::Unread);
        assert_eq!((desired.hold.clone(), desired.request), (None, 1));
        assert!(desired.clearing, "what ran before has to go first");
    }
}
