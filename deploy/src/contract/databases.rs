//! Promises about databases.

use super::{
    BAD_SEED, Fixture, Kept,
    check::{database, database_key, expect, observe, room, room_of, shop},
};
use crate::{
    databases::{DatabaseError, DatabaseSpec, Seed},
    engine::{Activity, EngineError, Room},
};

async fn rooms(fixture: &dyn Fixture) -> Kept {
    room(fixture).await?;
    room_of(fixture, &shop()?, Room::Data).await
}

async fn made(fixture: &dyn Fixture) -> Result<DatabaseSpec, super::Broken> {
    rooms(fixture).await?;
    let spec = database(fixture)?;
    fixture.databases().create(&spec).await?;
    Ok(spec)
}

async fn holds(fixture: &dyn Fixture, wanted: &[&str]) -> Kept {
    let words = fixture.words(&database_key()?).await?;
    expect(
        words == wanted,
        &format!("the database holds {wanted:?}"),
        &words,
    )
}

/// What the first visitor meets is the seed.
pub async fn a_database_starts_with_its_seed_and_answers(fixture: &dyn Fixture) -> Kept {
    made(fixture).await?;
    holds(fixture, &["seed"]).await
}

/// A database is never made outside its room.
pub async fn a_database_without_its_room_is_missing(fixture: &dyn Fixture) -> Kept {
    let made = fixture.databases().create(&database(fixture)?).await;
    let missing = matches!(made, Err(DatabaseError::Engine(EngineError::Missing(_))));
    expect(missing, "a database without its room is missing it", &made)?;
    let seen = observe(fixture).await?;
    expect(seen.is_empty(), "it leaves nothing", &seen)
}

/// The author is told which line, and nothing half made is left.
pub async fn a_bad_seed_names_the_line(fixture: &dyn Fixture) -> Kept {
    rooms(fixture).await?;
    let mut spec = database(fixture)?;
    spec.seed = Some(Seed {
        path: "db/seed.sql".to_owned(),
        content: BAD_SEED.into(),
    });
    let made = fixture.databases().create(&spec).await;
    let named = matches!(&made,
        Err(DatabaseError::Seed { path, line: Some(3), .. }) if path == "db/seed.sql");
    expect(named, "the failing line of the seed is named", &made)?;
    let seen = observe(fixture).await?;
    let nothing = seen.databases.is_empty() && seen.strays.is_empty();
    expect(nothing, "nothing half made is left", &seen)
}

/// A making never meets the data of an earlier one.
pub async fn creating_again_starts_fresh(fixture: &dyn Fixture) -> Kept {
    let spec = made(fixture).await?;
    fixture.put_word(&spec.key, "written").await?;
    holds(fixture, &["seed", "written"]).await?;
    fixture.databases().create(&spec).await?;
    holds(fixture, &["seed"]).await?;
    let seen = observe(fixture).await?;
    let one = seen.databases.len() == 1 && seen.strays.is_empty();
    expect(one, "one database is there", &seen)
}

/// What was written stays, whoever stopped the server.
pub async fn a_database_keeps_its_data_over_stop_and_start(fixture: &dyn Fixture) -> Kept {
    let spec = made(fixture).await?;
    fixture.put_word(&spec.key, "written").await?;
    fixture.stop_containers().await?;
    let seen = observe(fixture).await?;
    let ended = |activity: &Activity| matches!(activity, Activity::Exited { .. });
    let stopped = seen.databases.iter().all(|db| ended(&db.activity));
    expect(
        stopped && seen.databases.len() == 1,
        "it is seen as ended",
        &seen,
    )?;
    for _ in 0..2 {
        fixture.databases().start(&spec.key).await?;
        holds(fixture, &["seed", "written"]).await?;
    }
    Ok(())
}

/// Nothing is made by a start.
pub async fn starting_a_database_that_was_never_made_is_missing(fixture: &dyn Fixture) -> Kept {
    rooms(fixture).await?;
    let started = fixture.databases().start(&database_key()?).await;
    let missing = matches!(started, Err(DatabaseError::Engine(EngineError::Missing(_))));
    expect(missing, "what was never made is missing", &started)
}

/// Neither server nor data.
pub async fn a_removed_database_leaves_nothing(fixture: &dyn Fixture) -> Kept {
    let spec = made(fixture).await?;
    for _ in 0..2 {
        fixture.databases().remove(&spec.key).await?;
        let seen = observe(fixture).await?;
        let nothing = seen.databases.is_empty() && seen.strays.is_empty();
        expect(nothing, "a removed database leaves nothing", &seen)?;
    }
    Ok(())
}
