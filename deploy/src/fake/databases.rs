//! The databases of the simulated host.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{FakeEngine, Op, data::key_in, describe, flight::Flight, seed, stored::bytes};
use crate::{
    databases::{
        DataSet, DataSink, DataUse, DatabaseError, DatabaseSpec, Databases, Fork, Forked,
        PoolState, Seed, SnapshotState,
    },
    names::{DatabaseKey, DatabaseName, Generation, PreviewId, SnapshotId},
    table_watch::TableWatch,
};

/// How long servers on a source are paused while it is copied.
const PAUSE: Duration = Duration::from_millis(10);

/// The size of a pool that never fills up.
const POOL_BYTES: u64 = 64 << 30;

/// A copy takes this fraction of the time of a seed run.
const COPY_PART: u32 = 30;

#[async_trait]
impl Databases for FakeEngine {
    async fn create(
        &self,
        spec: &DatabaseSpec,
        seed: &Seed,
        sink: DataSink,
    ) -> Result<(), DatabaseError> {
        let mut flight = Flight::begin(self, Op::CreateDatabase, describe::database(&spec.key));
        flight.depart().await?;
        let begun = self.world().begin_data(&self.instance, spec, seed);
        let id = match begun {
            Ok(id) => id,
            Err(error) => return flight.land(Err(error)),
        };
        let at = (self.instance.clone(), id.clone());
        let is_there = self.world().snapshots.contains_key(&at);
        if is_there {
            flight.travel(COPY_PART).await?;
        } else {
            let (name, from) = (&spec.key.name, seed::describe(seed));
            sink(format!("the data of {name}, made from {from}"));
            flight.travel(1).await?;
            if let Seed::Run { spec: run, .. } = seed {
                let takes = self.world().script_of(run).migrate_takes;
                flight.wait(takes).await?;
            }
        }
        let made = self.world().finish_data(&self.instance, spec, seed, &id);
        flight.land(made)
    }

    async fn fork(&self, fork: &Fork) -> Result<Forked, DatabaseError> {
        let began = Instant::now();
        let names = fork.names.iter();
        let targets = names.map(|name| describe::database(&key_in(&fork.to, name)));
        let what = format!("data {}/{}", fork.to.preview, fork.to.generation);
        let mut flight = Flight::begin_on(self, Op::Fork, what, targets.collect());
        flight.depart().await?;
        flight.travel(2).await?;
        let cut = self
            .world()
            .copy_at_one_moment(&self.instance, &fork.from, &fork.names);
        let copies = match cut {
            Ok(copies) => copies,
            Err(error) => return flight.land(Err(error)),
        };
        let paused = match self.world().has_servers(&self.instance, &fork.from) {
            true => PAUSE,
            false => Duration::ZERO,
        };
        flight.travel(2).await?;
        self.world().put_copies(&self.instance, fork, copies);
        flight.land(Ok(Forked {
            paused,
            // The pause is part of it, even if calls take no time.
            took: began.elapsed().max(paused),
            shared: true,
        }))
    }

    async fn start(&self, spec: &DatabaseSpec) -> Result<(), DatabaseError> {
        let mut flight = Flight::begin(self, Op::StartDatabase, describe::database(&spec.key));
        flight.depart().await?;
        let runs = self.world().prepare_server(&self.instance, spec);
        match runs {
            Err(error) => return flight.land(Err(error)),
            Ok(true) => return flight.land(Ok(())),
            Ok(false) => {}
        }
        flight.travel(1).await?;
        let started = self.world().start_server(&self.instance, spec);
        flight.land(started)
    }

    /// A migration is a single word here, so there is nothing to watch.
    async fn watch_tables(
        &self,
        _: &DatabaseSpec,
    ) -> Result<Option<Box<dyn TableWatch>>, DatabaseError> {
        Ok(None)
    }

    async fn stop(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        let mut flight = Flight::begin(self, Op::Stop, describe::database(key));
        flight.depart().await?;
        flight.travel(1).await?;
        self.world().remove_server(&self.instance, key);
        flight.land(Ok(()))
    }

    async fn remove(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        let mut flight = Flight::begin(self, Op::RemoveDatabase, describe::database(key));
        flight.depart().await?;
        flight.travel(2).await?;
        {
            let mut world = self.world();
            world.check_remove_database(&self.instance, key);
            world.remove_server(&self.instance, key);
        }
        flight.travel(2).await?;
        self.world().remove_data(&self.instance, key);
        flight.land(Ok(()))
    }

    async fn save(&self, key: &DatabaseKey, source: &str) -> Result<SnapshotState, DatabaseError> {
        let mut flight = Flight::begin(self, Op::Save, describe::database(key));
        flight.depart().await?;
        flight.travel(1).await?;
        let set = DataSet {
            preview: key.preview.clone(),
            generation: key.generation,
        };
        let saved = {
            let mut world = self.world();
            let names = std::slice::from_ref(&key.name);
            let cut = world.copy_at_one_moment(&self.instance, &set, names);
            cut.and_then(|copies| match copies.into_values().next() {
                Some(data) => world.save(&self.instance, data, source),
                None => Err(DatabaseError::NoData(describe::database(key))),
            })
        };
        flight.land(saved)
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotState>, DatabaseError> {
        let world = self.world();
        let all = world.snapshots.iter();
        let ours = all.filter(|((owner, _), _)| *owner == self.instance);
        Ok(ours.map(|(_, snapshot)| snapshot.state.clone()).collect())
    }

    async fn forget(&self, id: &SnapshotId) -> Result<(), DatabaseError> {
        let at = (self.instance.clone(), id.clone());
        self.world().snapshots.remove(&at);
        Ok(())
    }

    async fn snapshot_use(&self, id: &SnapshotId) -> Result<DataUse, DatabaseError> {
        let world = self.world();
        let snapshot = world.snapshots.get(&(self.instance.clone(), id.clone()));
        let snapshot = snapshot.ok_or_else(|| DatabaseError::NoData(format!("snapshot {id}")))?;
        Ok(DataUse {
            exclusive_bytes: snapshot.bytes(),
            shared_bytes: 0,
        })
    }

    async fn data_use(
        &self,
        preview: &PreviewId,
    ) -> Result<BTreeMap<(Generation, DatabaseName), DataUse>, DatabaseError> {
        let mut world = self.world();
        let data = &world.of(&self.instance, preview).data;
        let usage = data.iter().filter(|(_, data)| data.complete);
        let usage = usage.map(|(at, data)| {
            let usage = DataUse {
                exclusive_bytes: bytes(&data.statements),
                shared_bytes: 0,
            };
            (at.clone(), usage)
        });
        Ok(usage.collect())
    }

    async fn pool(&self) -> Result<PoolState, DatabaseError> {
        Ok(PoolState {
            way: "copies share their blocks (simulated)".to_owned(),
            remedy: None,
            total_bytes: POOL_BYTES,
            free_bytes: POOL_BYTES,
        })
    }
}
