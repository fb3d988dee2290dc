//! Implements the port by delegating each call.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{
    kinds::kind,
    place::{describe, place},
    postgres::watching::{Watch, Watched},
};
use crate::{
    databases::{
        DataSink, DataUse, DatabaseError, DatabaseSpec, Databases, Fork, Forked, PoolState, Seed,
        SnapshotState,
    },
    docker::Docker,
    engine::EngineError,
    names::{DatabaseKey, DatabaseName, Generation, PreviewId, SnapshotId},
    pool::Place,
    table_watch::TableWatch,
};

#[async_trait]
impl Databases for Docker {
    async fn create(
        &self,
        spec: &DatabaseSpec,
        seed: &Seed,
        sink: DataSink,
    ) -> Result<(), DatabaseError> {
        let image = self.server_image(&spec.image).await?;
        self.remove_database(&spec.key).await?;
        let snapshot = self.ensure_snapshot(spec, &image, seed, &sink).await?;
        let from = Place::Snapshot(snapshot);
        self.pool_of_data()?.mark_used(&from).await?;
        if let Some(about) = self.about(&from).await? {
            about.check(spec)?;
        }
        self.copy(&from, &place(&spec.key)).await
    }

    async fn fork(&self, fork: &Fork) -> Result<Forked, DatabaseError> {
        // A separate task: paused containers must resume even if the caller is gone.
        let (docker, fork) = (self.clone(), fork.clone());
        let done = tokio::spawn(async move { docker.fork_at_once(&fork).await });
        done.await
            .unwrap_or_else(|error| Err(EngineError::Unreachable(error.to_string()).into()))
    }

    async fn start(&self, spec: &DatabaseSpec) -> Result<(), DatabaseError> {
        let missing = || EngineError::Missing(describe(&spec.key));
        let about = self.about(&place(&spec.key)).await?.ok_or_else(missing)?;
        about.check(spec)?;
        let image = self.server_image(&spec.image).await?;
        let turn = self.data_locks().data.of(&spec.key.preview);
        let _turn = turn.read().await;
        self.start_server(spec, image, &about).await
    }

    async fn watch_tables(
        &self,
        spec: &DatabaseSpec,
    ) -> Result<Option<Box<dyn TableWatch>>, DatabaseError> {
        let kind = kind(&spec.kind);
        let Some((watching, sql)) = kind.watching().zip(kind.sql_session()) else {
            return Ok(None);
        };
        let key = &spec.key;
        let container = self.names(&key.preview).database(key.generation, &key.name);
        let place = Watched {
            docker: self.clone(),
            container,
            kind: spec.kind.clone(),
            sql,
        };
        Ok(Some(Box::new(Watch::begin(place, watching).await?)))
    }

    async fn stop(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        let turn = self.data_locks().data.of(&key.preview);
        let _turn = turn.read().await;
        let name = self.names(&key.preview).database(key.generation, &key.name);
        Ok(self.stop_server(&name, &describe(key)).await?)
    }

    async fn remove(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        self.remove_database(key).await
    }

    async fn save(&self, key: &DatabaseKey, source: &str) -> Result<SnapshotState, DatabaseError> {
        // A separate task, as for a fork.
        let (docker, key, source) = (self.clone(), key.clone(), source.to_owned());
        let done = tokio::spawn(async move { docker.save_snapshot(&key, &source).await });
        done.await
            .unwrap_or_else(|error| Err(EngineError::Unreachable(error.to_string()).into()))
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotState>, DatabaseError> {
        self.list_snapshots().await
    }

    async fn snapshot_use(&self, id: &SnapshotId) -> Result<DataUse, DatabaseError> {
        self.measure_snapshot(id).await
    }

    async fn forget(&self, id: &SnapshotId) -> Result<(), DatabaseError> {
        let place = Place::Snapshot(id.clone());
        self.pool_of_data()?.remove(&place).await?;
        Ok(())
    }

    async fn data_use(
        &self,
        preview: &PreviewId,
    ) -> Result<BTreeMap<(Generation, DatabaseName), DataUse>, DatabaseError> {
        let pool = self.pool_of_data()?;
        let mut all = BTreeMap::new();
        for key in self.data_in_pool(Some(preview)).await? {
            let usage = pool.usage(&place(&key)).await?;
            let usage = DataUse {
                exclusive_bytes: usage.exclusive_bytes,
                shared_bytes: usage.shared_bytes,
            };
            all.insert((key.generation, key.name), usage);
        }
        Ok(all)
    }

    async fn pool(&self) -> Result<PoolState, DatabaseError> {
        let pool = self.pool_of_data()?;
        // If space is short, this empties the trash, so that trash does not count.
        let _short = pool.blocker().await;
        let space = pool.space().await?;
        Ok(PoolState {
            way: pool.clone_method().sentence(),
            remedy: pool.clone_method().remedy().map(str::to_owned),
            total_bytes: space.total_bytes,
            free_bytes: space.free_bytes.min(space.host_free_bytes),
        })
    }
}

impl Docker {
    /// All databases that have data.
    pub(crate) async fn data_in_pool(
        &self,
        preview: Option<&PreviewId>,
    ) -> Result<Vec<DatabaseKey>, EngineError> {
        let Some(pool) = &self.config().pool else {
            return Ok(Vec::new());
        };
        let places = match preview {
            Some(preview) => pool.list_of(preview).await,
            None => pool.list().await.map(|listing| listing.places),
        };
        let places = places.map_err(|error| EngineError::Unreachable(error.to_string()))?;
        let key = |place| match place {
            Place::Data {
                preview,
                generation,
                database,
            } => Some(DatabaseKey {
                preview,
                generation,
                name: database,
            }),
            Place::Snapshot(_) => None,
        };
        Ok(places.into_iter().filter_map(key).collect())
    }

    /// Kills and removes the container, then removes the data.
    pub(super) async fn remove_database(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        let turn = self.data_locks().data.of(&key.preview);
        let _turn = turn.read().await;
        let names = self.names(&key.preview);
        let name = names.database(key.generation, &key.name);
        if let Some((id, _)) = self.find_ours(&name).await? {
            self.clear(&id).await?;
        }
        self.remove_volumes_of_database(key).await?;
        if let Some(pool) = &self.config().pool {
            pool.remove(&place(key)).await?;
        }
        Ok(())
    }

    /// Copies idle data with its metadata.
    pub(super) async fn copy(&self, from: &Place, to: &Place) -> Result<(), DatabaseError> {
        let pool = self.pool_of_data()?;
        if let Some(why) = pool.blocker().await {
            return Err(DatabaseError::Full(why));
        }
        let about = self.about(from).await?;
        let about = about.ok_or_else(|| DatabaseError::NoData(from.to_string()))?;
        let staging = pool.staging().await?;
        pool.clone_into(from, &staging, super::forking::COPY_MAX)
            .await?;
        staging.write_about(&about.to_bytes()).await?;
        staging.publish(to).await?;
        Ok(())
    }
}
