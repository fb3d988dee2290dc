//! Holds what no compiler holds: who may know which outside world, what may be depended on, and how
//! the sources read. Each rule is a function that returns what it found, so that each can be shown
//! to find something.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "every function here is part of a test"
)]

mod circles;
mod dependencies;
mod docs;
mod handlers;
mod lifecycle;
mod manifests;
mod sources;
mod spdx;
mod words;
mod workspace;
