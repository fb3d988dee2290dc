//! Docker as the port's [`Databases`]: a Postgres of its own for each database.
//!
//! Its data is thrown away with the preview, so nothing is ever flushed to the disk on purpose;
//! commits are still in order and complete after the server was killed, only not after the host.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokio::{net::TcpStream, time::Instant};

use super::{
    Docker,
    host_config::{Created, Plan},
    psql::{self, READY_QUERY},
    service::address_in,
};
use crate::{
    builder::{BuildError, silence},
    databases::{DatabaseError, DatabaseKey, DatabaseSpec, Databases, POSTGRES_USER, Seed},
    engine::{EngineError, Room},
    labels::Kind,
    names::{ImageId, PreviewId},
};

/// Where the server listens.
const PORT: u16 = 5432;

/// Where the image keeps its data unless its environment says otherwise.
const DATA_DIRECTORY: &str = "/var/lib/postgresql/data";

/// Most processes: one per connection, and the server's own.
const PIDS_MAX: u32 = 256;

/// How many lines tell why a server did not come up.
const OUTPUT_LINES: usize = 40;

/// The server's own cache: this part of its memory, between these limits.
const CACHE_PART: u64 = 4;
const CACHE_BYTES_MIN: u64 = 16 << 20;
const CACHE_BYTES_MAX: u64 = 2 << 30;

/// The part of its memory that parallel queries may share.
const SHARED_PART: u64 = 4;
const SHARED_BYTES_MIN: u64 = 64 << 20;

/// How often a server that starts is tried.
const POLL: Duration = Duration::from_millis(25);

/// How often it is looked at whether it still runs, and asked although its port seems closed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long one try may take.
const TRY_MAX: Duration = Duration::from_millis(200);

#[async_trait]
impl Databases for Docker {
    async fn create(&self, spec: &DatabaseSpec) -> Result<(), DatabaseError> {
        let image = self.server_image(&spec.image).await?;
        self.remove_database(&spec.key).await?;
        let made = self.make(spec, image).await;
        if made.is_err() {
            // What did not come up has no use, and its memory has.
            self.remove_database(&spec.key).await?;
        }
        made
    }

    async fn start(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        let name = self.names(&key.preview).database(&key.name);
        let missing = || EngineError::Missing(describe(key));
        let there = self
            .inspect(&name)
            .await?
            .filter(|there| self.is_ours(there, &name));
        let there = there.ok_or_else(missing)?;
        let id = there.id.clone().unwrap_or(name);
        let env = there
            .config
            .and_then(|config| config.env)
            .unwrap_or_default();
        let password = env
            .iter()
            .find_map(|line| line.strip_prefix("POSTGRES_PASSWORD="));
        let password = SecretString::from(password.unwrap_or_default());
        self.change(&describe(key), self.api().start_container(&id, None))
            .await?;
        self.ready(&id, &key.preview, &password).await
    }

    async fn remove(&self, key: &DatabaseKey) -> Result<(), DatabaseError> {
        Ok(self.remove_database(key).await?)
    }
}

impl Docker {
    async fn server_image(&self, reference: &str) -> Result<ImageId, DatabaseError> {
        self.obtain_image(reference, &silence())
            .await
            .map_err(|error| match error {
                BuildError::Unreachable(why) => EngineError::Unreachable(why).into(),
                BuildError::NoImage { why, .. } => DatabaseError::NoImage {
                    image: reference.to_owned(),
                    why,
                },
                other => DatabaseError::NoImage {
                    image: reference.to_owned(),
                    why: other.to_string(),
                },
            })
    }

    /// Removes the container at once, without grace: its data goes with it.
    async fn remove_database(&self, key: &DatabaseKey) -> Result<(), EngineError> {
        let name = self.names(&key.preview).database(&key.name);
        if let Some((id, _)) = self.find_ours(&name).await? {
            self.clear(&id).await?;
        }
        self.remove_volumes(&key.preview, "", key.name.as_str())
            .await
    }

    async fn make(&self, spec: &DatabaseSpec, image: ImageId) -> Result<(), DatabaseError> {
        let key = &spec.key;
        let network = self.room_id(&key.preview, &Room::Data).await?;
        let plan = self.database_plan(spec, image, network).await?;
        let Created::New(id) = self.create(&plan).await? else {
            return Err(DatabaseError::Engine(EngineError::Refused {
                what: describe(key),
                why: format!(
                    "a container called {} exists and is not ours; remove it",
                    plan.container
                ),
            }));
        };
        if let Err(error) = self.connect_and_start(&id, &plan).await {
            self.forget_room(&key.preview, &Room::Data);
            return Err(error.into());
        }
        self.ready(&id, &key.preview, &spec.password).await?;
        match &spec.seed {
            Some(seed) => self.seed(&id, seed).await,
            None => Ok(()),
        }
    }

    async fn database_plan(
        &self,
        spec: &DatabaseSpec,
        image: ImageId,
        network: String,
    ) -> Result<Plan, EngineError> {
        let facts = self.image_facts(&image).await?;
        let container = self.names(&spec.key.preview).database(&spec.key.name);
        let env = BTreeMap::from([
            ("POSTGRES_USER".to_owned(), POSTGRES_USER.to_owned()),
            ("POSTGRES_DB".to_owned(), POSTGRES_USER.to_owned()),
            (
                "POSTGRES_PASSWORD".to_owned(),
                spec.password.expose_secret().to_owned(),
            ),
            ("POSTGRES_INITDB_ARGS".to_owned(), "--no-sync".to_owned()),
        ]);
        Ok(Plan {
            volume_owner: container.clone(),
            container,
            kind: Kind::Database,
            preview: spec.key.preview.clone(),
            revision: None,
            name: spec.key.name.to_string(),
            port: None,
            image,
            command: Some(server_command(spec.memory_bytes)),
            env,
            memory_bytes: spec.memory_bytes,
            cpu_milli: spec.cpu_milli,
            pids_max: PIDS_MAX,
            restarts_max: 0,
            shm_bytes: Some((spec.memory_bytes / SHARED_PART).max(SHARED_BYTES_MIN)),
            data: Some(
                facts
                    .variable("PGDATA")
                    .unwrap_or(DATA_DIRECTORY)
                    .to_owned(),
            ),
            uses_data: false,
            named: true,
            network,
        })
    }

    /// Waits until the server answers a query over TCP. The server that an image's entrypoint
    /// starts for its own preparations listens on a Unix socket only, and is not taken for it.
    async fn ready(
        &self,
        id: &str,
        preview: &PreviewId,
        password: &SecretString,
    ) -> Result<(), DatabaseError> {
        let limit = self.config().timeouts.ready;
        let deadline = Instant::now() + limit;
        let network = self.room_id(preview, &Room::Data).await?;
        let mut said = "it does not accept connections".to_owned();
        while Instant::now() < deadline {
            let Some(address) = self.running_address(id, &network).await? else {
                return Err(self.not_ready(id, "the server ended".to_owned()).await?);
            };
            let look_again = Instant::now() + LOOK_EVERY;
            while Instant::now() < look_again && !accepts(address).await {
                tokio::time::sleep(POLL).await;
            }
            // Asked even if the port seems closed: it may be this host that has no way to it.
            match self.execute(id, &psql::ready(password)).await {
                Ok(answer) if answer.succeeded() => return Ok(()),
                Ok(answer) => said = answer.last_error(),
                Err(EngineError::Unreachable(why)) => {
                    return Err(EngineError::Unreachable(why).into());
                }
                // It ended between the look and the question; the next look tells.
                Err(_) => {}
            }
            tokio::time::sleep(POLL).await;
        }
        let seconds = limit.as_secs();
        Err(self
            .not_ready(
                id,
                format!("no answer to {READY_QUERY:?} in {seconds} s: {said}"),
            )
            .await?)
    }

    /// The server's address while its container runs.
    async fn running_address(
        &self,
        id: &str,
        network: &str,
    ) -> Result<Option<IpAddr>, EngineError> {
        let there = self.inspect(id).await?;
        Ok(there.as_ref().and_then(|there| address_in(there, network)))
    }

    async fn not_ready(&self, id: &str, message: String) -> Result<DatabaseError, EngineError> {
        let output = self.last_lines(id, OUTPUT_LINES).await?;
        Ok(DatabaseError::NotReady { message, output })
    }

    async fn seed(&self, id: &str, seed: &Seed) -> Result<(), DatabaseError> {
        let failed = |line, message| DatabaseError::Seed {
            path: seed.path.clone(),
            line,
            message,
        };
        let limit = self.config().timeouts.seed;
        let run = psql::seed(seed.content.clone());
        let Ok(answer) = tokio::time::timeout(limit, self.execute(id, &run)).await else {
            return Err(failed(
                None,
                format!("it took longer than {} s", limit.as_secs()),
            ));
        };
        let answer = answer?;
        if answer.succeeded() {
            return Ok(());
        }
        let (line, message) = answer.statement_error();
        Err(failed(line, message))
    }
}

async fn accepts(address: IpAddr) -> bool {
    let connect = TcpStream::connect(SocketAddr::new(address, PORT));
    matches!(tokio::time::timeout(TRY_MAX, connect).await, Ok(Ok(_)))
}

fn server_command(memory_bytes: u64) -> Vec<String> {
    let cache = (memory_bytes / CACHE_PART).clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX) >> 20;
    let settings = [
        "fsync=off".to_owned(),
        "synchronous_commit=on".to_owned(),
        "full_page_writes=off".to_owned(),
        format!("shared_buffers={cache}MB"),
    ];
    let settings = settings
        .into_iter()
        .flat_map(|setting| ["-c".to_owned(), setting]);
    std::iter::once("postgres".to_owned())
        .chain(settings)
        .collect()
}

fn describe(key: &DatabaseKey) -> String {
    format!("database {} of {}", key.name, key.preview)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_cache_follows_its_memory() {
        let cache = |bytes| server_command(bytes).last().unwrap().clone();
        assert_eq!(cache(512 << 20), "shared_buffers=128MB");
        assert_eq!(cache(0), "shared_buffers=16MB");
        assert_eq!(cache(u64::MAX), "shared_buffers=2048MB");
    }
}
