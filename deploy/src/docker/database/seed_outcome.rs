//! Checks the content of a server after its seed.

use std::time::Duration;

use super::kind::{Kind, Passwords, describe_seed};
use crate::{
    databases::{DatabaseError, Seed, USER},
    docker::Docker,
    engine::EngineError,
};

/// Time limit for counting the content of the server.
const COUNT_MAX: Duration = Duration::from_secs(60);

impl Docker {
    /// Row counts by table; empty if counting takes too long.
    pub(super) async fn count_rows(
        &self,
        id: &str,
        kind: &dyn Kind,
        passwords: &Passwords<'_>,
    ) -> Result<Vec<(String, u64)>, EngineError> {
        let Some(run) = kind.rows(passwords) else {
            return Ok(Vec::new());
        };
        let answer = tokio::time::timeout(COUNT_MAX, self.execute_as(id, kind, run)).await;
        let Ok(answer) = answer else {
            return Ok(Vec::new());
        };
        let answer = answer?;
        let row = |line: &str| {
            let (count, name) = line.split_once('|')?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        Ok(match answer.succeeded() {
            true => answer.output.lines().filter_map(row).collect(),
            false => Vec::new(),
        })
    }

    /// A script that created no table has failed; `changes` lists the omitted parts as the reason.
    pub(super) async fn expect_tables(
        &self,
        id: &str,
        (kind, passwords): (&dyn Kind, &Passwords<'_>),
        seed: &Seed,
        changes: &[String],
    ) -> Result<(), DatabaseError> {
        let run = kind.table_count(passwords);
        let Some(run) = run.filter(|_| matches!(seed, Seed::Sql(_))) else {
            return Ok(());
        };
        let answer = tokio::time::timeout(COUNT_MAX, self.execute_as(id, kind, run)).await;
        let why = match answer {
            Ok(answer) => match answer? {
                answer if answer.output.trim() == "0" => {
                    return Err(DatabaseError::Seed {
                        path: describe_seed(seed),
                        line: None,
                        message: format!("it creates no table in the database {USER}"),
                        output: changes.to_vec(),
                    });
                }
                answer if answer.succeeded() => return Ok(()),
                answer => answer.last_error(),
            },
            Err(_) => format!("no answer in {} s", COUNT_MAX.as_secs()),
        };
        Err(DatabaseError::NotReady {
            message: format!("cannot count the seeded tables: {why}"),
            out_of_memory: false,
            output: Vec::new(),
        })
    }
}
