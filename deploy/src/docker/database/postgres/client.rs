//! The server's own client, run as the server's administrator.

use crate::{databases::USER, docker::database::run::Run, dump::sql};

/// Runs a query in one of the server's databases; an empty query reads its input instead.
pub(super) fn psql_in(database: &str, query: &str) -> Run {
    let database = sql::connection(database.as_bytes());
    let database = format!("--dbname={}", String::from_utf8_lossy(&database));
    let query = format!("--command={query}");
    let what = if query == "--command=" {
        "--file=-"
    } else {
        &query
    };
    psql(&["--quiet", "--tuples-only", "--no-align", &database, what])
}

/// The client with further arguments. It stops at the first error.
pub(super) fn psql(more: &[&str]) -> Run {
    let user = format!("--username={USER}");
    let database = format!("--dbname={USER}");
    let common = [
        "psql",
        "--no-psqlrc",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        &user,
        &database,
    ];
    let words: Vec<&str> = common.into_iter().chain(more.iter().copied()).collect();
    Run::new(&words)
}
