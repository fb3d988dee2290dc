//! A database's own client for a user, its address from this host, and the log of its server.

use std::{io, net::SocketAddr};

use async_trait::async_trait;
use secrecy::SecretString;

use super::{
    kind::Passwords,
    kinds::kind,
    place::{describe, place},
};
use crate::{
    content::Content,
    data_access::{
        Arrival, ClientCommand, ConnectionInfo, DataAccess, Frozen, ImportSpec, Imported, Kept,
        Pieces,
    },
    databases::{DataSink, DatabaseError, DatabaseSpec, SeedReport},
    docker::{Docker, container::service::address_in},
    engine::{EngineError, LogStream, Network},
    names::DatabaseKey,
};

#[async_trait]
impl DataAccess for Docker {
    async fn reach(&self, spec: &DatabaseSpec) -> Result<ConnectionInfo, DatabaseError> {
        let key = &spec.key;
        let container = self.names(&key.preview).database(key.generation, &key.name);
        let network = self
            .network_id(&key.preview, &Network::Data(key.generation))
            .await?;
        let there = self.inspect_ours(&container).await?;
        let address = there.and_then(|there| address_in(&there, &network));
        let missing = || EngineError::Missing(format!("a running container of {}", describe(key)));
        let address = address.ok_or_else(missing)?;
        let no_password = SecretString::from(String::new());
        let passwords = Passwords {
            user: &spec.password,
            admin: &no_password,
        };
        let kind = kind(&spec.kind);
        let client = kind.client(&passwords).map(|run| ClientCommand {
            container,
            arguments: run.arguments,
            env: run.env,
        });
        Ok(ConnectionInfo {
            client,
            address: kind.port().map(|port| SocketAddr::new(address, port)),
        })
    }

    async fn seed_report(&self, key: &DatabaseKey) -> Result<SeedReport, DatabaseError> {
        let about = self.about(&place(key)).await?;
        Ok(about.map(|about| about.report).unwrap_or_default())
    }

    async fn server_logs(
        &self,
        key: &DatabaseKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError> {
        let container = self.names(&key.preview).database(key.generation, &key.name);
        self.container_logs(&container, describe(key), tail, follow)
            .await
    }

    async fn kept(&self) -> Result<Vec<Kept>, DatabaseError> {
        self.all_kept().await
    }

    async fn freeze(&self, kept: &Kept) -> Result<Vec<Box<dyn Frozen>>, DatabaseError> {
        self.freeze_kept(kept).await
    }

    async fn spool<'a>(
        &self,
        pieces: Pieces<'a>,
        bytes_max: u64,
    ) -> io::Result<(Content, Arrival<'a>)> {
        self.spool_data(pieces, bytes_max).await
    }

    async fn import(&self, spec: ImportSpec, sink: DataSink) -> Result<Imported, DatabaseError> {
        // A separate task: it must clean up even if the caller is gone.
        let docker = self.clone();
        let done = tokio::spawn(async move { docker.import_data(spec, &sink).await });
        done.await
            .unwrap_or_else(|error| Err(EngineError::Unreachable(error.to_string()).into()))
    }
}
