//! The crate's public interface: signed webhooks in, GitHub's API and git out.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a helper of a test fails the test"
)]

mod fetch;
mod github;
mod receive;
mod support;
