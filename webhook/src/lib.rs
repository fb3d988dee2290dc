//! Everything said to and heard from the forge.
//!
//! Heard: [`receive`] takes signed webhooks, verifies them and hands them to an [`Intake`].
//! Said: a [`Forge`] reads pull requests and keeps comments, deployments and statuses;
//! [`github`] is the one there is. The feature `model` adds [`model`], a GitHub in this process
//! that the demo and the tests share.
//!
//! Not here: what a preview is, what is done about a pull request, and when.

pub mod forge;
pub mod intake;
pub mod names;
