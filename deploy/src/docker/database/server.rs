//! Starts and stops a database's server: its container on a directory of the pool.

use bollard::query_parameters::StopContainerOptionsBuilder;

use super::{
    about::About,
    kind::{Kind, Passwords},
    kinds::kind,
    place::{describe, place},
};
use crate::{
    builder::{BuildError, silence},
    databases::{DatabaseError, DatabaseSpec},
    docker::{
        Docker,
        container::{
            host_config::{Created, Plan},
            mount::BindMount,
            service::mark,
        },
    },
    engine::{EngineError, Network},
    labels,
    names::ImageId,
    pool::Place,
};

/// Maximum number of processes: one per connection, plus the server's own.
const PIDS_MAX: u32 = 256;

/// Time limit for a clean shutdown before a kill, in seconds.
const STOP_SECONDS_MAX: i32 = 30;

/// Attempts to start when the container or network changes during the start.
const START_ATTEMPTS: usize = 3;

impl Docker {
    pub(super) async fn server_image(&self, reference: &str) -> Result<ImageId, DatabaseError> {
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

    /// The user for programs in a server's container: the image's own, or the server's.
    pub(super) fn inside_user(&self, kind: &dyn Kind) -> Option<String> {
        match own_user() {
            Some(_) => None,
            None => kind.user().map(str::to_owned),
        }
    }

    /// The plan for the container of a server.
    pub(super) async fn server_plan(
        &self,
        spec: &DatabaseSpec,
        image: ImageId,
        network: String,
        data: std::path::PathBuf,
        (passwords, fresh): (&Passwords<'_>, bool),
    ) -> Result<Plan, EngineError> {
        let kind = kind(&spec.kind);
        let facts = self.image_facts(&image).await?;
        let key = &spec.key;
        let container = self.names(&key.preview).database(key.generation, &key.name);
        Ok(Plan {
            volume_owner: container.clone(),
            container,
            kind: labels::Kind::Database,
            preview: key.preview.clone(),
            revision: None,
            generation: Some(key.generation),
            name: key.name.to_string(),
            port: None,
            command: kind.command(spec.memory_bytes, passwords),
            env: kind.env(passwords, fresh),
            memory_bytes: spec.memory_bytes,
            cpu_milli: spec.cpu_milli,
            pids_max: PIDS_MAX,
            starts_again: false,
            shm_bytes: kind.shm_bytes(spec.memory_bytes),
            data: Some(BindMount {
                path: kind.data_path(&facts),
                source: data,
                read_only: false,
            }),
            script: None,
            init: false,
            user: own_user(),
            entrypoint: None,
            working_dir: None,
            named: true,
            image,
            network,
        })
    }

    /// Starts the server unless it runs with this spec, and waits until it answers.
    pub(super) async fn start_server(
        &self,
        spec: &DatabaseSpec,
        image: ImageId,
        about: &About,
    ) -> Result<(), DatabaseError> {
        let admin = about.admin();
        let passwords = Passwords {
            user: &spec.password,
            admin: &admin,
        };
        let key = &spec.key;
        let network = Network::Data(key.generation);
        let data = self.pool_of_data()?.data_path(&place(key));
        for _ in 0..START_ATTEMPTS {
            let network_id = self.network_id(&key.preview, &network).await?;
            let plan = self
                .server_plan(
                    spec,
                    image.clone(),
                    network_id.clone(),
                    data.clone(),
                    (&passwords, false),
                )
                .await?;
            let Some(id) = self.server_container(&plan, &place(key)).await? else {
                continue;
            };
            let what = describe(key);
            let started = self
                .change(&what, self.api().start_container(&id, None))
                .await;
            match started {
                Ok(()) => {}
                Err(EngineError::Missing(_)) => {
                    // A cached network id may be stale: the network may have been recreated.
                    self.forget_network(&key.preview, &network);
                    self.clear(&id).await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            return self.ready(&id, Some(&network_id), spec, &passwords).await;
        }
        let what = describe(key);
        Err(
            EngineError::Unreachable(format!("{what} or its network changed during the start"))
                .into(),
        )
    }

    /// The container of the plan: an existing one with the same spec, else a new one. `None` if
    /// another process created it first. An existing one may have been stopped because of its
    /// data's size.
    async fn server_container(
        &self,
        plan: &Plan,
        data: &Place,
    ) -> Result<Option<String>, DatabaseError> {
        if let Created::New(id) = self.create(plan).await? {
            return Ok(Some(id));
        }
        let Some(there) = self.inspect(&plan.container).await? else {
            return Ok(None);
        };
        if !self.is_ours(&there, &plan.container) {
            return Err(EngineError::Refused {
                what: format!("database {}", plan.name),
                why: format!(
                    "a container called {} exists but is not Dayfly's; remove it",
                    plan.container
                ),
            }
            .into());
        }
        let id = there.id.clone().unwrap_or_else(|| plan.container.clone());
        if mark(&there).is_some_and(|mark| mark.spec == plan.spec()) {
            self.check_growth(data).await?;
            return Ok(Some(id));
        }
        self.clear(&id).await?;
        Ok(None)
    }

    /// Stops a server cleanly and removes its container.
    pub(super) async fn stop_server(&self, name: &str, what: &str) -> Result<(), EngineError> {
        if let Some((id, running)) = self.find_ours(name).await? {
            if running {
                let options = StopContainerOptionsBuilder::new()
                    .t(STOP_SECONDS_MAX)
                    .build();
                self.absent(what, self.api().stop_container(&id, Some(options)))
                    .await?;
            }
            self.clear(&id).await?;
        }
        Ok(())
    }
}

/// Without root, servers run as Dayfly's own user, so that Dayfly can copy their files.
fn own_user() -> Option<String> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    (!user.is_root()).then(|| format!("{user}:{group}"))
}
