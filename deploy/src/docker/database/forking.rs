//! Consistent copies of running databases, all at one point in time.

use std::{sync::Mutex, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{about::About, kinds::kind, place::place, postgres::online_backup::Begun};
use crate::{
    databases::{DataSet, DatabaseError, Fork, Forked},
    docker::Docker,
    engine::EngineError,
    labels::{self, Kind as Label},
    names::{DatabaseKey, DatabaseName},
    pool::{Cloned, Part, Place, Pool, PoolError, Staging},
};

/// Time limit for a copy. With shared blocks it takes a fraction of a second; without them, the
/// source is paused for the whole copy.
pub(super) const COPY_MAX: Duration = Duration::from_secs(10 * 60);

/// Time limit for the pause if blocks are shared: a folder with millions of files must not pause a
/// preview for minutes.
const STILL_MAX: Duration = Duration::from_secs(20);

/// Number of trial copies of a server's log. They flush the log to the disk before the pause. One
/// is not enough: the server writes more during the first.
const REHEARSALS: u32 = 2;

/// Time limit for the sync before the pause; unsynced writes would compete with the final clone.
const SYNC_MAX: Duration = Duration::from_secs(2);

/// The containers to pause for a copy.
struct Standing {
    /// Containers that use the data, then database servers: paused in this order.
    users: Vec<String>,
    servers: Vec<String>,
}

/// A copy that is being taken.
struct Copy {
    source: Place,
    staging: Staging,
    about: About,
    /// The part to copy while the source is paused.
    rest: Part,
    /// The open online backup: the server keeps the log that the copy needs.
    online: Option<(Mutex<Begun>, String)>,
}

impl Copy {
    async fn rest(&self, pool: &Pool, limit: Duration) -> Result<Cloned, DatabaseError> {
        let rest = pool.clone_part(&self.source, &self.staging, self.rest, limit);
        let rest = rest.await?;
        if let Some((_, first)) = &self.online
            && !self.staging.data_path().join(first).exists()
        {
            let why = format!("the copy lacks log file {first}, which its server needs to start");
            return Err(EngineError::Unreachable(why).into());
        }
        Ok(rest)
    }
}

/// Complete copies that are not published yet.
pub(super) struct Copies {
    pub(super) stagings: Vec<(Staging, About)>,
    paused: Duration,
    shared: bool,
}

impl Docker {
    pub(super) async fn fork_at_once(&self, fork: &Fork) -> Result<Forked, DatabaseError> {
        let began = Instant::now();
        let copies = self.copy_at_one_moment(&fork.from, &fork.names).await?;
        for ((staging, _), name) in copies.stagings.into_iter().zip(&fork.names) {
            staging.publish(&place(&key(&fork.to, name))).await?;
        }
        Ok(Forked {
            paused: copies.paused,
            took: began.elapsed(),
            shared: copies.shared,
        })
    }

    /// Copies databases at one point in time, without publishing the copies.
    pub(super) async fn copy_at_one_moment(
        &self,
        from: &DataSet,
        names: &[DatabaseName],
    ) -> Result<Copies, DatabaseError> {
        let began = Instant::now();
        let pool = self.pool_of_data()?;
        if let Some(why) = pool.blocker().await {
            return Err(DatabaseError::Full(why));
        }
        let turn = self.data_locks().data.of(&from.preview);
        let _turn = turn.write().await;
        // Held from the first clone to the last, including the pause.
        let _disturbance = pool.disturb();
        let mut copies = Vec::new();
        for name in names {
            copies.push(self.begin_copy(pool, place(&key(from, name))).await?);
        }
        let standing = self.running_on(from).await?;
        if !standing.is_empty() {
            let ahead = copies.iter_mut().zip(names);
            let ahead = ahead.map(|(copy, name)| self.copy_ahead(from, name, copy));
            join_all(ahead)
                .await
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
            // Flush before the pause, so that the copy does not wait for the disk.
            if copies.iter().any(|copy| copy.rest == Part::All) {
                pool.sync().await?;
            }
        }
        let ahead = began.elapsed();
        let paused_at = Instant::now();
        let paused = self.pause_all(&standing).await;
        let still = paused_at.elapsed();
        let copied = match paused {
            Ok(()) => {
                let limit = standing.limit(pool);
                let rest = copies.iter().map(|copy| copy.rest(pool, limit));
                let rest = join_all(rest).await.into_iter();
                rest.collect::<Result<Vec<_>, _>>()
            }
            Err(error) => Err(error.into()),
        };
        let cloned = paused_at.elapsed();
        // Unpause even if the copies failed.
        let went_on = self.go_on(&standing).await;
        let paused = match standing.is_empty() {
            true => Duration::ZERO,
            false => paused_at.elapsed(),
        };
        tracing::debug!(
            ahead_ms = ahead.as_millis(),
            stopping_ms = still.as_millis(),
            rest_ms = cloned.saturating_sub(still).as_millis(),
            going_on_ms = paused.saturating_sub(cloned).as_millis(),
            "copied databases while they were paused"
        );
        let copied = copied?;
        went_on?;
        let shared = copied.iter().all(|copied| copied.shared);
        let stagings = copies.into_iter().map(|copy| (copy.staging, copy.about));
        Ok(Copies {
            stagings: stagings.collect(),
            paused,
            shared,
        })
    }

    async fn begin_copy(&self, pool: &Pool, source: Place) -> Result<Copy, DatabaseError> {
        let about = self.about(&source).await?;
        let about = about.ok_or_else(|| DatabaseError::NoData(source.to_string()))?;
        let staging = pool.staging().await?;
        staging.write_about(&about.to_bytes()).await?;
        Ok(Copy {
            source,
            staging,
            about,
            rest: Part::All,
            online: None,
        })
    }

    /// Copies most of the data while the server runs, so that the pause covers only the rest. A
    /// server without an online backup is copied completely during the pause.
    async fn copy_ahead(
        &self,
        from: &DataSet,
        name: &DatabaseName,
        copy: &mut Copy,
    ) -> Result<(), DatabaseError> {
        let kind = kind(&copy.about.kind);
        let Some((online, sql)) = kind.online_backup().zip(kind.sql_session()) else {
            return Ok(());
        };
        let container = self.names(&from.preview).database(from.generation, name);
        let began = Instant::now();
        let pool = self.pool_of_data()?;
        // A clone flushes data that is only in memory. This sync runs during the server's
        // checkpoint, so that less is left to flush. It only saves time.
        let ahead = pool.clone();
        let synced = tokio::spawn(async move { ahead.sync().await });
        let begun = self.begin_online_backup(&container, &*kind, (&online, sql));
        let mut copying = match begun.await {
            Ok(copying) => copying,
            Err(error) => {
                tracing::debug!(database = %name, %error, "no online backup; copying it paused");
                return Ok(());
            }
        };
        let most = Part::Without(online.log);
        let begun = began.elapsed();
        pool.clone_part(&copy.source, &copy.staging, most, COPY_MAX)
            .await?;
        let label = copying.end(&online).await?;
        copy.staging
            .place_file(online.label, label.as_bytes())
            .await?;
        copy.rest = Part::Only(online.log);
        let cloned = began.elapsed();
        let _in_time = tokio::time::timeout(SYNC_MAX, synced).await;
        if let Err(error) = rehearse(pool, copy).await {
            tracing::debug!(database = %name, %error, "cannot flush a database's log early");
        }
        tracing::debug!(
            database = %name,
            begun_ms = begun.as_millis(),
            cloned_ms = cloned.saturating_sub(begun).as_millis(),
            rehearsed_ms = began.elapsed().saturating_sub(cloned).as_millis(),
            "copied a running database, except its log"
        );
        let first = (online.first)(&label);
        let first = first.ok_or_else(|| {
            EngineError::Unreachable("cannot parse the label of an online backup".to_owned())
        })?;
        copy.online = Some((Mutex::new(copying), first));
        Ok(())
    }

    /// The running containers of a data set: services that use it, and its servers.
    async fn running_on(&self, from: &DataSet) -> Result<Standing, EngineError> {
        let of = self.filter(&[(labels::PREVIEW, from.preview.as_str())]);
        let mut standing = Standing {
            users: Vec::new(),
            servers: Vec::new(),
        };
        for (id, mark) in self.up(&of).await? {
            match mark.kind {
                Label::Service | Label::Task => standing.users.push(id),
                Label::Database if mark.generation == Some(from.generation) => {
                    standing.servers.push(id);
                }
                _ => {}
            }
        }
        // Without a running server nothing is written, so nothing needs a pause.
        if standing.servers.is_empty() {
            standing.users.clear();
        }
        Ok(standing)
    }

    /// Pauses users of the data before the servers, so that no user sees a server hang mid-request.
    async fn pause_all(&self, standing: &Standing) -> Result<(), EngineError> {
        for containers in [&standing.users, &standing.servers] {
            let pauses = containers.iter().map(|id| self.pause(id));
            join_all(pauses)
                .await
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
    }

    /// Unpauses all containers; fails if one was not paused until then.
    async fn go_on(&self, standing: &Standing) -> Result<(), EngineError> {
        let mut outcome = Ok(true);
        for containers in [&standing.servers, &standing.users] {
            for stood in join_all(containers.iter().map(|id| self.surely_unpause(id))).await {
                outcome = outcome.and_then(|all| stood.map(|stood| all && stood));
            }
        }
        match outcome? {
            true => Ok(()),
            false => Err(EngineError::Unreachable(
                "a paused container resumed during the copy".to_owned(),
            )),
        }
    }
}

/// Clones the rest and discards the clone, to flush the data. Without shared blocks this gains
/// nothing.
async fn rehearse(pool: &Pool, copy: &Copy) -> Result<(), PoolError> {
    for _ in 0..REHEARSALS {
        if pool.clone_method().shares() {
            let thrown_away = pool.staging().await?;
            pool.clone_part(&copy.source, &thrown_away, copy.rest, COPY_MAX)
                .await?;
        }
    }
    Ok(())
}

impl Standing {
    /// Time limit for copies during the pause.
    fn limit(&self, pool: &Pool) -> Duration {
        match pool.clone_method().shares() && !self.is_empty() {
            true => STILL_MAX,
            false => COPY_MAX,
        }
    }

    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.servers.is_empty()
    }
}

fn key(set: &DataSet, name: &DatabaseName) -> DatabaseKey {
    DatabaseKey {
        preview: set.preview.clone(),
        generation: set.generation,
        name: name.clone(),
    }
}
