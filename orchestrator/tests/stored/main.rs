//! What earlier versions of Dayfly left behind is read by this one: words in JSON, labels in the
//! engine, the proxy's table, and whole data directories of every earlier schema.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "every function here is part of a test"
)]

mod schemas;
mod words;
