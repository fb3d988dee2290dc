//! The control plane is killed, again and again, while people work and visitors come.
//!
//! What is acknowledged must be kept, what serves must go on serving, and in the end everything
//! must settle and nothing be left. Nothing here looks inside: webhooks in, API and pages out.

mod audience;
mod backup_plan;
mod backups;
mod copies;
mod data;
mod dice;
mod killing;
mod ledger;
mod noise;
mod options;
mod people;
mod report;
mod run;
mod settle;

pub use backups::{BackupsReport, run as run_backups};
pub use copies::{CopiesReport, run as run_copies};
pub use data::{DataReport, run as run_data};
pub use options::Options;
pub use report::Report;
pub use run::run;
