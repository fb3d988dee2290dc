//! Whether a server that was started answers.

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

/// How many lines tell why a server did not come up.
const OUTPUT_LINES: usize = 40;

/// How often a server that starts is tried, at first and later.
const POLL: Duration = Duration::from_millis(15);
const POLL_MAX: Duration = Duration::from_millis(250);

/// How much of an answer at its port is looked at.
const ANSWER_BYTES_MAX: usize = 512;

/// How often it is checked whether it still runs, and asked although its port seems closed.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// How long one try may take.
const TRY_MAX: Duration = Duration::from_millis(200);

/// How long a server that lets clients in may take to answer them, until it is checked whether it still
/// runs.
const SQL_SESSION_MAX: Duration = Duration::from_secs(30);

/// How long a closed port is believed where this host sees the server's inside. Behind it the server may
/// still listen to its own client alone.
const CLOSED_MAX: Duration = Duration::from_secs(10);

/// How long a server of which nothing is known has to run to count as one.
const STAYS_MIN: Duration = Duration::from_secs(1);

impl Docker {
    /// Waits until the server answers a query. Without a network it is asked from inside alone.
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
                let why = "the server ended".to_owned();
                return Err(self.not_ready(id, spec, why).await?);
            }
            match waiting.verdict(&there, deadline).await {
                Verdict::Ready => return Ok(()),
                Verdict::NotYet(why) => {
                    said = why;
                    tokio::time::sleep(pause(waiting.began.elapsed())).await;
                }
                Verdict::Unclear => {
                    let asked = self.ask_all(id, &*waiting.kind, passwords, variables(&there));
                    match tokio::time::timeout_at(deadline, asked).await {
                        Ok(Ok(None)) => return Ok(()),
                        Ok(Ok(Some(answer))) => said = answer,
                        Ok(Err(EngineError::Unreachable(why))) => {
                            return Err(EngineError::Unreachable(why).into());
                        }
                        // It ended between the check and the question; the next check tells.
                        Ok(Err(_)) => {}
                        Err(_) => "its client does not come back".clone_into(&mut said),
                    }
                    tokio::time::sleep(POLL).await;
                }
            }
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
            let run = run.finding(kind.programs(env).as_deref(), env);
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

/// How long to wait until the next try. A server that takes long writes a line about each.
fn pause(since: Duration) -> Duration {
    (since / 8).clamp(POLL, POLL_MAX)
}

/// A server that is waited for.
struct Waiting<'a> {
    kind: Box<dyn Kind>,
    network: Option<&'a str>,
    passwords: &'a Passwords<'a>,
    began: Instant,
    /// Whether it is asked through its client although it lets nobody in yet: most do by the time
    /// that a client is there. Done once, and only where this host does not see its inside.
    asks_early: bool,
}

/// What a try tells.
enum Verdict {
    /// It answers.
    Ready,
    /// It does not, and why.
    NotYet(String),
    /// Its client has to ask.
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

    /// Tries a container that runs, until something is found or it is time to see whether it
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
            // Its language is not known: it has to do that it stays.
            _ if !is_known => match port.is_none() && self.began.elapsed() >= STAYS_MIN {
                true => Verdict::Ready,
                false => Verdict::NotYet("nobody listens".to_owned()),
            },
            PortState::NotYet if std::mem::take(&mut self.asks_early) => Verdict::Unclear,
            PortState::NotYet | PortState::Open => match (self.kind.sql_session(), inside) {
                (Some(sql), Some(inside)) => self.ask_within(&inside, &sql, deadline).await,
                _ if found == PortState::Open => Verdict::Unclear,
                _ => Verdict::NotYet("it lets nobody in yet".to_owned()),
            },
            PortState::Closed => match (self.kind.sql_session(), inside) {
                (Some(sql), Some(inside)) if self.began.elapsed() < CLOSED_MAX => match port {
                    Some(_) => Verdict::NotYet("it does not accept connections".to_owned()),
                    // Its client would take processor time from a server that is being made.
                    None => self.ask_within(&inside, &sql, deadline).await,
                },
                // It may be this host that has no way to it.
                _ => Verdict::Unclear,
            },
        }
    }

    /// As [`Waiting::ask`], for as long as a server may be silent.
    async fn ask_within(&self, inside: &Inside, sql: &SqlSession, deadline: Instant) -> Verdict {
        let until = deadline.min(Instant::now() + SQL_SESSION_MAX);
        let answered = tokio::time::timeout_at(until, self.ask(inside, sql));
        let silent = "it lets clients in and does not answer them";
        answered.await.unwrap_or(Verdict::NotYet(silent.to_owned()))
    }

    /// What is found at the port in the end.
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

    /// Puts what has to be answered.
    async fn ask(&self, inside: &Inside, sql: &SqlSession) -> Verdict {
        let mut wire = match enter(inside, sql).await {
            Ok(wire) => wire,
            Err(WireError::NotYet(why)) => return Verdict::NotYet(why),
            // On a network it may listen there alone.
            Err(WireError::Lost(error))
                if self.network.is_none() && error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                return Verdict::NotYet("it does not accept connections".to_owned());
            }
            // Its client finds another way in, or tells what is wrong with this one.
            Err(error) => {
                tracing::debug!(%error, "asked through its client instead");
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
                    tracing::debug!(%error, "asked through its client instead");
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
