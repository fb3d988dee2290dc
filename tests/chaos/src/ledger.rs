//! What the application that books every visit twice has booked.

use anyhow::{Context as _, ensure};

use harness::{Dayfly, Preview, eventually};

/// Visits that may be under way at once.
pub(super) const UNDER_WAY: u64 = 64;

/// How many visits a preview that is live has booked in Postgres, and in Redis.
pub(super) async fn books(dayfly: &Dayfly, preview: &Preview) -> anyhow::Result<(u64, u64)> {
    let visitor = dayfly.visitor(preview.url()?);
    let books = eventually(&format!("the books of {}", preview.id), async || {
        let books = visitor.get("/books").await?;
        ensure!(books.status == 200, "{books:?}");
        books.json()
    })
    .await?;
    let count = |name: &str| books[name].as_u64().context("no number");
    Ok((count("postgres")?, count("redis")?))
}
