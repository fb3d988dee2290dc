//! Creates each snapshot once, by running its server on a fresh directory.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;

use super::{
    about::About,
    kind::{Kind, Passwords, Seeding, describe_seed, unread},
    kinds::kind,
    masking::{Looked, Looking},
    script_pipe::ScriptPipe,
    seeding::Seeded,
    snapshot_key::snapshot_key,
};
use crate::{
    content::Content,
    databases::{DataSink, DatabaseError, DatabaseSpec, Seed, SeedReport, unix_ms},
    docker::{
        Docker,
        config::CLOSE_SECONDS_MAX,
        container::host_config::{Created, Plan},
    },
    engine::{EngineError, Network},
    names::{ImageId, SnapshotId},
    pool::{Place, Staging},
    random,
};

/// Bytes needed to detect the type of a file that the server loads itself.
const HEAD_BYTES: usize = 16;

/// The engine's network mode for "no network".
const NO_NETWORK: &str = "none";

/// Time limit for the copy that verifies new data.
const VERIFY_COPY_MAX: Duration = Duration::from_secs(10 * 60);

/// New data that passed verification and is not published yet.
pub(super) struct Made {
    pub(super) staging: Staging,
    /// The result of the search for personal data.
    pub(super) looked: Looked,
    /// The report of the seed.
    pub(super) report: SeedReport,
}

/// The data to create.
struct Order<'a> {
    spec: &'a DatabaseSpec,
    kind: &'a dyn Kind,
    seed: &'a Seed,
    looking: &'a Looking,
    passwords: &'a Passwords<'a>,
    sink: &'a DataSink,
}

impl Order<'_> {
    /// The first bytes of the file that the server loads itself, after a check of its format.
    async fn head(&self) -> Result<Vec<u8>, DatabaseError> {
        let Some((_, content)) = self.kind.placed(self.seed) else {
            return Ok(Vec::new());
        };
        let head = content.head(HEAD_BYTES).await;
        let head = head.map_err(|error| unread(self.seed, &error))?;
        self.kind.suits(self.seed, &head)?;
        Ok(head)
    }
}

impl Docker {
    /// Ensures that the snapshot of a seed exists.
    pub(super) async fn ensure_snapshot(
        &self,
        spec: &DatabaseSpec,
        image: &ImageId,
        seed: &Seed,
        sink: &DataSink,
    ) -> Result<SnapshotId, DatabaseError> {
        let id = match seed {
            Seed::Snapshot(id) => {
                let there = self
                    .pool_of_data()?
                    .exists(&Place::Snapshot(id.clone()))
                    .await?;
                return match there {
                    true => Ok(id.clone()),
                    false => Err(DatabaseError::NoData(describe_seed(seed))),
                };
            }
            seed => snapshot_key(spec, image, seed).await?,
        };
        let place = Place::Snapshot(id.clone());
        // A second caller waits here and then finds the snapshot of the first.
        let seed_run = self.data_locks().seed_runs.of(&id);
        let _held = match seed_run.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                let name = &spec.key.name;
                sink(format!(
                    "the data of {name}, which another preview is creating"
                ));
                seed_run.lock().await
            }
        };
        if self.pool_of_data()?.exists(&place).await? {
            return Ok(id);
        }
        let (name, from) = (&spec.key.name, describe_seed(seed));
        sink(format!("the data of {name}, made from {from}"));
        let made = self
            .make(spec, image, (seed.clone(), Looking::Not), sink)
            .await?;
        made.staging.publish(&place).await?;
        Ok(id)
    }

    /// Runs the server on a fresh directory, seeds it, stops it, and verifies that a server on a
    /// copy answers. A mask runs after the seed.
    pub(super) async fn make(
        &self,
        spec: &DatabaseSpec,
        image: &ImageId,
        (seed, looking): (Seed, Looking),
        sink: &DataSink,
    ) -> Result<Made, DatabaseError> {
        let pool = self.pool_of_data()?;
        if let Some(why) = pool.blocker().await {
            return Err(DatabaseError::Full(why));
        }
        let kind = kind(&spec.kind);
        let (user, admin) = (random_password()?, random_password()?);
        let passwords = Passwords {
            user: match seed {
                // The command gets the password of the preview's own server.
                Seed::Run { .. } => &spec.password,
                _ => &user,
            },
            admin: &admin,
        };
        let order = Order {
            spec,
            kind: &*kind,
            seed: &seed,
            looking: &looking,
            passwords: &passwords,
            sink,
        };
        // Refuse an unsupported seed before creating anything.
        let steps = kind.seed(&seed, &passwords)?;
        if let Looking::Mask(mask) = &looking {
            kind.seed(&Seed::Sql(mask.script.clone().into()), &passwords)?;
        }
        let head = order.head().await?;
        let staging = pool.staging().await?;
        if let Some((name, content)) = kind.placed(&seed) {
            place(name, content, &staging).await?;
        }
        let (looked, report) = self
            .seed_staging(&order, image, &staging, steps, &head)
            .await?;
        let from = describe_seed(&seed);
        // An uploaded file in the same pool would be flushed to the disk with the data.
        drop((head, seed, looking));
        let now_ms = unix_ms(std::time::SystemTime::now());
        let about = About::new(spec, from, now_ms, &admin, report.clone());
        staging.write_about(&about.to_bytes()).await?;
        // Flush most of the data during the verification, so that little is left for the end.
        let verified = self.verify(spec, image, &staging, &passwords);
        let (verified, written) = tokio::join!(verified, pool.write_out());
        verified?;
        written?;
        Ok(Made {
            staging,
            looked,
            report,
        })
    }

    /// Runs the server to fill a staging directory.
    async fn seed_staging(
        &self,
        order: &Order<'_>,
        image: &ImageId,
        staging: &Staging,
        steps: Vec<Seeding>,
        head: &[u8],
    ) -> Result<(Looked, SeedReport), DatabaseError> {
        let Order {
            spec, kind, seed, ..
        } = *order;
        let pipe = match kind.pipes_scripts() {
            true => Some(pipe(&self.pool_of_data()?.making_folder())?),
            false => None,
        };
        let network = self.seed_run_network(spec, seed).await?;
        let data = staging.data_path();
        let mut plan = self
            .seed_run_plan(spec, image, network, data, order.passwords)
            .await?;
        plan.command = plan
            .command
            .map(|command| kind.seed_run_command(seed, spec.memory_bytes, command));
        plan.script = pipe.as_ref().map(ScriptPipe::mount);
        let made = self.fill(order, (&plan, pipe.as_ref()), steps, head).await;
        let made = self.grew(made, (staging, &describe_seed(seed))).await;
        self.clear_seed_run(&plan).await?;
        made
    }

    /// The network in which a seed's command reaches the server; other seeds need none.
    async fn seed_run_network(
        &self,
        spec: &DatabaseSpec,
        seed: &Seed,
    ) -> Result<Option<String>, EngineError> {
        let network = Network::Data(spec.key.generation);
        match seed {
            Seed::Run { .. } => self.network_id(&spec.key.preview, &network).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Starts the server, fills it, inspects its content, and stops it.
    async fn fill(
        &self,
        order: &Order<'_>,
        (plan, pipe): (&Plan, Option<&ScriptPipe>),
        steps: Vec<Seeding>,
        head: &[u8],
    ) -> Result<(Looked, SeedReport), DatabaseError> {
        let Order {
            spec,
            kind,
            seed,
            looking,
            passwords,
            sink,
        } = order;
        let id = self.launch_seed_run(plan).await?;
        let network = (plan.network != NO_NETWORK).then_some(plan.network.as_str());
        let ready = self.ready(&id, network, spec, passwords).await;
        ready.map_err(|error| kind.unread(seed, head, error))?;
        let into = (&*id, *kind, pipe);
        let seeded = self.seed_with(into, spec, seed, steps, sink).await?;
        let server = (*kind, *passwords);
        self.expect_tables(&id, server, seed, &seeded.changes)
            .await?;
        if let Looking::Mask(mask) = looking {
            let (name, path) = (&spec.key.name, &mask.script.path);
            sink(format!("the data of {name}: {path}"));
        }
        let Seeded {
            changes,
            passwords: left_out,
        } = seeded;
        let looked = self
            .look_over(into, (passwords, &left_out), looking)
            .await?;
        let rows = self.count_rows(&id, *kind, passwords).await?;
        self.close_seed_run(&id, spec).await?;
        Ok((looked, SeedReport { rows, changes }))
    }

    async fn seed_run_plan(
        &self,
        spec: &DatabaseSpec,
        image: &ImageId,
        network: Option<String>,
        data: PathBuf,
        passwords: &Passwords<'_>,
    ) -> Result<Plan, EngineError> {
        let network = network.unwrap_or_else(|| NO_NETWORK.to_owned());
        let plan = self
            .server_plan(spec, image.clone(), network, data, (passwords, true))
            .await?;
        Ok(Plan {
            named: plan.network != NO_NETWORK,
            ..plan
        })
    }

    async fn launch_seed_run(&self, plan: &Plan) -> Result<String, DatabaseError> {
        let what = format!("database {}", plan.name);
        let Created::New(id) = self.create(plan).await? else {
            return Err(DatabaseError::Engine(EngineError::Refused {
                what,
                why: format!(
                    "a container called {} exists but is not Dayfly's; remove it",
                    plan.container
                ),
            }));
        };
        let started = self.change(&what, self.api().start_container(&id, None));
        started.await?;
        Ok(id)
    }

    /// Removes the container of a seed run; a foreign container stays.
    async fn clear_seed_run(&self, plan: &Plan) -> Result<(), DatabaseError> {
        if let Some((id, _)) = self.find_ours(&plan.container).await? {
            self.clear(&id).await?;
        }
        self.remove_volumes_of(plan).await?;
        Ok(())
    }

    /// Stops the server cleanly. A killed server may not have written all data.
    async fn close_seed_run(&self, id: &str, spec: &DatabaseSpec) -> Result<(), DatabaseError> {
        use bollard::query_parameters::StopContainerOptionsBuilder;
        let options = StopContainerOptionsBuilder::new()
            .t(CLOSE_SECONDS_MAX)
            .build();
        let what = super::place::describe(&spec.key);
        let stop = self.api().stop_container(id, Some(options));
        let limit = Duration::from_secs(CLOSE_SECONDS_MAX.unsigned_abs().into())
            + self.config().timeouts.call;
        crate::docker::client::within(limit, &what, stop).await?;
        let there = self.inspect(id).await?;
        let state = there.and_then(|there| there.state).unwrap_or_default();
        const KILLED: i64 = 128 + 9;
        if state.exit_code == Some(KILLED) || state.oom_killed == Some(true) {
            let why = "the server did not shut down cleanly after its seed: its first process must end on \
                       SIGTERM"
                .to_owned();
            return Err(self.not_ready(id, spec, why).await?);
        }
        Ok(())
    }

    /// Starts a server on a copy of the new data and queries it.
    async fn verify(
        &self,
        spec: &DatabaseSpec,
        image: &ImageId,
        staging: &Staging,
        passwords: &Passwords<'_>,
    ) -> Result<(), DatabaseError> {
        let pool = self.pool_of_data()?;
        let copy = pool.staging().await?;
        pool.clone_staging(staging, &copy, VERIFY_COPY_MAX).await?;
        let mut plan = self
            .seed_run_plan(spec, image, None, copy.data_path(), passwords)
            .await?;
        plan.env = kind(&spec.kind).env(passwords, false);
        let verified = async {
            let id = self.launch_seed_run(&plan).await?;
            self.ready(&id, None, spec, passwords).await
        }
        .await;
        self.clear_seed_run(&plan).await?;
        verified
    }
}

/// Places a file where the server loads it at its start.
async fn place(name: &str, content: &Content, staging: &Staging) -> Result<(), DatabaseError> {
    let (path, content) = (staging.data_path().join(name), content.clone());
    let written = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::create_new(&path)?;
        io::copy(&mut content.reader()?, &mut file)
    });
    let written = written
        .await
        .map_err(io::Error::other)
        .and_then(|done| done);
    let wrong = |error| DatabaseError::Pool(format!("cannot write {name}: {error}"));
    written.map(|_| ()).map_err(wrong)
}

fn pipe(folder: &Path) -> Result<ScriptPipe, DatabaseError> {
    ScriptPipe::make(folder)
        .map_err(|error| DatabaseError::Pool(format!("cannot create a pipe for the seed: {error}")))
}

pub(super) fn random_password() -> Result<SecretString, DatabaseError> {
    let password = random::hex::<16>().map_err(|error| DatabaseError::Pool(error.to_string()))?;
    Ok(SecretString::from(password))
}
