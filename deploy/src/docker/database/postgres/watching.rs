//! A watch over a server's tables: a session that asks again and again.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::{sync::oneshot, task::JoinHandle};

use super::session::Session;
use crate::{
    docker::database::kind::Watching,
    engine::EngineError,
    table_watch::{LockedTable, RewrittenTable, TableLock, TableReport, TableWatch},
};

/// How often it is asked who locks what.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How many locked tables are kept in mind, and the longest name of one, which holds at most a schema's
/// and a table's of 63 bytes each, quoted.
const LOCKED_MAX: usize = 200;
const NAME_BYTES_MAX: usize = 512;

/// Locks as they are seen, and for how long.
type Locks = BTreeMap<String, (TableLock, Duration)>;

/// A watch in a task of its own.
pub(crate) struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<TableReport>,
}

impl Watch {
    /// Notes what is there, and goes on to look in the background.
    pub(crate) async fn begin(
        mut session: Session,
        watching: Watching,
    ) -> Result<Self, EngineError> {
        for statement in watching.begin {
            session.query(statement).await?;
        }
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(watch_locks(session, watching, stopped));
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

async fn watch_locks(
    mut session: Session,
    watching: Watching,
    mut stopped: oneshot::Receiver<()>,
) -> TableReport {
    let mut locks = Locks::new();
    let mut since = Instant::now();
    let mut held = Duration::ZERO;
    let ended = loop {
        match session.query(watching.locks).await {
            Ok(rows) => note(&mut locks, &rows, held),
            Err(error) => break Err(error),
        }
        tokio::select! {
            end = &mut stopped => match end {
                Ok(()) => break session.query(watching.rewritten).await,
                // Nobody waits for the answer.
                Err(_) => return TableReport::default(),
            },
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
        held = since.elapsed();
        since = Instant::now();
    };
    let rewritten = match ended {
        Ok(rows) => rows.lines().filter_map(rewritten).collect(),
        Err(error) => {
            tracing::debug!(%error, "what became of the tables is not known");
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

/// Notes what is locked now, and that it was since the look before. A table may have several rows, one
/// for each lock and whoever holds it.
fn note(locks: &mut Locks, rows: &str, since_before: Duration) {
    let mut now = BTreeMap::new();
    for (table, word) in rows.lines().filter_map(|row| row.rsplit_once('|')) {
        let lock = match word {
            "AccessExclusiveLock" => TableLock::Everything,
            _ => TableLock::Writes,
        };
        let strongest = now.entry(table).or_insert(lock);
        *strongest = lock.max(*strongest);
    }
    for (table, lock) in now {
        // A server is asked for no more; what a stranger says in its place may be endless.
        let is_new = !locks.contains_key(table);
        if is_new && (locks.len() >= LOCKED_MAX || table.len() > NAME_BYTES_MAX) {
            continue;
        }
        let (strongest, held) = locks
            .entry(table.to_owned())
            .or_insert((lock, Duration::ZERO));
        *strongest = lock.max(*strongest);
        *held += since_before;
    }
}

fn rewritten(row: &str) -> Option<RewrittenTable> {
    let (table, bytes) = row.rsplit_once('|')?;
    Some(RewrittenTable {
        table: table.to_owned(),
        bytes: bytes.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_lock_counts_and_its_time_is_summed() {
        let mut locks = Locks::new();
        let look = Duration::from_millis(50);
        note(&mut locks, "visits|ShareLock\n", Duration::ZERO);
        let rows = "visits|ShareLock\nvisits|AccessExclusiveLock\n\"a|b\"|ShareLock\n";
        note(&mut locks, rows, look);
        let seen: Vec<_> = locks.into_iter().collect();
        assert_eq!(
            seen,
            [
                ("\"a|b\"".to_owned(), (TableLock::Writes, look)),
                ("visits".to_owned(), (TableLock::Everything, look)),
            ]
        );
        assert_eq!(rewritten("nonsense"), None);
    }

    #[test]
    fn what_is_said_without_end_is_not_kept() {
        let mut locks = Locks::new();
        let long = format!("{}|ShareLock\n", "x".repeat(NAME_BYTES_MAX + 1));
        let many: String = (0..10_000).map(|n| format!("t{n}|ShareLock\n")).collect();
        note(&mut locks, &(long + &many), Duration::ZERO);
        assert_eq!(locks.len(), LOCKED_MAX);
        assert!(locks.keys().all(|table| table.len() < 10));
    }
}
