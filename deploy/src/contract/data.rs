//! Helpers of the promises about databases.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use super::{
    Broken, Fixture, Kept,
    check::{expect, network, network_of, observe, shop},
    fixture::{PASSWORD, SEED},
};
use crate::{
    blueprint::DatabaseKind,
    databases::{DataSet, DataSink, DatabaseSpec, Seed, SeedFile},
    engine::{Network, Observation},
    names::{DatabaseKey, DatabaseName, Generation, NameError},
};

/// The first generation of a preview's data, and the next one.
pub(super) const G1: Generation = Generation(1);
pub(super) const G2: Generation = Generation(2);

/// The names of the databases, both of one kind.
pub(super) const MAIN: &str = "main";
pub(super) const OTHER: &str = "other";

/// The path of every seed that is one file.
pub(super) const SEED_PATH: &str = "db/seed.sql";

pub(super) fn data_key(generation: Generation, name: &str) -> Result<DatabaseKey, NameError> {
    Ok(DatabaseKey {
        preview: shop()?,
        generation,
        name: DatabaseName::parse(name)?,
    })
}

pub(super) fn set(generation: Generation) -> Result<DataSet, NameError> {
    let preview = shop()?;
    Ok(DataSet {
        preview,
        generation,
    })
}

pub(super) fn database(
    fixture: &dyn Fixture,
    generation: Generation,
    name: &str,
) -> Result<DatabaseSpec, NameError> {
    Ok(DatabaseSpec {
        key: data_key(generation, name)?,
        kind: DatabaseKind::Postgres,
        image: fixture.database_image().to_owned(),
        password: SecretString::from(PASSWORD),
        memory_bytes: 512 << 20,
        cpu_milli: 1_000,
    })
}

pub(super) fn file(content: &'static str) -> SeedFile {
    SeedFile {
        path: SEED_PATH.to_owned(),
        content: content.into(),
    }
}

pub(super) fn seed() -> Seed {
    Seed::Sql(file(SEED).into())
}

/// A sink that discards the output of a seed run.
pub(super) fn silence() -> DataSink {
    Arc::new(|_| {})
}

/// The collected output of a seed run.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    pub(super) fn sink(&self) -> DataSink {
        let told = Arc::clone(&self.0);
        Arc::new(move |words| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.push(words);
        })
    }

    pub(super) fn all(&self) -> Vec<String> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.clone()
    }
}

/// Creates the networks of the shop's first revision and of one generation of its data.
pub(super) async fn networks(fixture: &dyn Fixture, generation: Generation) -> Kept {
    network(fixture).await?;
    network_of(fixture, &shop()?, Network::Data(generation)).await
}

/// Creates a database with the seed's data and its networks, but no server.
pub(super) async fn made(
    fixture: &dyn Fixture,
    generation: Generation,
    name: &str,
) -> Result<DatabaseSpec, Broken> {
    networks(fixture, generation).await?;
    let spec = database(fixture, generation, name)?;
    let databases = fixture.databases();
    databases.create(&spec, &seed(), silence()).await?;
    Ok(spec)
}

/// Creates a database with the seed's data, and starts its server.
pub(super) async fn running(
    fixture: &dyn Fixture,
    generation: Generation,
    name: &str,
) -> Result<DatabaseSpec, Broken> {
    let spec = made(fixture, generation, name).await?;
    fixture.databases().start(&spec).await?;
    Ok(spec)
}

/// Starts a server on existing data.
pub(super) async fn started(
    fixture: &dyn Fixture,
    generation: Generation,
    name: &str,
) -> Result<DatabaseSpec, Broken> {
    networks(fixture, generation).await?;
    let spec = database(fixture, generation, name)?;
    fixture.databases().start(&spec).await?;
    Ok(spec)
}

/// The database holds exactly these words, given in order.
pub(super) async fn holds(fixture: &dyn Fixture, database: &DatabaseSpec, wanted: &[&str]) -> Kept {
    let words = fixture.words(database).await?;
    let key = &database.key;
    let promised = format!("{} of {} holds {wanted:?}", key.name, key.generation);
    expect(words == wanted, &promised, &words)
}

/// Exactly this data exists, with servers on a part of it.
pub(super) async fn data_are(
    fixture: &dyn Fixture,
    wanted: &[DatabaseKey],
) -> Result<Observation, Broken> {
    let mut seen = observe(fixture).await?;
    seen.data.sort();
    let promised = format!("the existing data is {wanted:?}");
    expect(seen.data == wanted, &promised, &seen)?;
    expect(seen.strays.is_empty(), "nothing is left over", &seen)?;
    Ok(seen)
}

/// A failed seed run leaves nothing: no data, no server, no snapshot, no command.
pub(super) async fn nothing_was_made(fixture: &dyn Fixture) -> Kept {
    let seen = data_are(fixture, &[]).await?;
    expect(seen.databases.is_empty(), "no server is left", &seen)?;
    let snapshots = fixture.databases().snapshots().await?;
    expect(snapshots.is_empty(), "no snapshot is left", &snapshots)
}
