//! What promises about databases have in common.

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

/// The first state of a preview's data, and the one that follows it.
pub(super) const G1: Generation = Generation(1);
pub(super) const G2: Generation = Generation(2);

/// The databases that there are, both of one kind.
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

/// For those who want to hear nothing of a seed run.
pub(super) fn silence() -> DataSink {
    Arc::new(|_| {})
}

/// What a seed run tells.
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

/// Makes the networks of the shop's first revision and of one generation of its data.
pub(super) async fn networks(fixture: &dyn Fixture, generation: Generation) -> Kept {
    network(fixture).await?;
    network_of(fixture, &shop()?, Network::Data(generation)).await
}

/// A database with the seed's data, in its networks, without a server.
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

/// A database with the seed's data that runs.
pub(super) async fn running(
    fixture: &dyn Fixture,
    generation: Generation,
    name: &str,
) -> Result<DatabaseSpec, Broken> {
    let spec = made(fixture, generation, name).await?;
    fixture.databases().start(&spec).await?;
    Ok(spec)
}

/// Starts a server where there are data already.
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

/// The database holds just these words, given in order.
pub(super) async fn holds(fixture: &dyn Fixture, database: &DatabaseSpec, wanted: &[&str]) -> Kept {
    let words = fixture.words(database).await?;
    let key = &database.key;
    let promised = format!("{} of {} holds {wanted:?}", key.name, key.generation);
    expect(words == wanted, &promised, &words)
}

/// Just these data are there, and servers on some of them.
pub(super) async fn data_are(
    fixture: &dyn Fixture,
    wanted: &[DatabaseKey],
) -> Result<Observation, Broken> {
    let mut seen = observe(fixture).await?;
    seen.data.sort();
    let promised = format!("the data that are there are {wanted:?}");
    expect(seen.data == wanted, &promised, &seen)?;
    expect(seen.strays.is_empty(), "nothing is left over", &seen)?;
    Ok(seen)
}

/// A seed run that failed left nothing of itself: no data, no server, no snapshot, no command.
pub(super) async fn nothing_was_made(fixture: &dyn Fixture) -> Kept {
    let seen = data_are(fixture, &[]).await?;
    expect(seen.databases.is_empty(), "no server is left", &seen)?;
    let snapshots = fixture.databases().snapshots().await?;
    expect(snapshots.is_empty(), "no snapshot is left", &snapshots)
}
