//! Copies of what runs: all at one moment.

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

/// How long a copy may take. Where blocks are shared it is a fraction of a second; where they are
/// not, what runs on the source stands still as long.
pub(super) const COPY_MAX: Duration = Duration::from_secs(10 * 60);

/// How long everything may stand still where blocks are shared: who fills a folder with millions of
/// files should not stop a preview for minutes.
const STILL_MAX: Duration = Duration::from_secs(20);

/// How often the log of a server is copied only so that it is written down before it stands still.
/// Once is not enough: while the first time takes long, more comes.
const REHEARSALS: u32 = 2;

/// How long it is waited for that everything written before is on the disk: what still goes there
/// would go beside the last clone.
const SYNC_MAX: Duration = Duration::from_secs(2);

/// What stands still while copies are taken.
struct Standing {
    /// Containers that use the data, and those that hold them: paused in this order.
    users: Vec<String>,
    servers: Vec<String>,
}

/// A copy that is being taken.
struct Copy {
    source: Place,
    staging: Staging,
    about: About,
    /// What is copied while the source stands still.
    rest: Part,
    /// Keeps the server from throwing away what the copy needs of its log.
    online: Option<(Mutex<Begun>, String)>,
}

impl Copy {
    async fn rest(&self, pool: &Pool, limit: Duration) -> Result<Cloned, DatabaseError> {
        let rest = pool.clone_part(&self.source, &self.staging, self.rest, limit);
        let rest = rest.await?;
        if let Some((_, first)) = &self.online
            && !self.staging.data_path().join(first).exists()
        {
            let why = format!("a copy lacks {first}, from which its server would begin");
            return Err(EngineError::Unreachable(why).into());
        }
        Ok(rest)
    }
}

/// Copies that are whole and belong to nobody yet.
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

    /// Copies of databases, all at one moment, not published yet.
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
        // From the first clone to the last, and while everything stands still.
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
            // What is copied while everything stands still should not have to be written down first.
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
        // Whatever became of the copies.
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
            "copied at one moment"
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

    /// Copies what can be copied while the server runs, so that it stands still for the rest alone.
    /// A server that cannot be asked is copied whole while it stands still.
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
        // A clone writes down what is only in memory; what the server wrote before goes ahead, while
        // it is busy with its checkpoint. Only time depends on it.
        let ahead = pool.clone();
        let synced = tokio::spawn(async move { ahead.sync().await });
        let begun = self.begin_online_backup(&container, &*kind, (&online, sql));
        let mut copying = match begun.await {
            Ok(copying) => copying,
            Err(error) => {
                tracing::debug!(database = %name, %error, "it cannot be copied while it runs");
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
            tracing::debug!(database = %name, %error, "its log is not written down ahead");
        }
        tracing::debug!(
            database = %name,
            begun_ms = begun.as_millis(),
            cloned_ms = cloned.saturating_sub(begun).as_millis(),
            rehearsed_ms = began.elapsed().saturating_sub(cloned).as_millis(),
            "copied while it runs"
        );
        let first = (online.first)(&label);
        let first = first.ok_or_else(|| {
            EngineError::Unreachable("the label of a copy has another form".to_owned())
        })?;
        copy.online = Some((Mutex::new(copying), first));
        Ok(())
    }

    /// What runs on a set of data: services that use it, and its servers.
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
        // Where no server runs nothing is written, and nobody has to stand still.
        if standing.servers.is_empty() {
            standing.users.clear();
        }
        Ok(standing)
    }

    /// Those who use the data first, so that what they had begun is answered, or not at all.
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

    /// Lets all go on; an error where not all stood still until now.
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
                "what was copied went on meanwhile".to_owned(),
            )),
        }
    }
}

/// Clones the rest for nothing, so that it is written down. Where blocks are not shared nothing is
/// gained by it.
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
    /// How long copies may take while it stands still.
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
