//! A server that is copied while it runs: a session that lasts as long as the copy.

use std::time::Duration;

use super::session::Session;
use crate::{
    docker::{
        Docker,
        database::kind::{Kind, OnlineBackup, SqlSession},
    },
    engine::EngineError,
};

/// How long a server may take to begin: it writes down all that is in memory.
const BEGIN_MAX: Duration = Duration::from_secs(30);

/// A copy that was begun. Dropped before its end the server takes back what was begun.
pub(crate) struct Begun {
    session: Session,
    /// The server's version, as it tells it.
    version: u32,
}

impl Docker {
    /// Begins to copy a server; from now on everything but its log may be copied.
    pub(crate) async fn begin_online_backup(
        &self,
        container: &str,
        kind: &dyn Kind,
        (online, sql): (&OnlineBackup, SqlSession),
    ) -> Result<Begun, EngineError> {
        let begun = async {
            let mut session = self.open_session(container, kind, sql).await?;
            let version = session.query(online.version).await?;
            let version = version.trim().parse().map_err(|_| {
                EngineError::Unreachable("a database does not tell its version".to_owned())
            })?;
            for statement in (online.begin)(version) {
                session.query(statement).await?;
            }
            Ok(Begun { session, version })
        };
        let late = || EngineError::Unreachable("a database does not begin a copy".to_owned());
        let begun = tokio::time::timeout(BEGIN_MAX, begun).await;
        begun.unwrap_or_else(|_| Err(late()))
    }
}

impl Begun {
    /// Ends the copy, and answers what a server on it has to be told. Until this is dropped the
    /// server keeps the log that the copy needs.
    pub(crate) async fn end(&mut self, online: &OnlineBackup) -> Result<String, EngineError> {
        self.session.query((online.end)(self.version)).await
    }
}
