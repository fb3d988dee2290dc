//! A watch over a server's tables: a session that polls locks.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::{sync::oneshot, task::JoinHandle};

use super::session::Session;
use crate::{
    blueprint::DatabaseKind,
    docker::{
        Docker,
        database::{
            kind::{SqlSession, Watching},
            kinds::kind,
        },
    },
    engine::EngineError,
    table_watch::{LockedTable, RewrittenTable, TableLock, TableReport, TableWatch},
};

/// Interval for polling locks.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Time limit for a server to end our session.
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// Maximum number of locked tables to record, and maximum length of a name: a schema and a table of
/// 63 bytes each, quoted.
const LOCKED_MAX: usize = 200;
const NAME_BYTES_MAX: usize = 512;

/// Observed locks, and their duration.
type Locks = BTreeMap<String, (TableLock, Duration)>;

/// The database to watch.
pub(crate) struct Watched {
    pub(crate) docker: Docker,
    pub(crate) container: String,
    pub(crate) kind: DatabaseKind,
    /// A session in their database.
    pub(crate) sql: SqlSession,
}

/// Tables at one point in time.
struct Tables {
    /// The server process of the session that listed them.
    session: String,
    /// The id of their database.
    database: String,
    /// By their ids.
    all: BTreeMap<String, Table>,
}

struct Table {
    name: String,
    file: String,
    bytes: u64,
}

impl Watched {
    async fn open(&self, sql: SqlSession) -> Result<Session, EngineError> {
        let kind = kind(&self.kind);
        self.docker.open_session(&self.container, &*kind, sql).await
    }

    /// Lists the tables in a short separate session.
    async fn tables(&self, watching: &Watching) -> Result<Tables, EngineError> {
        let mut session = self.open(self.sql.clone()).await?;
        let rows = session.query(watching.tables).await?;
        let strange = || EngineError::Unreachable("cannot parse a list of tables".to_owned());
        Tables::read(&rows).ok_or_else(strange)
    }
}

impl Tables {
    fn read(rows: &str) -> Option<Self> {
        let mut rows = rows.lines();
        let mut first = rows.next()?.split('|');
        let (session, database) = (first.next()?.to_owned(), first.next()?.to_owned());
        let table = |row: &str| {
            let mut columns = row.splitn(4, '|');
            let id = columns.next()?.to_owned();
            let file = columns.next()?.to_owned();
            let bytes = columns.next()?.parse().unwrap_or(0);
            let name = columns.next()?;
            let table = || Table {
                name: name.to_owned(),
                file,
                bytes,
            };
            (name.len() <= NAME_BYTES_MAX).then(|| (id, table()))
        };
        Some(Self {
            session,
            database,
            all: rows.filter_map(table).collect(),
        })
    }

    /// Tables whose files were replaced since.
    fn rewritten(&self, now: &Self) -> Vec<RewrittenTable> {
        // A recreated database has other tables.
        let same = self.database == now.database;
        let rewritten = self.all.iter().filter(|_| same).filter_map(|(id, before)| {
            let now = now.all.get(id).filter(|now| now.file != before.file)?;
            Some(RewrittenTable {
                table: now.name.clone(),
                bytes: now.bytes,
            })
        });
        let mut rewritten: Vec<_> = rewritten.collect();
        rewritten.sort_by(|one, other| one.table.cmp(&other.table));
        rewritten
    }
}

/// A watch in a separate task.
pub(crate) struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<TableReport>,
}

impl Watch {
    /// Lists the tables, leaves their database, and polls from another one in the background.
    pub(crate) async fn begin(watched: Watched, watching: Watching) -> Result<Self, EngineError> {
        let before = watched.tables(&watching).await?;
        let mut session = watched.open(watching.from.clone()).await?;
        let until = Instant::now() + LEAVE_MAX;
        loop {
            let sessions = session.query(watching.sessions).await?;
            let there = sessions.lines().any(|process| process == before.session);
            if !there || Instant::now() > until {
                break;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(watch(watched, watching, (before, session), stopped));
        Ok(Self { stop, task })
    }
}

#[async_trait]
impl TableWatch for Watch {
    async fn end(self: Box<Self>) -> TableReport {
        let _looks_no_more = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

async fn watch(
    watched: Watched,
    watching: Watching,
    (before, mut session): (Tables, Session),
    mut stopped: oneshot::Receiver<()>,
) -> TableReport {
    let mut locks = Locks::new();
    let mut since = Instant::now();
    let mut held = Duration::ZERO;
    let told = loop {
        match session.query(watching.locks).await {
            Ok(rows) => note(&mut locks, &before, &rows, held),
            Err(error) => {
                tracing::debug!(%error, "cannot read table locks; the report is incomplete");
                break false;
            }
        }
        tokio::select! {
            end = &mut stopped => match end {
                Ok(()) => break true,
                // The receiver is gone.
                Err(_) => return TableReport::default(),
            },
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
        held = since.elapsed();
        since = Instant::now();
    };
    drop(session);
    // The migration runs until `stopped` fires.
    if !told && stopped.await.is_err() {
        return TableReport::default();
    }
    let rewritten = match watched.tables(&watching).await {
        Ok(now) => before.rewritten(&now),
        Err(error) => {
            tracing::debug!(%error, "cannot list tables; no rewrite is reported");
            Vec::new()
        }
    };
    let locked = locks
        .into_iter()
        .map(|(table, (lock, held))| LockedTable { table, lock, held });
    TableReport {
        rewritten,
        locked: locked.collect(),
    }
}

/// Records the current locks, as held since the previous poll. A table may have several rows, one
/// for each lock and holder.
fn note(locks: &mut Locks, tables: &Tables, rows: &str, since_before: Duration) {
    let mut now = BTreeMap::new();
    let known = |row: &'_ str| {
        let (place, word) = row.rsplit_once('|')?;
        let (database, id) = place.split_once('|')?;
        let table = tables.all.get(id).filter(|_| database == tables.database)?;
        Some((table.name.as_str(), word.to_owned()))
    };
    for (table, word) in rows.lines().filter_map(known) {
        let lock = match word.as_str() {
            "AccessExclusiveLock" => TableLock::Everything,
            _ => TableLock::Writes,
        };
        let strongest = now.entry(table).or_insert(lock);
        *strongest = lock.max(*strongest);
    }
    for (table, lock) in now {
        // The query limits the rows; a hostile server may send more.
        let is_new = !locks.contains_key(table);
        if is_new && locks.len() >= LOCKED_MAX {
            continue;
        }
        let (strongest, held) = locks
            .entry(table.to_owned())
            .or_insert((lock, Duration::ZERO));
        *strongest = lock.max(*strongest);
        *held += since_before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_lock_counts_and_its_time_is_summed() {
        let before = "7|16384||\n20001|1|8192|visits\n20002|2|0|\"a|b\"\n";
        let tables = Tables::read(before).unwrap();
        let mut locks = Locks::new();
        let look = Duration::from_millis(50);
        note(
            &mut locks,
            &tables,
            "16384|20001|ShareLock\n",
            Duration::ZERO,
        );
        let rows = "16384|20001|ShareLock\n16384|20001|AccessExclusiveLock\n16384|20002|ShareLock\n\
                    5|20001|ShareLock\n16384|20009|ShareLock\n";
        note(&mut locks, &tables, rows, look);
        let seen: Vec<_> = locks.into_iter().collect();
        assert_eq!(
            seen,
            [
                ("\"a|b\"".to_owned(), (TableLock::Writes, look)),
                ("visits".to_owned(), (TableLock::Everything, look)),
            ]
        );
        let after = "8|16384||\n20001|9|16384|visitors\n20002|2|0|\"a|b\"\n20003|3|0|new\n";
        let after = Tables::read(after).unwrap();
        let rewritten = RewrittenTable {
            table: "visitors".to_owned(),
            bytes: 16384,
        };
        assert_eq!(tables.rewritten(&after), [rewritten]);
        let anew = Tables::read("8|16399||\n20001|9|16384|visits\n").unwrap();
        assert_eq!(tables.rewritten(&anew), []);
        assert!(Tables::read("nonsense").is_none());
    }

    #[test]
    fn what_is_said_without_end_is_not_kept() {
        let tables: String = (0..10_000).map(|n| format!("{n}|1|0|t{n}\n")).collect();
        let long = format!("x|1|0|{}\n", "x".repeat(NAME_BYTES_MAX + 1));
        let tables = Tables::read(&format!("1|5||\n{long}{tables}")).unwrap();
        assert!(!tables.all.contains_key("x"));
        let mut locks = Locks::new();
        let many: String = (0..10_000).map(|n| format!("5|{n}|ShareLock\n")).collect();
        note(&mut locks, &tables, &many, Duration::ZERO);
        assert_eq!(locks.len(), LOCKED_MAX);
    }
}
