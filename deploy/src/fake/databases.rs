//! The databases of the simulated host.

use async_trait::async_trait;

use super::{
    FakeEngine, Op,
    flight::Flight,
    rules::{describe_database, describe_room},
    world::{Database, World, directory},
};
use crate::{
    databases::{DatabaseError, DatabaseKey, DatabaseSpec, Databases, Seed},
    engine::{Activity, EngineError, Room},
    names::Instance,
};

/// What a statement may begin with; anything else is an error of syntax.
const STATEMENTS: [&str; 16] = [
    "alter", "analyze", "begin", "commit", "copy", "create", "delete", "do", "drop", "grant",
    "insert", "select", "set", "truncate", "update", "with",
];

#[async_trait]
impl Databases for FakeEngine {
    async fn create(&self, spec: &DatabaseSpec) -> Result<(), DatabaseError> {
        let mut flight = Flight::begin(self, Op::CreateDatabase, describe_database(&spec.key));
        flight.depart().await?;
        let begun = self.world().begin_database(&self.instance, spec);
        if let Err(error) = begun {
            return flight.land(Err(error));
        }
        flight.travel(1).await?;
        let made = self.world().finish_database(&self.instance, spec);
        flight.land(made)
    }

    async fn start(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        let mut flight = Flight::begin(self, Op::StartDatabase, describe_database(key));
        flight.depart().await?;
        let running = self
            .world()
            .databases
            .get(&(self.instance.clone(), key.clone()))
            .map(|database| database.activity == Activity::Running);
        if running != Some(true) {
            flight.travel(1).await?;
        }
        let started = self.world().start_database(&self.instance, key);
        flight.land(started)
    }

    async fn remove(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        let mut flight = Flight::begin(self, Op::RemoveDatabase, describe_database(key));
        flight.depart().await?;
        flight.travel(2).await?;
        self.world().remove_container(&self.instance, key);
        flight.travel(2).await?;
        {
            let mut world = self.world();
            let directory = directory(&self.instance, key);
            world.strays.remove(&(self.instance.clone(), directory));
            world.hint(&self.instance, &key.preview);
        }
        flight.land(Ok(()))
    }
}

impl World {
    /// Takes away what has the name and makes an empty server.
    fn begin_database(
        &mut self,
        instance: &Instance,
        spec: &DatabaseSpec,
    ) -> Result<(), DatabaseError> {
        let preview = &spec.key.preview;
        if !self
            .rooms
            .contains_key(&(instance.clone(), preview.clone(), Room::Data))
        {
            return Err(EngineError::Missing(describe_room(preview, &Room::Data)).into());
        }
        if self.unknown_references.contains(&spec.image) {
            let why = "no such image (simulated)".to_owned();
            return Err(DatabaseError::NoImage {
                image: spec.image.clone(),
                why,
            });
        }
        self.check_remove_database(instance, &spec.key);
        self.strays
            .remove(&(instance.clone(), directory(instance, &spec.key)));
        let database = Database {
            image: spec.image.clone(),
            activity: Activity::Running,
            complete: false,
            data: Vec::new(),
        };
        self.databases
            .insert((instance.clone(), spec.key.clone()), database);
        self.hint(instance, preview);
        Ok(())
    }

    /// Fills it. A seed that fails leaves nothing behind.
    fn finish_database(
        &mut self,
        instance: &Instance,
        spec: &DatabaseSpec,
    ) -> Result<(), DatabaseError> {
        let key = (instance.clone(), spec.key.clone());
        let missing = || EngineError::Missing(describe_database(&spec.key));
        let database = self.databases.get_mut(&key).ok_or_else(missing)?;
        if database.activity != Activity::Running {
            self.databases.remove(&key);
            self.hint(instance, &spec.key.preview);
            let message = "the server ended while it was made".to_owned();
            return Err(DatabaseError::NotReady {
                message,
                output: Vec::new(),
            });
        }
        match spec.seed.as_ref().map(apply).transpose() {
            Ok(data) => {
                database.data = data.unwrap_or_default();
                database.complete = true;
                Ok(())
            }
            Err(error) => {
                self.databases.remove(&key);
                self.hint(instance, &spec.key.preview);
                Err(error)
            }
        }
    }

    fn start_database(
        &mut self,
        instance: &Instance,
        key: &DatabaseKey,
    ) -> Result<(), DatabaseError> {
        let database = self
            .databases
            .get_mut(&(instance.clone(), key.clone()))
            .ok_or_else(|| EngineError::Missing(describe_database(key)))?;
        database.activity = Activity::Running;
        if !database.complete {
            self.violation(format!("{} started half made", describe_database(key)));
        }
        self.hint(instance, &key.preview);
        Ok(())
    }

    /// Takes away the server; its directory is all that is left.
    fn remove_container(&mut self, instance: &Instance, key: &DatabaseKey) {
        self.check_remove_database(instance, key);
        if self
            .databases
            .remove(&(instance.clone(), key.clone()))
            .is_some()
        {
            self.strays
                .insert((instance.clone(), directory(instance, key)));
            self.hint(instance, &key.preview);
        }
    }
}

/// The seed's statements, or the first that no server would take.
fn apply(seed: &Seed) -> Result<Vec<String>, DatabaseError> {
    let content = String::from_utf8_lossy(&seed.content);
    let mut statements = Vec::new();
    let mut line = 1;
    for piece in content.split(';') {
        let blank = piece.len() - piece.trim_start().len();
        let begins = line
            + piece
                .bytes()
                .take(blank)
                .filter(|byte| *byte == b'\n')
                .count();
        line += piece.bytes().filter(|byte| *byte == b'\n').count();
        let Some(word) = piece.split_whitespace().next() else {
            continue;
        };
        if !STATEMENTS.contains(&word.to_lowercase().as_str()) {
            return Err(DatabaseError::Seed {
                path: seed.path.clone(),
                line: u32::try_from(begins).ok(),
                message: format!("syntax error at or near {word:?}"),
            });
        }
        statements.push(piece.trim().to_owned());
    }
    Ok(statements)
}
