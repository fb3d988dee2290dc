//! A server that is copied while it runs: a session that lasts as long as the copy.

use super::{
    kind::{Kind, Online, Talk},
    session::Session,
};
use crate::{docker::Docker, engine::EngineError};

/// A copy that was begun. Dropped before its end the server takes back what was begun.
pub(super) struct Begun {
    session: Session,
    /// The server's version, as it tells it.
    version: u32,
}

impl Docker {
    /// Begins to copy a server; from now on everything but its log may be copied.
    pub(super) async fn begin_online(
        &self,
        container: &str,
        kind: &dyn Kind,
        (online, talk): (&Online, Talk),
    ) -> Result<Begun, EngineError> {
        let mut session = self.open_session(container, kind, talk).await?;
        let version = session.ask(online.version).await?;
        let version = version.trim().parse().map_err(|_| {
            EngineError::Unreachable(format!("a database's client: no version: {version}"))
        })?;
        for statement in (online.begin)(version) {
            session.ask(statement).await?;
        }
        Ok(Begun { session, version })
    }
}

impl Begun {
    /// Ends the copy, and answers what a server on it has to be told. Until this is dropped the
    /// server keeps the log that the copy needs.
    pub(super) async fn end(&mut self, online: &Online) -> Result<String, EngineError> {
        self.session.ask((online.end)(self.version)).await
    }
}
