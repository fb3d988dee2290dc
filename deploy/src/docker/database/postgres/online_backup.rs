//! Online backup of a running server: a session that lasts as long as the copy.

use std::time::Duration;

use super::session::Session;
use crate::{
    docker::{
        Docker,
        database::kind::{Kind, OnlineBackup, SqlSession},
    },
    engine::EngineError,
};

/// Time limit for the start of a backup, in which the server writes a checkpoint.
const BEGIN_MAX: Duration = Duration::from_secs(30);

/// A started backup. If it is dropped before its end, the server cancels the backup.
pub(crate) struct Begun {
    session: Session,
    /// The server's version, as a number.
    version: u32,
}

impl Docker {
    /// Starts a backup; afterwards, everything except the log may be copied.
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
                EngineError::Unreachable("a database does not report its version".to_owned())
            })?;
            for statement in (online.begin)(version) {
                session.query(statement).await?;
            }
            Ok(Begun { session, version })
        };
        let late = || EngineError::Unreachable("a database starts no backup in time".to_owned());
        let begun = tokio::time::timeout(BEGIN_MAX, begun).await;
        begun.unwrap_or_else(|_| Err(late()))
    }
}

impl Begun {
    /// Ends the backup and returns its label for the copy. Until this is dropped, the server keeps
    /// the log that the copy needs.
    pub(crate) async fn end(&mut self, online: &OnlineBackup) -> Result<String, EngineError> {
        self.session.query((online.end)(self.version)).await
    }
}
