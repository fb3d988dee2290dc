//! Promises about data without a preview.

use super::{
    Fixture, Kept,
    check::expect,
    data::{
        G1, G2, MAIN, data_are, data_key, database, holds, made, nothing_was_made, running, seed,
        silence, started,
    },
};
use crate::{
    blueprint::DatabaseKind,
    databases::{DatabaseError, Seed},
    names::SnapshotId,
};

/// Saving copies a running database at one moment, and the database continues.
pub async fn a_saved_database_can_be_made_again(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "before").await?;
    let databases = fixture.databases();
    let saved = databases.save(&main.key, "a state of the shop").await?;
    fixture.put_word(&main, "later").await?;
    let told = saved.kind == main.kind && saved.image == main.image;
    let told = told && saved.source == "a state of the shop";
    expect(told, "its description is reported", &saved)?;
    let all = databases.snapshots().await?;
    expect(all.contains(&saved), "it is among all snapshots", &all)?;

    let copy = database(fixture, G2, MAIN)?;
    let seed = Seed::Snapshot(saved.id);
    databases.create(&copy, &seed, silence()).await?;
    started(fixture, G2, MAIN).await?;
    holds(fixture, &copy, &["before", "seed"]).await?;
    holds(fixture, &main, &["before", "later", "seed"]).await
}

/// Every save creates a new snapshot, whatever it contains.
pub async fn saving_twice_keeps_two_snapshots(fixture: &dyn Fixture) -> Kept {
    let main = made(fixture, G1, MAIN).await?;
    let databases = fixture.databases();
    let first = databases.save(&main.key, "first").await?;
    let second = databases.save(&main.key, "second").await?;
    let apart = first.id != second.id;
    expect(apart, "each has its own id", &(&first, &second))?;
    let all = databases.snapshots().await?;
    // The third belongs to the seed.
    expect(all.len() == 3, "both are kept", &all)
}

/// Missing data cannot be saved.
pub async fn saving_what_is_not_there_is_no_data(fixture: &dyn Fixture) -> Kept {
    let main = data_key(G1, MAIN)?;
    let saved = fixture.databases().save(&main, "nothing").await;
    let no_data = matches!(saved, Err(DatabaseError::NoData(_)));
    expect(no_data, "missing data is not saved", &saved)?;
    nothing_was_made(fixture).await
}

/// Copies survive the removal of their snapshot, but no new copy is possible.
pub async fn a_forgotten_snapshot_is_gone_and_copies_of_it_stay(fixture: &dyn Fixture) -> Kept {
    let main = made(fixture, G1, MAIN).await?;
    let databases = fixture.databases();
    let saved = databases.save(&main.key, "a state of the shop").await?;
    for snapshot in databases.snapshots().await? {
        databases.forget(&snapshot.id).await?;
        databases.forget(&snapshot.id).await?;
    }
    let all = databases.snapshots().await?;
    expect(all.is_empty(), "no snapshot is left", &all)?;
    let copy = database(fixture, G2, MAIN)?;
    let seed_of_it = Seed::Snapshot(saved.id);
    let created = databases.create(&copy, &seed_of_it, silence()).await;
    let no_data = matches!(created, Err(DatabaseError::NoData(_)));
    expect(no_data, "a removed snapshot is missing", &created)?;
    data_are(fixture, std::slice::from_ref(&main.key)).await?;
    databases.start(&main).await?;
    holds(fixture, &main, &["seed"]).await?;
    // A removed seed snapshot is created again.
    databases.create(&copy, &seed(), silence()).await?;
    started(fixture, G2, MAIN).await?;
    holds(fixture, &copy, &["seed"]).await
}

/// A missing snapshot is reported, and nothing is created.
pub async fn a_snapshot_that_was_never_made_is_no_data(fixture: &dyn Fixture) -> Kept {
    let main = database(fixture, G1, MAIN)?;
    let nothing = Seed::Snapshot(SnapshotId::parse(&"0".repeat(64))?);
    let databases = fixture.databases();
    let created = databases.create(&main, &nothing, silence()).await;
    let no_data = matches!(created, Err(DatabaseError::NoData(_)));
    expect(
        no_data,
        "a snapshot that never existed is missing",
        &created,
    )?;
    nothing_was_made(fixture).await
}

/// A server never gets data that it cannot read.
pub async fn a_snapshot_of_another_kind_of_server_is_refused(fixture: &dyn Fixture) -> Kept {
    let main = made(fixture, G1, MAIN).await?;
    let databases = fixture.databases();
    let saved = databases.save(&main.key, "a state of the shop").await?;
    let mut unlike = database(fixture, G2, MAIN)?;
    unlike.kind = DatabaseKind::Redis;
    let seed = Seed::Snapshot(saved.id);
    let created = databases.create(&unlike, &seed, silence()).await;
    let refused = matches!(&created,
        Err(DatabaseError::Version { made_by, .. }) if *made_by == main.image);
    expect(
        refused,
        "the error names the kind that created the data",
        &created,
    )?;
    let seen = data_are(fixture, &[main.key]).await?;
    expect(seen.databases.is_empty(), "no server is left", &seen)
}
