//! Every promise of the three ports, kept by the fake and by the real engine.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod after_death;
mod docker;
mod fake;
mod leftovers;

use deploy::contract::{self, Broken, Fixture, Kept};

/// Checks one promise, and that everything it made can be taken away again.
async fn keep(fixture: &dyn Fixture, promise: impl AsyncFnOnce(&dyn Fixture) -> Kept) -> Kept {
    promise(fixture).await?;
    contract::clear(fixture).await
}

fn expect_kept(kept: Kept) {
    if let Err(why) = kept {
        panic!("{why:?}");
    }
}
