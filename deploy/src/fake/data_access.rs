//! Access to data on the simulated host.

use std::io::{self, ErrorKind};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use super::{
    FakeEngine, Op, describe, flight::Flight, objects::database_at, seed, stored::Snapshot,
    world::World,
};
use crate::{
    content::Content,
    data_access::{
        Arrival, ConnectionInfo, DataAccess, Frozen, ImportSpec, Imported, Kept, Pieces,
    },
    databases::{DataSink, DatabaseError, DatabaseSpec, Seed, SeedReport, SnapshotState},
    engine::{EngineError, LogStream},
    names::{DatabaseKey, Instance},
};

#[async_trait]
impl DataAccess for FakeEngine {
    async fn reach(&self, spec: &DatabaseSpec) -> Result<ConnectionInfo, DatabaseError> {
        let mut world = self.world();
        let objects = world.of(&self.instance, &spec.key.preview);
        if !objects.is_served(&database_at(&spec.key)) {
            return Err(EngineError::Missing(describe::database(&spec.key)).into());
        }
        // Nothing listens anywhere, and no container could run a client.
        Ok(ConnectionInfo {
            client: None,
            address: None,
        })
    }

    /// Statements have no tables here.
    async fn seed_report(&self, _: &DatabaseKey) -> Result<SeedReport, DatabaseError> {
        Ok(SeedReport::default())
    }

    /// Servers have no output here.
    async fn server_logs(
        &self,
        key: &DatabaseKey,
        _tail: usize,
        _follow: bool,
    ) -> Result<LogStream, EngineError> {
        let mut world = self.world();
        let servers = &world.of(&self.instance, &key.preview).servers;
        match servers.contains_key(&database_at(key)) {
            true => Ok(Box::pin(stream::empty())),
            false => Err(EngineError::Missing(describe::database(key))),
        }
    }

    async fn kept(&self) -> Result<Vec<Kept>, DatabaseError> {
        Err(no_files("a list of files"))
    }

    async fn freeze(&self, _: &Kept) -> Result<Vec<Box<dyn Frozen>>, DatabaseError> {
        Err(no_files("an archive"))
    }

    /// Reads the whole input before using it.
    async fn spool<'a>(
        &self,
        mut pieces: Pieces<'a>,
        bytes_max: u64,
    ) -> io::Result<(Content, Arrival<'a>)> {
        let mut all = Vec::new();
        while let Some(piece) = pieces.next().await {
            all.extend_from_slice(&piece?);
            if all.len() as u64 > bytes_max {
                return Err(ErrorKind::FileTooLarge.into());
            }
        }
        Ok((all.into(), Box::pin(std::future::ready(Ok(())))))
    }

    async fn import(&self, spec: ImportSpec, sink: DataSink) -> Result<Imported, DatabaseError> {
        let what = format!("import of {}", seed::describe(&spec.seed));
        let mut flight = Flight::begin(self, Op::Import, what);
        flight.depart().await?;
        let refused = seed::check_fits(&spec.kind, &spec.seed);
        let refused = refused.and_then(|()| self.world().check_server_image(&spec.image));
        if let Err(error) = refused {
            return flight.land(Err(error));
        }
        sink(format!("what {} brings", seed::describe(&spec.seed)));
        flight.travel(1).await?;
        let imported = self.world().import(&self.instance, &spec);
        flight.land(imported.map(|snapshot| Imported {
            snapshot,
            report: SeedReport::default(),
            // Statements are stored, but their columns are never parsed.
            personal: Vec::new(),
            unused: Vec::new(),
        }))
    }
}

impl World {
    fn import(
        &mut self,
        instance: &Instance,
        spec: &ImportSpec,
    ) -> Result<SnapshotState, DatabaseError> {
        let source = seed::describe(&spec.seed);
        if matches!(spec.seed, Seed::Run { .. } | Seed::Snapshot(_)) {
            return Err(DatabaseError::SeedUnfit {
                path: source,
                why: "it is not a seed that can be imported".to_owned(),
            });
        }
        let mut statements = seed::apply(&spec.seed)?;
        if let Some(mask) = &spec.mask {
            statements.extend(seed::apply_file(&mask.script).map_err(mask_failed)?);
        }
        let serial = self.serial().to_string();
        let id = seed::digest(&[instance.as_str(), "imported", &serial])?;
        let state = self.new_snapshot(&id, &spec.kind, &spec.image, &source);
        let snapshot = Snapshot::new(state, statements);
        let state = snapshot.state.clone();
        self.snapshots.insert((instance.clone(), id), snapshot);
        Ok(state)
    }
}

fn mask_failed(error: DatabaseError) -> DatabaseError {
    match error {
        DatabaseError::Seed {
            path,
            line,
            message,
            ..
        } => DatabaseError::Mask {
            path,
            line,
            message,
        },
        other => other,
    }
}

/// Data consists of words in memory here.
fn no_files(what: &str) -> DatabaseError {
    DatabaseError::Pool(format!("the simulated host has no files for {what}"))
}
