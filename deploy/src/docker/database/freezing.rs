//! Temporary copies of data for an archive, each taken at one point in time.

use std::{collections::BTreeMap, io, path::Path};

use super::{forking::COPY_MAX, place::place};
use crate::{
    data_access::{Frozen, Kept},
    databases::{DataSet, DatabaseError},
    docker::Docker,
    engine::EngineError,
    names::{DatabaseKey, DatabaseName, SnapshotId},
    pool::{Place, Staging},
};

struct Copy {
    staging: Staging,
    place: Place,
}

impl Frozen for Copy {
    fn append_to(
        &self,
        archive: &mut tar::Builder<&mut dyn io::Write>,
        below: &Path,
    ) -> io::Result<()> {
        self.staging.append_to(archive, below, &self.place)
    }
}

impl Docker {
    pub(super) async fn all_kept(&self) -> Result<Vec<Kept>, DatabaseError> {
        let mut kept = Vec::new();
        let mut sets: BTreeMap<DataSet, Vec<DatabaseName>> = BTreeMap::new();
        for place in self.pool_of_data()?.list().await?.places {
            match place {
                Place::Snapshot(id) => kept.push(Kept::Snapshot(id)),
                Place::Data {
                    preview,
                    generation,
                    database,
                } => {
                    let set = DataSet {
                        preview,
                        generation,
                    };
                    sets.entry(set).or_default().push(database);
                }
            }
        }
        kept.extend(sets.into_iter().map(|(set, names)| Kept::Set(set, names)));
        Ok(kept)
    }

    pub(super) async fn freeze_kept(
        &self,
        kept: &Kept,
    ) -> Result<Vec<Box<dyn Frozen>>, DatabaseError> {
        match kept {
            Kept::Snapshot(id) => self.freeze_snapshot(id).await,
            Kept::Set(set, names) => {
                // A separate task: paused containers must resume even if the caller is gone.
                let (docker, set, names) = (self.clone(), set.clone(), names.clone());
                let done = tokio::spawn(async move { docker.freeze_set(&set, &names).await });
                done.await
                    .unwrap_or_else(|error| Err(EngineError::Unreachable(error.to_string()).into()))
            }
        }
    }

    async fn freeze_snapshot(
        &self,
        id: &SnapshotId,
    ) -> Result<Vec<Box<dyn Frozen>>, DatabaseError> {
        let pool = self.pool_of_data()?;
        let place = Place::Snapshot(id.clone());
        let about = self.about(&place).await?;
        let about = about.ok_or_else(|| DatabaseError::NoData(place.to_string()))?;
        let staging = pool.staging().await?;
        pool.clone_into(&place, &staging, COPY_MAX).await?;
        staging.write_about(&about.to_bytes()).await?;
        Ok(vec![Box::new(Copy { staging, place })])
    }

    async fn freeze_set(
        &self,
        set: &DataSet,
        names: &[DatabaseName],
    ) -> Result<Vec<Box<dyn Frozen>>, DatabaseError> {
        let copies = self.copy_at_one_moment(set, names).await?;
        let copies = copies
            .stagings
            .into_iter()
            .zip(names)
            .map(|((staging, _), name)| {
                let place = place(&DatabaseKey {
                    preview: set.preview.clone(),
                    generation: set.generation,
                    name: name.clone(),
                });
                Box::new(Copy { staging, place }) as Box<dyn Frozen>
            });
        Ok(copies.collect())
    }
}
