//! Waits until a started server answers.

use std::{io, net::SocketAddr, time::Duration};

use bollard::models::ContainerInspectResponse;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::{
    kind::{Handshake, Kind, Passwords, PortState, SqlSession},
    kinds::kind,
    place::place,
    postgres::{
        session::{enter, inside},
        wire::WireError,
    },
    run::{Answer, Run},
};
use crate::{
    databases::{DatabaseError, DatabaseSpec},
    docker::{
        Docker,
        container::service::{address_in, variables},
        inside::Inside,
    },
    engine::EngineError,
};

/// Number of log lines to report for a server that did not become ready.
const OUTPUT_LINES: usize = 40;

/// Interval between two tries on a starting server, at first and later.
const POLL: Duration = Duration::from_millis(15);
const POLL_MAX: Duration = Duration::from_millis(250);

/// Maximum bytes to read of an answer at its port.
const ANSWER_BYTES_MAX: usize = 512;

/// Interval for checking whether it still runs, and for a query despite a closed port.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Time limit for one try.
const TRY_MAX: Duration = Duration::from_millis(200);

/// How long a server that accepts clients may take to answer, before Dayfly checks whether it still
/// runs.
const SQL_SESSION_MAX: Duration = Duration::from_secs(30);

/// How long a closed port means "not ready" if this host sees the server's inside. Afterwards the
/// server's own client tries, since the server may listen only for that client.
const CLOSED_MAX: Duration = Duration::from_secs(10);

/// How long a server of an unknown kind must run to count as ready.
const STAYS_MIN: Duration = Duration::from_secs(1);

impl Docker {
    /// Waits until the server answers a query. Without a network, only its own client asks.
    pub(super) async fn ready(
        &self,
        id: &str,
        network: Option<&str>,
        spec: &DatabaseSpec,
        passwords: &Passwords<'_>,
    ) -> Result<(), DatabaseError> {
        let limit = self.config().timeouts.ready;
        let mut waiting = Waiting::new(kind(&spec.kind), network, passwords);
        let deadline = waiting.began + limit;
        let mut said = "it does not accept connections".to_owned();
        while Instant::now() < deadline {
            let there = self.inspect(id).await?.unwrap_or_default();
            let state = there.state.as_ref();
            if state.and_then(|state| state.running) != Some(true) {
                let why = "the server exited".to_owned();
                return Err(self.not_ready(id, spec, why).await?);
            }
            match waiting.verdict(&there, deadline).await {
                Verdict::Ready => return Ok(()),
                Verdict::NotYet(why) => {
                    said = why;
                    tokio::time::sleep(pause(waiting.began.elapsed())).await;
                }
                Verdict::Unclear => {
                    let asked = self.ask_all(id, &*waiting.kind, passwords);
                    match tokio::time::timeout_at(deadline, asked).await {
                        Ok(Ok(None)) => return Ok(()),
                        Ok(Ok(Some(answer))) => said = answer,
                        Ok(Err(EngineError::Unreachable(why))) => {
                            return Err(EngineError::Unreachable(why).into());
                        }
                        // It exited between the check and the query; the next check reports it.
                        Ok(Err(_)) => {}
                        Err(_) => "its client does not return in time".clone_into(&mut said),
                    }
                    tokio::time::sleep(POLL).await;
                }
            }
        }
        let seconds = limit.as_secs();
        let why = format!("no answer to a query in {seconds} s: {said}");
        Err(self.not_ready(id, spec, why).await?)
    }

    /// The server's message for the first query that failed.
    async fn ask_all(
        &self,
        id: &str,
        kind: &dyn Kind,
        passwords: &Passwords<'_>,
    ) -> Result<Option<String>, EngineError> {
        for run in kind.ready(passwords) {
            let answer = self.execute_as(id, kind, run).await?;
            if !kind.is_ready(&answer) {
                return Ok(Some(answer.last_error()));
            }
        }
        Ok(None)
    }

    /// Runs a program as the user of that kind of server.
    pub(super) async fn execute_as(
        &self,
        id: &str,
        kind: &dyn Kind,
        run: Run,
    ) -> Result<Answer, EngineError> {
        let run = self.run_inside(id, kind, run).await?;
        self.execute(id, &run).await
    }

    /// The program with that kind's user, and with the server's own programs first on its path.
    pub(super) async fn run_inside(
        &self,
        id: &str,
        kind: &dyn Kind,
        run: Run,
    ) -> Result<Run, EngineError> {
        let there = self.inspect(id).await?;
        let env = there.as_ref().map(variables).unwrap_or_default();
        Ok(self.run_with(kind, env, run))
    }

    /// The same, if the variables of the container are known.
    pub(super) fn run_with(&self, kind: &dyn Kind, env: &[String], run: Run) -> Run {
        let user = self.inside_user(kind);
        Run { user, ..run }.finding(kind.programs(env).as_deref(), env)
    }

    /// Why it does not answer, as far as its last lines show.
    pub(super) async fn not_ready(
        &self,
        id: &str,
        spec: &DatabaseSpec,
        message: String,
    ) -> Result<DatabaseError, EngineError> {
        let output = self.last_lines(id, OUTPUT_LINES).await?;
        if let Some(why) = kind(&spec.kind).misfit(&output) {
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
}

/// Pause until the next try. It grows, because a slow server logs each try.
fn pause(since: Duration) -> Duration {
    (since / 8).clamp(POLL, POLL_MAX)
}

/// The state of waiting for one server.
struct Waiting<'a> {
    kind: Box<dyn Kind>,
    network: Option<&'a str>,
    passwords: &'a Passwords<'a>,
    began: Instant,
    /// Whether its client asks although it accepts no clients yet: most servers do by the time that
    /// the client has started. Done once, and only if this host does not see its inside.
    asks_early: bool,
}

/// The result of a try.
enum Verdict {
    /// It answers.
    Ready,
    /// It does not answer, for this reason.
    NotYet(String),
    /// Only its client can tell.
    Unclear,
}

impl<'a> Waiting<'a> {
    fn new(kind: Box<dyn Kind>, network: Option<&'a str>, passwords: &'a Passwords<'a>) -> Self {
        let asks_early = kind.sql_session().is_some();
        Self {
            kind,
            network,
            passwords,
            began: Instant::now(),
            asks_early,
        }
    }

    /// Tries a running container until there is a result, or until it is time to check whether it
    /// still runs.
    async fn verdict(&mut self, there: &ContainerInspectResponse, deadline: Instant) -> Verdict {
        let address = self.network.and_then(|network| address_in(there, network));
        let port = address.zip(self.kind.port()).map(SocketAddr::from);
        let inside = self.kind.sql_session().and_then(|_| inside(there));
        self.asks_early &= inside.is_none();
        let found = self.handshake(port).await;
        let is_known = !self.kind.ready(self.passwords).is_empty();
        match found {
            PortState::Answered => Verdict::Ready,
            PortState::Open if !is_known => Verdict::Ready,
            // Its protocol is unknown: it counts as ready if it keeps running.
            _ if !is_known => match port.is_none() && self.began.elapsed() >= STAYS_MIN {
                true => Verdict::Ready,
                false => Verdict::NotYet("nothing listens on its port".to_owned()),
            },
            PortState::NotYet if std::mem::take(&mut self.asks_early) => Verdict::Unclear,
            PortState::NotYet | PortState::Open => match (self.kind.sql_session(), inside) {
                (Some(sql), Some(inside)) => self.ask_within(&inside, &sql, deadline).await,
                _ if found == PortState::Open => Verdict::Unclear,
                _ => Verdict::NotYet("it does not let clients in yet".to_owned()),
            },
            PortState::Closed => match (self.kind.sql_session(), inside) {
                (Some(sql), Some(inside)) if self.began.elapsed() < CLOSED_MAX => match port {
                    Some(_) => Verdict::NotYet("it does not accept connections".to_owned()),
                    // Its client would take CPU time from a server in its seed run.
                    None => self.ask_within(&inside, &sql, deadline).await,
                },
                // The port may be closed to this host only.
                _ => Verdict::Unclear,
            },
        }
    }

    /// Like [`Waiting::ask`], with a time limit.
    async fn ask_within(&self, inside: &Inside, sql: &SqlSession, deadline: Instant) -> Verdict {
        let until = deadline.min(Instant::now() + SQL_SESSION_MAX);
        let answered = tokio::time::timeout_at(until, self.ask(inside, sql));
        let silent = "it lets clients in but does not answer them";
        answered.await.unwrap_or(Verdict::NotYet(silent.to_owned()))
    }

    /// The final state of the port.
    async fn handshake(&self, port: Option<SocketAddr>) -> PortState {
        let Some(port) = port else {
            return PortState::Closed;
        };
        let handshake = self.kind.handshake(self.passwords);
        let until = Instant::now() + CHECK_EVERY;
        loop {
            let found = answer_at(port, handshake.as_ref()).await;
            let enough = match found {
                PortState::Open | PortState::Answered => true,
                PortState::NotYet => self.asks_early,
                PortState::Closed => false,
            };
            if enough || Instant::now() >= until {
                return found;
            }
            tokio::time::sleep(pause(self.began.elapsed())).await;
        }
    }

    /// Sends the statements that must succeed.
    async fn ask(&self, inside: &Inside, sql: &SqlSession) -> Verdict {
        let mut wire = match enter(inside, sql).await {
            Ok(wire) => wire,
            Err(WireError::NotYet(why)) => return Verdict::NotYet(why),
            // It may listen only on its network, not on the loopback.
            Err(WireError::Lost(error))
                if self.network.is_none() && error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                return Verdict::NotYet("it does not accept connections".to_owned());
            }
            // Its client finds another way in, or reports the problem.
            Err(error) => {
                tracing::debug!(%error, "no direct answer from a database; using its client");
                return Verdict::Unclear;
            }
        };
        for statement in self.kind.ready_statements(self.passwords) {
            match wire.query(&statement).await {
                Ok(_) => {}
                Err(WireError::Refused(why) | WireError::NotYet(why)) => {
                    return Verdict::NotYet(why);
                }
                Err(error) => {
                    tracing::debug!(%error, "no direct answer from a database; using its client");
                    return Verdict::Unclear;
                }
            }
        }
        Verdict::Ready
    }
}

async fn answer_at(port: SocketAddr, handshake: Option<&Handshake>) -> PortState {
    let asked = async {
        let mut stream = TcpStream::connect(port).await?;
        let Some(handshake) = handshake else {
            return Ok(PortState::Open);
        };
        stream.write_all(&handshake.say).await?;
        let mut answer = [0; ANSWER_BYTES_MAX];
        let length = stream.read(&mut answer).await?;
        Ok(match &answer[..length] {
            [] => PortState::Closed,
            said => (handshake.hear)(said),
        })
    };
    let asked: Result<io::Result<PortState>, _> = tokio::time::timeout(TRY_MAX, asked).await;
    asked.ok().and_then(Result::ok).unwrap_or(PortState::Closed)
}
