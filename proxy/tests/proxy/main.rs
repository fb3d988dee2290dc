//! The proxy through its front doors: real sockets, real bytes, no sleeps.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at its first surprise"
)]

mod control;
mod early;
mod gate;
mod harness;
mod headers;
mod heads;
mod limits;
mod preflight;
mod process;
mod raw;
mod routing;
mod streaming;
mod switching;
mod websocket;
