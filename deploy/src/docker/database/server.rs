//! A database's server: its container on a directory of the pool, from its start to its first
//! answer.

use std::{io, net::SocketAddr, time::Duration};

use bollard::query_parameters::StopContainerOptionsBuilder;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::{
    about::About,
    exec::{Answer, Run},
    kind::{Kind, Knock, Passwords, kind},
    port::{describe, place},
};
use crate::{
    builder::{BuildError, silence},
    databases::{DatabaseError, DatabaseSpec},
    docker::{
        Docker,
        host_config::{Created, DataMount, Plan},
        service::{address_in, mark, variables},
    },
    engine::{EngineError, Room},
    labels,
    names::ImageId,
    pool::Place,
};

/// Most processes: one per connection, and the server's own.
const PIDS_MAX: u32 = 256;

/// How many lines tell why a server did not come up.
const OUTPUT_LINES: usize = 40;

/// How often a server that starts is tried, at first and later.
const POLL: Duration = Duration::from_millis(15);
const POLL_MAX: Duration = Duration::from_millis(250);

/// How much of an answer at its port is looked at.
const ANSWER_BYTES_MAX: usize = 512;

/// How often it is looked at whether it still runs, and asked although its port seems closed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long one try may take.
const TRY_MAX: Duration = Duration::from_millis(200);

/// How long a server of which nothing is known has to run to count as one.
const STAYS_MIN: Duration = Duration::from_secs(1);

/// How long a server may take to write down what it holds before it is killed.
const STOP_SECONDS_MAX: i32 = 30;

/// How often a start begins anew when what it found changed under its hands.
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

    /// As whom programs run beside a server: its image's own user, or the one that it runs as.
    pub(super) fn inside_user(&self, kind: &dyn Kind) -> Option<String> {
        match own_user() {
            Some(_) => None,
            None => kind.user().map(str::to_owned),
        }
    }

    /// Everything about the container of a server.
    pub(super) async fn server_plan(
        &self,
        spec: &DatabaseSpec,
        image: ImageId,
        network: String,
        data: std::path::PathBuf,
        (passwords, fresh): (&Passwords<'_>, bool),
    ) -> Result<Plan, EngineError> {
        let kind = kind(&spec.engine);
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
            restarts_max: 0,
            shm_bytes: kind.shm_bytes(spec.memory_bytes),
            data: Some(DataMount {
                path: kind.data_path(&facts),
                source: data,
            }),
            alone: true,
            user: own_user(),
            named: true,
            image,
            network,
        })
    }

    /// Starts the server unless it runs as it should, and waits for its answer.
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
        let room = Room::Data(key.generation);
        let data = self.pool_of_data()?.data_path(&place(key));
        for _ in 0..START_ATTEMPTS {
            let network = self.room_id(&key.preview, &room).await?;
            let plan = self
                .server_plan(
                    spec,
                    image.clone(),
                    network.clone(),
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
                    // A remembered room may be one that was removed and made again.
                    self.forget_room(&key.preview, &room);
                    self.clear(&id).await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            return self.ready(&id, Some(&network), spec, &passwords).await;
        }
        let what = describe(key);
        Err(
            EngineError::Unreachable(format!("{what} or its room changed while it was started"))
                .into(),
        )
    }

    /// The container of the plan: the one that is there where it is the same, else a new one. None
    /// when somebody was quicker. One that ran before may have been stopped for what its data take.
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
                    "a container called {} exists and is not ours; remove it",
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

    /// Waits until the server answers a query. Without a network it is asked from inside alone.
    pub(super) async fn ready(
        &self,
        id: &str,
        network: Option<&str>,
        spec: &DatabaseSpec,
        passwords: &Passwords<'_>,
    ) -> Result<(), DatabaseError> {
        let kind = kind(&spec.engine);
        let limit = self.config().timeouts.ready;
        let began = Instant::now();
        let deadline = began + limit;
        let mut said = "it does not accept connections".to_owned();
        let mut was_early = false;
        while Instant::now() < deadline {
            let there = self.inspect(id).await?;
            let state = there.as_ref().and_then(|there| there.state.clone());
            let state = state.unwrap_or_default();
            if state.running != Some(true) {
                let why = "the server ended".to_owned();
                return Err(self.not_ready(id, spec, why).await?);
            }
            let address = network
                .zip(there.as_ref())
                .and_then(|(network, there)| address_in(there, network));
            let look_again = Instant::now() + LOOK_EVERY;
            let door = address.zip(kind.port()).map(SocketAddr::from);
            let mut open = false;
            while let Some(door) = door.filter(|_| !open && Instant::now() < look_again) {
                match answer_at(door, kind.knock()).await {
                    Door::Open => open = true,
                    // Most are ready by the time that a client is; this is tried once.
                    Door::NotYet if !was_early => {
                        was_early = true;
                        break;
                    }
                    Door::NotYet | Door::Closed => {
                        tokio::time::sleep(pause(began.elapsed())).await;
                    }
                }
            }
            if kind.ready(passwords).is_empty() {
                // Its language is not known: an open door has to do, or else that it stays.
                let stays = door.is_none() && began.elapsed() >= STAYS_MIN;
                if open || stays {
                    return Ok(());
                }
                tokio::time::sleep(POLL).await;
                continue;
            }
            // Asked even if the port seems closed: it may be this host that has no way to it.
            let env = there.as_ref().map(variables).unwrap_or_default();
            let asked = self.ask_all(id, &*kind, passwords, env);
            match tokio::time::timeout_at(deadline, asked).await {
                Ok(Ok(None)) => return Ok(()),
                Ok(Ok(Some(answer))) => said = answer,
                Ok(Err(EngineError::Unreachable(why))) => {
                    return Err(EngineError::Unreachable(why).into());
                }
                // It ended between the look and the question; the next look tells.
                Ok(Err(_)) => {}
                Err(_) => "its client does not come back".clone_into(&mut said),
            }
            tokio::time::sleep(POLL).await;
        }
        let seconds = limit.as_secs();
        let why = format!("no answer to a query in {seconds} s: {said}");
        Err(self.not_ready(id, spec, why).await?)
    }

    /// What the server said to the first question that it did not answer. `env` are the variables of
    /// its container.
    async fn ask_all(
        &self,
        id: &str,
        kind: &dyn Kind,
        passwords: &Passwords<'_>,
        env: &[String],
    ) -> Result<Option<String>, EngineError> {
        for run in kind.ready(passwords) {
            let run = run.finding(kind, env);
            let answer = self.execute_as(id, kind, run).await?;
            if !kind.is_ready(&answer) {
                return Ok(Some(answer.last_error()));
            }
        }
        Ok(None)
    }

    pub(super) async fn execute_as(
        &self,
        id: &str,
        kind: &dyn Kind,
        mut run: Run,
    ) -> Result<Answer, EngineError> {
        run.user = self.inside_user(kind);
        self.execute(id, &run).await
    }

    /// Why it does not answer, as far as its last words tell.
    pub(super) async fn not_ready(
        &self,
        id: &str,
        spec: &DatabaseSpec,
        message: String,
    ) -> Result<DatabaseError, EngineError> {
        let output = self.last_lines(id, OUTPUT_LINES).await?;
        if let Some(why) = kind(&spec.engine).misfit(&output) {
            let made_by = self.about(&place(&spec.key)).await.ok().flatten();
            return Ok(DatabaseError::Version {
                made_by: made_by.map_or_else(|| "another version".to_owned(), |about| about.image),
                image: spec.image.clone(),
                why: why.trim().to_owned(),
            });
        }
        let there = self.inspect(id).await?;
        let state = there.and_then(|there| there.state).unwrap_or_default();
        Ok(DatabaseError::NotReady {
            message,
            out_of_memory: state.oom_killed == Some(true),
            output,
        })
    }

    /// Stops a server in its own way and removes its container.
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

/// Where Dayfly is not root, neither are the servers: what they write has to be ours to copy.
fn own_user() -> Option<String> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    (!user.is_root()).then(|| format!("{user}:{group}"))
}

/// How long to wait until the next try. A server that takes long writes a line about each.
fn pause(since: Duration) -> Duration {
    (since / 8).clamp(POLL, POLL_MAX)
}

/// What is found at a server's port.
enum Door {
    /// Nobody listens, or says anything.
    Closed,
    /// Somebody listens who does not let clients in yet.
    NotYet,
    /// Somebody listens who lets clients in.
    Open,
}

async fn answer_at(door: SocketAddr, knock: Option<Knock>) -> Door {
    let asked = async {
        let mut stream = TcpStream::connect(door).await?;
        let Some(knock) = knock else {
            return Ok(Door::Open);
        };
        stream.write_all(&knock.say).await?;
        let mut answer = [0; ANSWER_BYTES_MAX];
        let length = stream.read(&mut answer).await?;
        Ok(match &answer[..length] {
            [] => Door::Closed,
            said if (knock.lets_in)(said) => Door::Open,
            _ => Door::NotYet,
        })
    };
    let asked: Result<io::Result<Door>, _> = tokio::time::timeout(TRY_MAX, asked).await;
    asked.ok().and_then(Result::ok).unwrap_or(Door::Closed)
}
