//! What earlier versions of Dayfly left behind is read by this one: words in JSON, in backups too, and
//! for every schema the server's store, the labels of its objects in the engine and its proxy's table.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "every function here is part of a test"
)]

mod schemas;
mod words;
