//! The state of a preview as people see it. Always derived, never stored.

use std::fmt;

use deploy::names::CommitSha;

use super::{
    desired::{Desired, Ending, Origin, Wanted},
    observed::{Admission, Diagnosis, Observed, Outcome, RevisionFacts},
    step::Step,
};
use crate::preview::history;

/// The phase of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits for the forge or for a free place.
    Queued,
    /// Its commit is being fetched and built.
    Building,
    /// Its databases and services are starting.
    Starting,
    /// Its newest commit serves.
    Live,
    /// An older commit serves while a newer one is being prepared.
    Updating,
    /// Its newest commit cannot serve; an older one may.
    Failed,
    /// Its objects are being removed.
    Closing,
    /// Nothing is left of it.
    Gone,
    /// It is kept as it was at one moment. Only its forks run.
    Captured,
}

impl Phase {
    /// The name of the phase for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Building => "building",
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Updating => "updating",
            Self::Failed => "failed",
            Self::Closing => "closing",
            Self::Gone => "gone",
            Self::Captured => "captured",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Everything that a report, a page or an API answer says about a preview's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its phase.
    pub phase: Phase,
    /// The commit that should serve.
    pub head: Option<CommitSha>,
    /// The number of the head's revision, once it has one.
    pub revision: Option<u32>,
    /// The commit that serves.
    pub serving: Option<CommitSha>,
    /// Why the head does not serve.
    pub diagnosis: Option<Diagnosis>,
    /// Why the preview is removed.
    pub ending: Option<Ending>,
    /// The reason for the current delay, for people.
    pub waiting_for: Option<String>,
    /// How often its link was replaced.
    pub link_serial: u32,
}

/// The current revision: the newest one of this life with the wanted commit that was neither
/// superseded nor retired.
pub fn current_revision<'a>(
    desired: &Desired,
    observed: &'a Observed,
) -> Option<&'a RevisionFacts> {
    let target = desired.target()?;
    observed.revisions.iter().rev().find(|revision| {
        revision.life == desired.life
            && revision.commit == *target
            && revision.request == desired.request
            && !matches!(
                revision.outcome,
                Some(Outcome::Superseded | Outcome::Retired)
            )
    })
}

/// Summarizes the state of a preview.
pub fn summary(desired: &Desired, observed: &Observed) -> Summary {
    let current = current_revision(desired, observed);
    let routed = observed.route.as_ref().map(|route| route.revision);
    let serving = routed.and_then(|number| observed.revision(number));
    let ending = match desired.wanted {
        Wanted::Nothing(ending) => Some(ending),
        _ => None,
    };
    let diagnosis = current.and_then(|revision| match &revision.outcome {
        Some(Outcome::Failed(diagnosis)) => Some(diagnosis.clone()),
        _ => None,
    });
    Summary {
        phase: phase(desired, observed, current),
        head: desired.target().cloned(),
        revision: current.map(|revision| revision.number.0),
        serving: serving.map(|revision| revision.commit.clone()),
        diagnosis,
        ending,
        waiting_for: waiting_for(desired, observed, current),
        link_serial: desired.link_serial,
    }
}

fn phase(desired: &Desired, observed: &Observed, current: Option<&RevisionFacts>) -> Phase {
    let something_left = desired.clearing
        || observed.records
        || observed.route.is_some()
        || !observed.engine_is_empty();
    match &desired.wanted {
        Wanted::Unread => return Phase::Queued,
        Wanted::Nothing(_) if something_left => return Phase::Closing,
        Wanted::Nothing(_) => return Phase::Gone,
        Wanted::Serve(_) if desired.clearing => return Phase::Closing,
        Wanted::Serve(_) => {}
    }
    let routed = observed.route.as_ref().map(|route| route.revision);
    match current {
        Some(revision) if revision.outcome.is_some() => Phase::Failed,
        Some(revision) if desired.origin == Origin::Capture => captured(observed, revision),
        Some(revision) if routed == Some(revision.number) => serving_phase(observed, revision),
        _ if routed.is_some() => Phase::Updating,
        None => Phase::Queued,
        Some(revision) => coming_up(revision),
    }
}

/// A serving revision is live while its services run.
fn serving_phase(observed: &Observed, revision: &RevisionFacts) -> Phase {
    match observed.runs(revision) {
        true => Phase::Live,
        false => Phase::Starting,
    }
}

/// A capture is captured once its link works.
fn captured(observed: &Observed, revision: &RevisionFacts) -> Phase {
    let services = revision.blueprint.iter().flat_map(|known| &known.services);
    let mut images = services.map(|service| revision.images.contains_key(&service.name));
    let whole = revision.blueprint.is_some() && images.all(|there| there);
    match whole && observed.is_whole(revision) && observed.announced {
        true => Phase::Captured,
        false => coming_up(revision),
    }
}

fn coming_up(revision: &RevisionFacts) -> Phase {
    match &revision.blueprint {
        Some(blueprint)
            if blueprint
                .services
                .iter()
                .all(|s| revision.images.contains_key(&s.name)) =>
        {
            Phase::Starting
        }
        _ => Phase::Building,
    }
}

/// The reason why a preview makes no progress, if people should know it.
fn waiting_for(
    desired: &Desired,
    observed: &Observed,
    current: Option<&RevisionFacts>,
) -> Option<String> {
    let tells = |step: &&Step| !matches!(step, Step::Report { .. });
    if let Some(late) = observed.late.iter().find(tells) {
        return Some(format!(
            "the step {}, which takes longer than usual; no second attempt starts before it ends",
            quoted(late)
        ));
    }
    let backoff = observed
        .backoffs
        .iter()
        .find(|(_, backoff)| backoff.count >= 2);
    if let Some((step, backoff)) = backoff
        && !matches!(step, Step::Report { .. })
    {
        return Some(format!(
            "the next attempt at {} (last error: {})",
            quoted(step),
            backoff.reason
        ));
    }
    if let (Some(wait), Some(revision)) = (&observed.build_wait, current)
        && coming_up(revision) == Phase::Building
    {
        return Some(match (&wait.blocker, wait.before) {
            (Some(blocker), _) => blocker.clone(),
            (None, before) => format!("its turn to build ({})", place(before)),
        });
    }
    let comes_up = current.is_some_and(|revision| revision.outcome.is_none());
    let told = observed.seeding.as_ref().or(observed.starting.as_ref());
    if let Some(told) = told.filter(|_| comes_up) {
        return Some(told.clone());
    }
    match observed.admission {
        Admission::Waiting { before }
            if current.is_none() && matches!(desired.wanted, Wanted::Serve(_)) =>
        {
            Some(format!("a free place ({})", place(before)))
        }
        _ => None,
    }
}

/// A step in plain words, as a quotation.
fn quoted(step: &Step) -> String {
    let title = step.facts().title();
    let words = history::words(&title).unwrap_or_else(|| title.replace('-', " "));
    format!("\"{words}\"")
}

/// The position of a preview in a queue.
fn place(before: usize) -> String {
    match before {
        0 => "next in the queue".to_owned(),
        before => format!("{before} ahead in the queue"),
    }
}
