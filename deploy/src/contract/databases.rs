//! Promises about data and database servers.

use secrecy::SecretString;

use super::{
    Fixture, Kept,
    check::{expect, observe, shop},
    data::{
        G1, MAIN, OTHER, data_are, data_key, database, holds, made, networks, nothing_was_made,
        running, seed, silence,
    },
};
use crate::{
    blueprint::DatabaseKind,
    databases::DatabaseError,
    engine::{ContainerState, EngineError, Network},
};

/// A new database holds the seed's data.
pub async fn a_database_starts_with_its_seed_and_answers(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    holds(fixture, &main, &["seed"]).await
}

/// Data can be created without a network or server, and is observed.
pub async fn data_are_made_without_a_server(fixture: &dyn Fixture) -> Kept {
    let main = database(fixture, G1, MAIN)?;
    fixture
        .databases()
        .create(&main, &seed(), silence())
        .await?;
    let seen = data_are(fixture, &[main.key]).await?;
    let alone = seen.databases.is_empty() && seen.networks.is_empty();
    expect(alone, "only the data exists", &seen)
}

/// A database never runs outside its network.
pub async fn a_database_without_its_network_is_missing(fixture: &dyn Fixture) -> Kept {
    let main = database(fixture, G1, MAIN)?;
    fixture
        .databases()
        .create(&main, &seed(), silence())
        .await?;
    let started = fixture.databases().start(&main).await;
    let missing = matches!(started, Err(DatabaseError::Engine(EngineError::Missing(_))));
    expect(
        missing,
        "a start without the network reports it as missing",
        &started,
    )?;
    let seen = data_are(fixture, &[main.key]).await?;
    expect(seen.databases.is_empty(), "it leaves no server", &seen)
}

/// A start never creates data.
pub async fn starting_a_database_that_was_never_made_is_missing(fixture: &dyn Fixture) -> Kept {
    networks(fixture, G1).await?;
    let main = database(fixture, G1, MAIN)?;
    let started = fixture.databases().start(&main).await;
    let missing = matches!(started, Err(DatabaseError::Engine(EngineError::Missing(_))));
    expect(missing, "data that was never created is missing", &started)?;
    nothing_was_made(fixture).await
}

/// Starting a running server changes nothing.
pub async fn starting_a_database_twice_leaves_one_server(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    fixture.databases().start(&main).await?;
    holds(fixture, &main, &["seed", "written"]).await?;
    let seen = data_are(fixture, std::slice::from_ref(&main.key)).await?;
    let states = seen.databases.iter().map(|db| (&db.key, &db.state));
    let one = states.eq([(&main.key, &ContainerState::Running)]);
    expect(one, "one server runs", &seen)
}

/// A copy of data contains the old password, but each server accepts its own.
pub async fn a_database_answers_to_the_password_it_was_started_with_last(
    fixture: &dyn Fixture,
) -> Kept {
    let mut main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    main.password = SecretString::from("another-horse");
    fixture.databases().start(&main).await?;
    holds(fixture, &main, &["seed", "written"]).await
}

/// Data without a server stays as it was.
pub async fn a_stopped_database_keeps_its_data(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    for _ in 0..2 {
        fixture.databases().stop(&main.key).await?;
        let seen = data_are(fixture, std::slice::from_ref(&main.key)).await?;
        let stopped = seen.databases.is_empty() && seen.networks.len() == 2;
        expect(stopped, "the server is gone, its network is not", &seen)?;
    }
    fixture.databases().start(&main).await?;
    holds(fixture, &main, &["seed", "written"]).await
}

/// Written data stays, however the server ended.
pub async fn a_database_keeps_its_data_when_its_server_is_killed(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    fixture.stop_containers().await?;
    let seen = observe(fixture).await?;
    let ended = |state: &ContainerState| matches!(state, ContainerState::Exited { .. });
    let stopped = seen.databases.iter().all(|db| ended(&db.state));
    expect(
        stopped && seen.databases.len() == 1,
        "it is observed as exited",
        &seen,
    )?;
    for _ in 0..2 {
        fixture.databases().start(&main).await?;
        holds(fixture, &main, &["seed", "written"]).await?;
    }
    Ok(())
}

/// A new seed run never sees the data of an earlier one.
pub async fn creating_again_starts_fresh(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    holds(fixture, &main, &["seed", "written"]).await?;
    let databases = fixture.databases();
    databases.stop(&main.key).await?;
    databases.create(&main, &seed(), silence()).await?;
    databases.start(&main).await?;
    holds(fixture, &main, &["seed"]).await?;
    let seen = data_are(fixture, &[main.key]).await?;
    expect(seen.databases.len() == 1, "one server is there", &seen)
}

/// Server and data are removed; the network and other databases stay.
pub async fn a_removed_database_leaves_nothing_but_its_network(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let other = running(fixture, G1, OTHER).await?;
    for _ in 0..2 {
        fixture.databases().remove(&main.key).await?;
        let seen = data_are(fixture, std::slice::from_ref(&other.key)).await?;
        let servers = seen.databases.iter().map(|db| &db.key);
        let gone = servers.eq([&other.key]);
        expect(gone, "the server is gone, the other one is not", &seen)?;
        let network = (shop()?, Network::Data(G1));
        expect(
            seen.networks.contains(&network),
            "the network is kept",
            &seen,
        )?;
    }
    holds(fixture, &other, &["seed"]).await?;
    fixture.databases().stop(&other.key).await?;
    fixture.databases().remove(&other.key).await?;
    let seen = data_are(fixture, &[]).await?;
    expect(seen.databases.is_empty(), "no server is left", &seen)
}

/// A server of another kind refuses data and does not modify it.
pub async fn data_of_another_kind_of_server_are_refused(fixture: &dyn Fixture) -> Kept {
    let main = made(fixture, G1, MAIN).await?;
    let mut unlike = main.clone();
    unlike.kind = DatabaseKind::Redis;
    let started = fixture.databases().start(&unlike).await;
    let refused = matches!(&started,
        Err(DatabaseError::Version { made_by, .. }) if *made_by == main.image);
    expect(
        refused,
        "the error names the kind that created the data",
        &started,
    )?;
    fixture.databases().start(&main).await?;
    holds(fixture, &main, &["seed"]).await
}

/// A missing server image is reported by name, and existing data stays.
pub async fn a_server_image_that_cannot_be_had_is_named(fixture: &dyn Fixture) -> Kept {
    // Nothing listens on port 1, so this needs no registry.
    let nowhere = "localhost:1/dayfly-contract/nothing:1";
    let mut main = database(fixture, G1, MAIN)?;
    main.image = nowhere.to_owned();
    let made = fixture.databases().create(&main, &seed(), silence()).await;
    let named = matches!(&made, Err(DatabaseError::NoImage { image, .. }) if image == nowhere);
    expect(named, "the unavailable image is named", &made)?;
    nothing_was_made(fixture).await
}

/// The pool's usage is reported per database.
pub async fn the_pool_tells_who_has_how_much(fixture: &dyn Fixture) -> Kept {
    let main = made(fixture, G1, MAIN).await?;
    let databases = fixture.databases();
    let usage = databases.data_use(&main.key.preview).await?;
    let whose: Vec<_> = usage.keys().cloned().collect();
    let key = data_key(G1, MAIN)?;
    let one = whose == [(key.generation, key.name)];
    let bytes = usage
        .values()
        .map(|part| part.exclusive_bytes + part.shared_bytes);
    let some = one && bytes.sum::<u64>() > 0;
    expect(some, "the one database uses some of the pool", &usage)?;
    let pool = databases.pool().await?;
    let some_is_free = pool.free_bytes > 0 && pool.free_bytes <= pool.total_bytes;
    expect(some_is_free, "a part of the pool is free", &pool)
}
