//! Stops servers whose data outgrow what one database may take, and those that would fill what is
//! left of the pool within seconds: what else lives there should not notice.
//!
//! It is measured, not forbidden by the kernel: a quota of the file system is something that not
//! every kernel has, and that whoever owns a file may put it outside of. Between two looks a server
//! can write what its disk takes in that time; `limits.pool_free_mib_min` is there for that.

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use bollard::{
    models::ContainerSummary,
    query_parameters::{KillContainerOptions, ListContainersOptionsBuilder},
};
use tokio_util::sync::CancellationToken;

use crate::{
    databases::DatabaseError,
    docker::{
        Docker,
        error::{found, status},
    },
    engine::EngineError,
    labels::{self, Kind, Mark},
    names::PreviewId,
    pool::{Draft, Place, Pool, PoolError},
};

/// How often the pool's room is looked at, which costs nothing.
const ROOM_EVERY: Duration = Duration::from_millis(250);
/// How long nothing is looked at after the engine or the pool did not answer.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);
/// After how many more bytes in use the data of every server that runs are measured.
const MEASURE_AFTER_BYTES: u64 = 64 << 20;
/// They are measured at least this often, since room that others leave hides what somebody takes.
const MEASURE_AFTER: Duration = Duration::from_secs(15);
/// Who would fill what is left in less than this is stopped, once little is left.
const FULL_WITHIN: Duration = Duration::from_secs(10);

const MIB: u64 = 1 << 20;

/// What was seen at the last look.
struct Look {
    at: Instant,
    used_bytes: u64,
    /// What the data of each server took, by their folder.
    sizes: HashMap<PathBuf, u64>,
}

/// A server that runs on data of the pool.
struct Running {
    id: String,
    mark: Mark,
    data: PathBuf,
}

/// One that has to stop, and why.
struct Stop {
    server: Running,
    why: String,
}

/// A database that was stopped for what its data take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgrown {
    /// Whose.
    pub preview: PreviewId,
    /// Its name; of one that is just made, too.
    pub database: String,
    /// Why, as a sentence without its subject.
    pub why: String,
}

impl Docker {
    /// Watches until `stop`, and tells which databases it stopped. Does nothing where there is no
    /// pool.
    pub async fn watch_growth(&self, stop: CancellationToken, told: impl Fn(Outgrown)) {
        let Some(pool) = self.config().pool.clone() else {
            return;
        };
        let (mut last, mut pause) = (None, ROOM_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = ROOM_EVERY;
            match self.look_at_growth(&pool, last.take(), &told).await {
                Ok(look) => last = Some(look),
                Err(error) => {
                    tracing::warn!(%error, "the growth of databases was not looked at");
                    pause = AFTER_TROUBLE;
                }
            }
        }
    }

    async fn look_at_growth(
        &self,
        pool: &Pool,
        last: Option<Look>,
        told: &impl Fn(Outgrown),
    ) -> Result<Look, DatabaseError> {
        let space = pool.space().await?;
        let used_bytes = space.total_bytes.saturating_sub(space.free_bytes);
        let scarce = space.left_bytes() < pool.last_bytes();
        let is_due = |last: &Look| {
            let grown = used_bytes.saturating_sub(last.used_bytes);
            grown >= MEASURE_AFTER_BYTES
                || (scarce && grown > 0)
                || last.at.elapsed() >= MEASURE_AFTER
        };
        match last {
            Some(last) if !is_due(&last) => Ok(last),
            last => self.measure_growth(pool, last, used_bytes, told).await,
        }
    }

    async fn measure_growth(
        &self,
        pool: &Pool,
        last: Option<Look>,
        used_bytes: u64,
        told: &impl Fn(Outgrown),
    ) -> Result<Look, DatabaseError> {
        let mut look = Look {
            at: Instant::now(),
            used_bytes,
            sizes: HashMap::new(),
        };
        let mut stops = Vec::new();
        for server in self.running_in_pool().await? {
            let size = match pool.size_at(&server.data).await {
                Ok(size) => size,
                Err(PoolError::Refused { why, .. }) => {
                    stops.push(Stop { server, why });
                    continue;
                }
                Err(error) => {
                    tracing::debug!(%error, "a database was not measured");
                    continue;
                }
            };
            look.sizes.insert(server.data.clone(), size);
            let before = last.as_ref().and_then(|last| {
                let before = last.sizes.get(&server.data)?;
                Some((*before, look.at - last.at))
            });
            let left = pool.space().await?.left_bytes();
            let why = outgrown(size, self.config().database_bytes_max)
                .map(|error| error.to_string())
                .or_else(|| {
                    let (before, since) = before.filter(|_| left < pool.last_bytes())?;
                    hurry(size.saturating_sub(before), since, left)
                });
            if let Some(why) = why {
                stops.push(Stop { server, why });
            }
        }
        for stop in stops {
            if let Some(outgrown) = self.stop_growing(stop).await? {
                told(outgrown);
            }
        }
        Ok(look)
    }

    /// Kills a server. What it writes down at an end of its own would take room as well; its data
    /// are as whole as after any other kill.
    async fn stop_growing(&self, stop: Stop) -> Result<Option<Outgrown>, EngineError> {
        let Running { id, mark, .. } = stop.server;
        // What stands still for a copy does not grow; it is looked at again.
        let turn = self.turns().data.of(&mark.preview);
        let Ok(_turn) = turn.try_read() else {
            return Ok(None);
        };
        tracing::warn!(
            preview = %mark.preview,
            database = mark.name,
            why = stop.why,
            "a database was stopped"
        );
        let what = format!("database {} of {}", mark.name, mark.preview);
        let kill = self.api().kill_container(&id, None::<KillContainerOptions>);
        self.change(&what, async {
            match kill.await {
                Err(error) if status(&error) == Some(409) => Ok(()),
                other => found(other).map(|_| ()),
            }
        })
        .await?;
        Ok(Some(Outgrown {
            preview: mark.preview,
            database: mark.name,
            why: stop.why,
        }))
    }

    async fn running_in_pool(&self) -> Result<Vec<Running>, EngineError> {
        let filter = self.filter(&[(labels::KIND, Kind::Database.as_str())]);
        let options = ListContainersOptionsBuilder::new().filters(&filter).build();
        let list = self.api().list_containers(Some(options));
        let up = self.call("containers", list).await?;
        let running = up.into_iter().filter_map(running);
        let ours = running.filter(|server| server.mark.instance == self.config().instance);
        Ok(ours.collect())
    }

    /// Whether a server may start on data: not on more than one database may take, nor while next
    /// to nothing is left.
    pub(super) async fn check_growth(&self, data: &Place) -> Result<(), DatabaseError> {
        let pool = self.pool_of_data()?;
        let size = pool.size(data).await?;
        if let Some(error) = outgrown(size, self.config().database_bytes_max) {
            return Err(error);
        }
        match pool.exhaustion().await {
            Some(why) => Err(DatabaseError::Full(why)),
            None => Ok(()),
        }
    }

    /// What became of a making whose server was stopped for its growth: the server's own sentence
    /// hides that.
    pub(super) async fn grew<T>(
        &self,
        made: Result<T, DatabaseError>,
        (draft, source): (&Draft, &str),
    ) -> Result<T, DatabaseError> {
        let told = |error: &DatabaseError| {
            matches!(
                error,
                DatabaseError::Seed { .. }
                    | DatabaseError::NotReady { .. }
                    | DatabaseError::Engine(_)
            )
        };
        match made {
            Err(error) if told(&error) => {
                let size = draft.size().await?;
                if let Some(outgrown) = outgrown(size, self.config().database_bytes_max) {
                    return Err(outgrown);
                }
                match self.pool_of_data()?.shortage().await {
                    Some(why) => Err(DatabaseError::Full(format!(
                        "the data of {source} do not fit: {why}"
                    ))),
                    None => Err(error),
                }
            }
            made => made,
        }
    }
}

fn running(container: ContainerSummary) -> Option<Running> {
    let mark = container.labels.as_ref().and_then(Mark::read)?;
    let mut mounts = container.mounts.unwrap_or_default().into_iter();
    let data = mounts.find_map(|mount| mount.source.filter(|_| mount.name.is_none()))?;
    Some(Running {
        id: container.id?,
        mark,
        data: data.into(),
    })
}

/// Whether data take more than those of one database may.
fn outgrown(bytes: u64, bytes_max: u64) -> Option<DatabaseError> {
    (bytes > bytes_max).then_some(DatabaseError::Outgrown {
        mib: bytes.div_ceil(MIB),
        mib_max: bytes_max / MIB,
    })
}

/// Why somebody who grew so much since then has to stop now.
fn hurry(grown: u64, since: Duration, left: u64) -> Option<String> {
    let per_second = u128::from(grown) * 1000 / since.as_millis().max(1);
    let soon = per_second * u128::from(FULL_WITHIN.as_secs()) > u128::from(left);
    soon.then(|| {
        format!(
            "it grows by {} MiB a second, and {} MiB are left",
            per_second / u128::from(MIB),
            left / MIB
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fills_what_is_left_within_seconds_has_to_stop() {
        let second = Duration::from_secs(1);
        let why = hurry(100 * MIB, second, 400 * MIB).unwrap();
        assert_eq!(why, "it grows by 100 MiB a second, and 400 MiB are left");
        assert!(hurry(100 * MIB, second, 1001 * MIB).is_none());
        assert!(hurry(0, second, 0).is_none());
        assert!(hurry(5 * MIB, second / 4, 199 * MIB).is_some());
    }

    #[test]
    fn what_is_exactly_as_large_as_it_may_be_has_not_outgrown() {
        assert!(outgrown(16 * MIB, 16 * MIB).is_none());
        let error = outgrown(16 * MIB + 1, 16 * MIB).unwrap();
        assert_eq!(
            error.to_string(),
            "it takes 17 MiB, more than the 16 MiB that limits.database_mib_max gives to one \
             database"
        );
    }
}
