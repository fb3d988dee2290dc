//! Stops servers whose data exceeds the limit for one database, and servers that would fill the
//! rest of the pool within seconds. Other users of the pool must not be affected.
//!
//! Dayfly measures the size instead of using file system quotas: not every kernel supports them,
//! and the owner of a file can move it out of a quota. Between two checks a server can write as
//! fast as its disk allows; `limits.pool_free_mib_min` reserves space for that.

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use bollard::{
    models::{ContainerSummary, ContainerSummaryStateEnum},
    query_parameters::{KillContainerOptions, ListContainersOptionsBuilder},
};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::hidden::{Hidden, HiddenLook};
use crate::{
    databases::DatabaseError,
    docker::{
        Docker,
        error::{found, status},
    },
    engine::EngineError,
    labels::{self, Kind, Mark},
    names::PreviewId,
    pool::{Place, Pool, PoolError, Size, Staging},
};

/// Interval for checking the pool's free space, which is cheap.
const ROOM_EVERY: Duration = Duration::from_millis(250);
/// Pause after the engine or the pool did not answer.
const AFTER_ERROR: Duration = Duration::from_secs(5);
/// Growth of the pool, in bytes, that triggers a measurement of every running server's data.
const MEASURE_AFTER_BYTES: u64 = 64 << 20;
/// Maximum time between two measurements: space freed by one database can hide another's growth.
const MEASURE_AFTER: Duration = Duration::from_secs(15);
/// The same if little space is left.
const MEASURE_SCARCE_AFTER: Duration = Duration::from_secs(2);
/// If little space is left, a server is stopped if it would fill all of it within this time...
const FULL_WITHIN: Duration = Duration::from_secs(10);
/// ...but not for less growth than this, such as one log segment.
const GROWTH_MIN_BYTES: u64 = 32 << 20;
/// Minimum time over which a growth rate is measured.
const PACE_OVER: Duration = Duration::from_secs(1);
/// Preallocated space counts only if it is as large again as the allowed size.
const READY_FACTOR: u64 = 2;

const MIB: u64 = 1 << 20;

/// The result of one check.
struct Look {
    at: Instant,
    used_bytes: u64,
    /// Size of each server's data, including its deleted open files.
    servers: HashMap<String, Size>,
    /// Size of their deleted open files, and when it was measured.
    hidden: HiddenLook,
}

/// Free space in the pool.
#[derive(Clone, Copy)]
struct FreeSpace {
    used_bytes: u64,
    /// Whether little space is left.
    scarce: bool,
    rush: Option<Rush>,
}

/// A running server with data in the pool.
struct Running {
    id: String,
    mark: Mark,
    data: PathBuf,
}

/// A database that was stopped because of the size of its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverQuota {
    /// The preview that owns it.
    pub preview: PreviewId,
    /// Its name, even during its seed run.
    pub database: String,
    /// Why, as a sentence about the database.
    pub why: String,
}

/// Growth of the pool since the last check, if it would soon be full.
#[derive(Clone, Copy)]
struct Rush {
    grown_bytes: u64,
    per_second: u64,
    left_bytes: u64,
}

impl Docker {
    /// Watches until `stop`, and reports the databases that it stops. Does nothing without a pool.
    pub async fn watch_growth(&self, stop: CancellationToken, told: impl Fn(OverQuota)) {
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
                    tracing::warn!(%error, "cannot measure how fast databases grow; retrying");
                    pause = AFTER_ERROR;
                }
            }
        }
    }

    async fn look_at_growth(
        &self,
        pool: &Pool,
        last: Option<Look>,
        told: &impl Fn(OverQuota),
    ) -> Result<Look, DatabaseError> {
        let space = pool.space().await?;
        let used_bytes = space.total_bytes.saturating_sub(space.free_bytes);
        let left_bytes = space.left_bytes();
        let scarce = left_bytes < pool.last_bytes();
        let (mut rush, mut due) = (None, true);
        if let Some(last) = &last {
            let since = last.at.elapsed();
            let grown = used_bytes.saturating_sub(last.used_bytes);
            rush = hurry(grown, since, left_bytes).filter(|_| scarce);
            let pause = match scarce {
                true => MEASURE_SCARCE_AFTER,
                false => MEASURE_AFTER,
            };
            due = rush.is_some() || since >= pause || (!scarce && grown >= MEASURE_AFTER_BYTES);
        }
        match last {
            Some(last) if !due => Ok(last),
            last => {
                let space = FreeSpace {
                    used_bytes,
                    scarce,
                    rush,
                };
                self.measure_growth(pool, last, space, told).await
            }
        }
    }

    async fn measure_growth(
        &self,
        pool: &Pool,
        last: Option<Look>,
        space: FreeSpace,
        told: &impl Fn(OverQuota),
    ) -> Result<Look, DatabaseError> {
        let at = Instant::now();
        let servers = self.running_in_pool().await?;
        let (before, known) = last.map_or_else(Default::default, |last| {
            // If little space is left, measure them at every check.
            let known = last.hidden.while_it_is_fresh();
            (last.servers, known.filter(|_| !space.scarce))
        });
        // Measured first, so that a file deleted meanwhile does not count twice.
        let hidden = match known {
            Some(known) => known,
            None => {
                HiddenLook::of_servers(servers.iter().map(|server| (&server.id, &server.data)))
                    .await
            }
        };
        let sizes = join_all(servers.iter().map(|server| pool.size_at(&server.data))).await;
        let mut look = Look {
            at,
            used_bytes: space.used_bytes,
            servers: HashMap::new(),
            hidden,
        };
        let mut stops = Vec::new();
        for (server, size) in servers.iter().zip(sizes) {
            let size = size.and_then(|size| with_hidden(size, look.hidden.of(&server.id)));
            let size = match size {
                Ok(size) => size,
                Err(PoolError::Refused { why, .. }) => {
                    stops.push((server, why));
                    continue;
                }
                Err(error @ PoolError::TimedOut { .. }) => {
                    stops.push((server, format!("its data cannot be measured: {error}")));
                    continue;
                }
                // This error is not the server's fault.
                Err(error) => {
                    tracing::warn!(%error, "cannot measure the data of one database; skipping it");
                    continue;
                }
            };
            look.servers.insert(server.id.clone(), size);
            if let Some(error) = over_quota(size, self.config().database_bytes_max) {
                stops.push((server, error.to_string()));
            }
        }
        if let Some(rush) = space.rush
            && stops.is_empty()
        {
            match fastest_growing(&before, &look.servers, rush.grown_bytes) {
                Some(id) => {
                    let server = servers.iter().find(|server| server.id == id);
                    stops.extend(server.map(|server| (server, rush.to_string())));
                }
                None => tracing::warn!(%rush, "the pool fills up; no single database is the cause"),
            }
        }
        for (server, why) in stops {
            told(self.stop_growing(server, why).await?);
        }
        Ok(look)
    }

    /// Kills a server, because a clean shutdown would write more data. Its data is as consistent as
    /// after any kill. A copy in progress fails.
    async fn stop_growing(&self, server: &Running, why: String) -> Result<OverQuota, EngineError> {
        let Running { id, mark, .. } = server;
        tracing::warn!(
            preview = %mark.preview,
            database = mark.name,
            why,
            "killed a database server because its data grows too large"
        );
        let what = format!("database {} of {}", mark.name, mark.preview);
        let kill = self.api().kill_container(id, None::<KillContainerOptions>);
        self.change(&what, async {
            match kill.await {
                Err(error) if status(&error) == Some(409) => Ok(()),
                other => found(other).map(|_| ()),
            }
        })
        .await?;
        Ok(OverQuota {
            preview: mark.preview.clone(),
            database: mark.name.clone(),
            why,
        })
    }

    /// The running servers. Paused ones do not grow and cannot be killed before they resume.
    async fn running_in_pool(&self) -> Result<Vec<Running>, EngineError> {
        let filter = self.filter(&[(labels::KIND, Kind::Database.as_str())]);
        let options = ListContainersOptionsBuilder::new().filters(&filter).build();
        let list = self.api().list_containers(Some(options));
        let up = self.call("containers", list).await?;
        let running = up
            .into_iter()
            .filter(|container| container.state != Some(ContainerSummaryStateEnum::PAUSED))
            .filter_map(running);
        let ours = running.filter(|server| server.mark.instance == self.config().instance);
        Ok(ours.collect())
    }

    /// Whether a server may start on its data: not if the data exceeds the limit, nor if the pool
    /// is almost full.
    pub(super) async fn check_growth(&self, data: &Place) -> Result<(), DatabaseError> {
        let pool = self.pool_of_data()?;
        let size = pool.size(data).await?;
        if let Some(error) = over_quota(size, self.config().database_bytes_max) {
            return Err(error);
        }
        match pool.exhaustion().await {
            Some(why) => Err(DatabaseError::Full(why)),
            None => Ok(()),
        }
    }

    /// Replaces the error of a seed run if its data is too large. The error of a server that was
    /// killed for its growth hides the reason, and a server may also exit on its own between two
    /// checks.
    pub(super) async fn grew<T>(
        &self,
        made: Result<T, DatabaseError>,
        (staging, source): (&Staging, &str),
    ) -> Result<T, DatabaseError> {
        let told = |error: &DatabaseError| {
            matches!(
                error,
                DatabaseError::Seed { .. }
                    | DatabaseError::NotReady { .. }
                    | DatabaseError::Engine(_)
            )
        };
        if made.as_ref().is_err_and(|error| !told(error)) {
            return made;
        }
        let size = staging.size().await?;
        if let Some(error) = over_quota(size, self.config().database_bytes_max) {
            return Err(error);
        }
        if made.is_err()
            && let Some(why) = self.pool_of_data()?.shortage().await
        {
            let why = format!("the data of {source} does not fit: {why}");
            return Err(DatabaseError::Full(why));
        }
        made
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

/// The error if data exceeds the limit for one database.
fn over_quota(size: Size, bytes_max: u64) -> Option<DatabaseError> {
    let bytes = match size.blocks_bytes > bytes_max.saturating_mul(READY_FACTOR) {
        true => size.blocks_bytes,
        false => size.bytes,
    };
    (bytes > bytes_max).then_some(DatabaseError::OverQuota {
        mib: bytes.div_ceil(MIB),
        mib_max: bytes_max / MIB,
    })
}

/// The growth since the last check, if it would soon fill the pool.
fn hurry(grown_bytes: u64, since: Duration, left_bytes: u64) -> Option<Rush> {
    let over = since.max(PACE_OVER).as_millis();
    let per_second = u128::from(grown_bytes) * 1000 / over;
    let soon = per_second * u128::from(FULL_WITHIN.as_secs()) > u128::from(left_bytes);
    (soon && grown_bytes >= GROWTH_MIN_BYTES).then_some(Rush {
        grown_bytes,
        per_second: u64::try_from(per_second).unwrap_or(u64::MAX),
        left_bytes,
    })
}

impl fmt::Display for Rush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it takes {} MiB per second and {} MiB are left",
            self.per_second / MIB,
            self.left_bytes / MIB
        )
    }
}

/// The size of data plus its server's deleted open files.
fn with_hidden(size: Size, hidden: Option<Hidden>) -> Result<Size, PoolError> {
    match hidden {
        None => Ok(size),
        Some(Hidden::Bytes(bytes)) => Ok(Size {
            bytes: size.bytes.saturating_add(bytes),
            blocks_bytes: size.blocks_bytes.saturating_add(bytes),
        }),
        Some(Hidden::TooMany) => Err(PoolError::Refused {
            doing: "inspect open files".to_owned(),
            why: "it holds too many open files to inspect".to_owned(),
        }),
    }
}

/// The server that caused at least half of the growth. No other server is stopped: writing a lot
/// and deleting it again takes no space.
fn fastest_growing(
    before: &HashMap<String, Size>,
    now: &HashMap<String, Size>,
    grown_bytes: u64,
) -> Option<String> {
    let grown = now.iter().filter_map(|(id, now)| {
        let before = before.get(id)?;
        Some((now.blocks_bytes.saturating_sub(before.blocks_bytes), id))
    });
    let (most, id) = grown.max()?;
    (most >= grown_bytes / 2).then(|| id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn content(bytes: u64) -> Size {
        Size {
            bytes,
            blocks_bytes: bytes,
        }
    }

    #[test]
    fn who_fills_what_is_left_within_seconds_has_to_stop() {
        let rush = hurry(100 * MIB, SECOND, 400 * MIB).unwrap();
        let said = rush.to_string();
        assert_eq!(said, "it takes 100 MiB per second and 400 MiB are left");
        assert!(hurry(100 * MIB, SECOND, 1001 * MIB).is_none());
        // Detected by a single check.
        assert!(hurry(64 * MIB, SECOND / 4, 500 * MIB).is_some());
    }

    #[test]
    fn a_segment_of_a_log_is_no_rush_however_little_is_left() {
        assert!(hurry(16 * MIB, SECOND / 4, 26 * MIB).is_none());
        assert!(hurry(MIB, SECOND / 4, 0).is_none());
    }

    #[test]
    fn what_is_exactly_as_large_as_it_may_be_has_not_outgrown() {
        assert!(over_quota(content(16 * MIB), 16 * MIB).is_none());
        let error = over_quota(content(16 * MIB + 1), 16 * MIB).unwrap();
        assert_eq!(
            error.to_string(),
            "it takes 17 MiB, more than the 16 MiB that limits.database_mib_max allows one \
             database"
        );
    }

    #[test]
    fn what_the_file_system_keeps_ready_counts_only_where_it_is_a_lot() {
        let ready = |blocks_bytes| Size {
            bytes: 10 * MIB,
            blocks_bytes,
        };
        assert!(over_quota(ready(32 * MIB), 16 * MIB).is_none());
        assert!(over_quota(ready(33 * MIB), 16 * MIB).is_some());
    }

    #[test]
    fn who_grew_most_is_stopped_and_nobody_where_it_was_none_of_them() {
        let map = |sizes: [(&str, u64); 2]| {
            HashMap::from(sizes.map(|(id, size)| (id.to_owned(), content(size * MIB))))
        };
        let before = map([("hog", 10), ("busy", 70)]);
        let rushes = |now| fastest_growing(&before, &now, 100 * MIB);
        assert_eq!(
            rushes(map([("hog", 100), ("busy", 75)])).as_deref(),
            Some("hog")
        );
        assert_eq!(rushes(map([("hog", 15), ("busy", 60)])), None);
    }

    #[test]
    fn what_has_no_name_counts_like_what_has_one() {
        let with = |hidden| with_hidden(content(10), Some(hidden));
        assert_eq!(with(Hidden::Bytes(5)).unwrap(), content(15));
        assert!(matches!(
            with(Hidden::TooMany),
            Err(PoolError::Refused { .. })
        ));
        assert_eq!(with_hidden(content(10), None).unwrap(), content(10));
    }
}
