//! Decides the next steps of a preview from its desired and its observed state.
//!
//! The core of Dayfly, and free of effects: no `async`, no clock, no randomness, no I/O. [`decide`]
//! takes the desired state ([`Desired`]), the observed state ([`Observed`]) and the steps under
//! way. It returns every [`Step`] that may run now. It keeps no state: after a crash, the same
//! inputs give the same steps, and an interrupted step is planned again.
//!
//! Not here: running a step (the worker's `perform`), observing a preview (the worker's `observe`),
//! and the texts that people read about it (`forge::report`, `gate`).

mod backoff;
mod data;
mod data_origin;
mod data_plan;
mod data_source;
mod database_status;
mod decide;
mod desired;
mod observed;
mod phase;
mod planner;
mod requests;
mod retire;
mod seen;
mod step;
mod step_facts;
#[cfg(test)]
mod tests;
mod unused_data;

pub use backoff::Backoff;
pub use data_source::DataSource;
pub use database_status::DatabaseStatus;
pub use decide::decide;
pub use desired::{
    Answer, Desired, Ending, Head, Hold, MISSING_CONFIRM_AFTER_MS, Origin, Parent, Read, Reset,
    Rollback, Wanted, intent,
};
pub use observed::{
    Admission, Attempt, BuildWait, Diagnosis, GenerationFacts, Observed, Outcome, RevisionFacts,
    Routed, ServiceView,
};
pub use phase::{Phase, Summary, current_revision, summary};
pub use planner::{ATTEMPTS_MAX, Plan};
pub use requests::Unready;
pub use step::Step;
pub use step_facts::{Deadline, EngineUse, Interruption, Limit, StepFacts};
