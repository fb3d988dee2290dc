//! An in-process GitHub: real HTTP, real git, signed webhooks, scripted faults.
//!
//! The demo and the tests share it. It behaves as GitHub documents in the parts that Dayfly uses,
//! and promises nothing about the rest. Dropping it stops everything.

mod api;
mod apps;
mod auth;
mod backend;
mod config;
mod faults;
mod git;
mod lfs;
mod render;
mod reply;
mod server;
mod state;
mod story;
mod views;
mod webhooks;
mod writes;

pub use config::{ModelConfig, ModelError, ModelWebhook};
pub use faults::{Fault, Faults};
pub use git::{Changes, File, Files};
pub use lfs::lfs_pointer;
pub use server::{ModelGitHub, SeenRequest};
pub use state::{CommentView, CommitStatusView, DeploymentView};
pub use webhooks::{Policy, SentDelivery};
