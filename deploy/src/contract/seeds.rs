//! Promises about seeds.

use super::{
    Act, BAD_SEED, Fixture, Kept,
    check::{acting, expect, network},
    data::{
        G1, G2, MAIN, OTHER, SEED_PATH, Told, data_are, database, file, holds, networks,
        nothing_was_made, running, seed, silence,
    },
};
use crate::{
    databases::{DatabaseError, Seed},
    engine::EngineError,
};

/// A failed seed names the line, and leaves no partial data.
pub async fn a_bad_seed_names_the_line(fixture: &dyn Fixture) -> Kept {
    networks(fixture, G1).await?;
    let bad = Seed::Sql(file(BAD_SEED).into());
    let main = database(fixture, G1, MAIN)?;
    let made = fixture.databases().create(&main, &bad, silence()).await;
    let named = matches!(&made,
        Err(DatabaseError::Seed { path, line: Some(3), .. }) if path == SEED_PATH);
    expect(named, "the failing line of the seed is named", &made)?;
    nothing_was_made(fixture).await
}

/// A seed for another kind of server has a different error than an invalid one.
pub async fn a_seed_that_does_not_fit_is_refused(fixture: &dyn Fixture) -> Kept {
    let dump = Seed::Rdb(file("REDIS0010"));
    let main = database(fixture, G1, MAIN)?;
    let made = fixture.databases().create(&main, &dump, silence()).await;
    let refused = matches!(&made,
        Err(DatabaseError::SeedUnfit { path, .. }) if path == SEED_PATH);
    expect(refused, "the unsuitable seed is named", &made)?;
    nothing_was_made(fixture).await
}

/// A database may start empty.
pub async fn a_database_without_a_seed_answers(fixture: &dyn Fixture) -> Kept {
    networks(fixture, G1).await?;
    let main = database(fixture, G1, MAIN)?;
    let databases = fixture.databases();
    databases.create(&main, &Seed::Empty, silence()).await?;
    databases.start(&main).await?;
    data_are(fixture, &[main.key]).await.map(drop)
}

/// A seed may be a command that runs beside the server and connects to it by its own name.
pub async fn a_seed_that_is_run_fills_the_database(fixture: &dyn Fixture) -> Kept {
    networks(fixture, G1).await?;
    let main = database(fixture, G1, MAIN)?;
    let seed = fixture.seed_that_runs(&main).await?;
    let databases = fixture.databases();
    databases.create(&main, &seed, silence()).await?;
    let seen = data_are(fixture, std::slice::from_ref(&main.key)).await?;
    let alone = seen.databases.is_empty() && seen.services.is_empty();
    expect(alone, "neither server nor command is left", &seen)?;
    databases.start(&main).await?;
    holds(fixture, &main, &["seed"]).await
}

/// The last output of a failed command is reported, and no partial data is left.
pub async fn a_seed_whose_command_fails_tells_its_last_words(fixture: &dyn Fixture) -> Kept {
    networks(fixture, G1).await?;
    let mut spec = acting(fixture, "seeder", Act::Fail).await?;
    spec.data = Some(G1);
    let seed = Seed::Run {
        spec: Box::new(spec),
        scope: String::new(),
        words: "make seed".to_owned(),
    };
    let main = database(fixture, G1, MAIN)?;
    let made = fixture.databases().create(&main, &seed, silence()).await;
    let told = matches!(&made, Err(DatabaseError::Seed { path, output, .. })
        if path == "make seed" && *output == ["last words"]);
    expect(told, "the command and its last output are reported", &made)?;
    nothing_was_made(fixture).await
}

/// A seed command needs the network to reach the server.
pub async fn a_seed_that_is_run_needs_the_network(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let main = database(fixture, G1, MAIN)?;
    let seed = fixture.seed_that_runs(&main).await?;
    let made = fixture.databases().create(&main, &seed, silence()).await;
    let missing = matches!(made, Err(DatabaseError::Engine(EngineError::Missing(_))));
    expect(
        missing,
        "a seed command without its network reports it as missing",
        &made,
    )?;
    nothing_was_made(fixture).await
}

/// Concurrent requests for the same seed share one run, and later ones use its result. Writes to
/// one copy do not reach the others.
pub async fn the_same_seed_is_run_once(fixture: &dyn Fixture) -> Kept {
    let databases = fixture.databases();
    let first = database(fixture, G1, MAIN)?;
    let second = database(fixture, G1, OTHER)?;
    let seed = seed();
    let (one, two) = tokio::join!(
        databases.create(&first, &seed, silence()),
        databases.create(&second, &seed, silence()),
    );
    one?;
    two?;
    let told = Told::default();
    let third = database(fixture, G2, MAIN)?;
    databases.create(&third, &seed, told.sink()).await?;
    let told = told.all();
    expect(
        told.is_empty(),
        "an existing snapshot is not created again",
        &told,
    )?;
    let snapshots = databases.snapshots().await?;
    let states = snapshots.iter().map(|state| (&state.kind, &state.image));
    let one = states.eq([(&first.kind, &first.image)]);
    let from = snapshots.iter().all(|state| state.source == SEED_PATH);
    expect(one && from, "there is one snapshot", &snapshots)?;
    data_are(
        fixture,
        &[first.key.clone(), second.key.clone(), third.key.clone()],
    )
    .await?;
    networks(fixture, G1).await?;
    networks(fixture, G2).await?;
    for database in [&first, &second, &third] {
        databases.start(database).await?;
    }
    fixture.put_word(&first, "written").await?;
    holds(fixture, &first, &["seed", "written"]).await?;
    holds(fixture, &second, &["seed"]).await?;
    holds(fixture, &third, &["seed"]).await
}

/// The result of one seed is not used for another.
pub async fn another_seed_is_made_afresh(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let file = file("CREATE TABLE words (word text);\nINSERT INTO words VALUES ('sown');\n");
    let other = database(fixture, G1, OTHER)?;
    let databases = fixture.databases();
    let seed = Seed::Sql(file.into());
    databases.create(&other, &seed, silence()).await?;
    databases.start(&other).await?;
    holds(fixture, &main, &["seed"]).await?;
    holds(fixture, &other, &["sown"]).await?;
    let snapshots = databases.snapshots().await?;
    expect(snapshots.len() == 2, "each seed has a snapshot", &snapshots)
}
