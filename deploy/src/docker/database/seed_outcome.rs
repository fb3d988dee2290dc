//! What a seed left in its server.

use std::time::Duration;

use super::kind::{Kind, Passwords, describe_seed};
use crate::{
    databases::{DatabaseError, Seed, USER},
    docker::Docker,
    engine::EngineError,
};

/// How long the server may take to name what it holds.
const COLUMNS_MAX: Duration = Duration::from_secs(60);

impl Docker {
    /// Rows by table, where they are counted in good time.
    pub(super) async fn count_rows(
        &self,
        id: &str,
        kind: &dyn Kind,
        passwords: &Passwords<'_>,
    ) -> Result<Vec<(String, u64)>, EngineError> {
        let Some(run) = kind.rows(passwords) else {
            return Ok(Vec::new());
        };
        let answer = tokio::time::timeout(COLUMNS_MAX, self.execute_as(id, kind, run)).await;
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

    /// Names of everything that the data have, a line each.
    pub(super) async fn columns(
        &self,
        id: &str,
        kind: &dyn Kind,
        passwords: &Passwords<'_>,
    ) -> Result<String, DatabaseError> {
        let Some(run) = kind.columns(passwords) else {
            return Ok(String::new());
        };
        let answer = tokio::time::timeout(COLUMNS_MAX, self.execute_as(id, kind, run)).await;
        let why = match answer {
            Ok(answer) => match answer? {
                answer if answer.succeeded() => return Ok(answer.output),
                answer => answer.last_error(),
            },
            Err(_) => format!("no answer in {} s", COLUMNS_MAX.as_secs()),
        };
        Err(DatabaseError::NotReady {
            message: format!("what the seed left cannot be listed: {why}"),
            out_of_memory: false,
            output: Vec::new(),
        })
    }
}

/// A script that ran to its end and made nothing has failed; what was left out of it says why.
pub(super) fn expect_tables(
    kind: &dyn Kind,
    seed: &Seed,
    (columns, changes): (&str, &[String]),
) -> Result<(), DatabaseError> {
    if !kind.wants_tables() || !matches!(seed, Seed::Sql(_)) || !columns.trim().is_empty() {
        return Ok(());
    }
    Err(DatabaseError::Seed {
        path: describe_seed(seed),
        line: None,
        message: format!("it leaves the database {USER} without any table"),
        output: changes.to_vec(),
    })
}
