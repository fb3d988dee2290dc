//! Existing snapshots.

use crate::{
    databases::{DataSet, DataUse, DatabaseError, SnapshotState, unix_ms},
    docker::Docker,
    names::{DatabaseKey, SnapshotId},
    pool::Place,
    random,
};

impl Docker {
    pub(super) async fn list_snapshots(&self) -> Result<Vec<SnapshotState>, DatabaseError> {
        let pool = self.pool_of_data()?;
        let mut snapshots = Vec::new();
        for place in pool.list().await?.places {
            let Place::Snapshot(id) = place else {
                continue;
            };
            match self.snapshot_state(&id).await {
                Ok(state) => snapshots.extend(state),
                // An unreadable snapshot must not hide the others.
                Err(error) => tracing::warn!(%id, %error, "cannot read a snapshot; skipping it"),
            }
        }
        Ok(snapshots)
    }

    pub(super) async fn snapshot_state(
        &self,
        id: &SnapshotId,
    ) -> Result<Option<SnapshotState>, DatabaseError> {
        let place = Place::Snapshot(id.clone());
        let pool = self.pool_of_data()?;
        let Some(about) = self.about(&place).await? else {
            return Ok(None);
        };
        let used_at = pool.used_at(&place).await?;
        Ok(Some(SnapshotState {
            id: id.clone(),
            kind: about.kind,
            image: about.image,
            source: about.source,
            made_at_ms: about.made_at_ms,
            used_at_ms: used_at.map_or(about.made_at_ms, unix_ms),
        }))
    }

    /// Space that a snapshot takes in the pool.
    pub(super) async fn measure_snapshot(&self, id: &SnapshotId) -> Result<DataUse, DatabaseError> {
        let usage = self
            .pool_of_data()?
            .usage(&Place::Snapshot(id.clone()))
            .await?;
        Ok(DataUse {
            exclusive_bytes: usage.exclusive_bytes,
            shared_bytes: usage.shared_bytes,
        })
    }

    /// Saves a copy of a database that may run. The copy looks like the data of a server that was
    /// killed at that time; each fork recovers on its own.
    pub(super) async fn save_snapshot(
        &self,
        key: &DatabaseKey,
        source: &str,
    ) -> Result<SnapshotState, DatabaseError> {
        let set = DataSet {
            preview: key.preview.clone(),
            generation: key.generation,
        };
        let copies = self
            .copy_at_one_moment(&set, std::slice::from_ref(&key.name))
            .await?;
        let id = random_id()?;
        for (staging, mut about) in copies.stagings {
            source.clone_into(&mut about.source);
            about.made_at_ms = unix_ms(std::time::SystemTime::now());
            staging.write_about(&about.to_bytes()).await?;
            staging.publish(&Place::Snapshot(id.clone())).await?;
        }
        let state = self.snapshot_state(&id).await?;
        state.ok_or_else(|| DatabaseError::NoData(format!("snapshot {id}")))
    }
}

pub(super) fn random_id() -> Result<SnapshotId, DatabaseError> {
    let id = random::hex::<32>().map_err(|error| DatabaseError::Pool(error.to_string()))?;
    SnapshotId::parse(&id).map_err(|error| DatabaseError::Pool(error.to_string()))
}
