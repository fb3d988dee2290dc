//! A session with a running server as its administrator, for a sequence of statements.

use std::{pin::Pin, time::Duration};

use bollard::{
    container::LogOutput,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::ContainerInspectResponse,
};
use futures_util::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use super::wire::{Wire, WireError};
use crate::{
    databases::USER,
    docker::{
        Docker,
        container::service::variables,
        database::{
            kind::{Kind, SqlSession},
            run::Run,
        },
        inside::Inside,
    },
    engine::EngineError,
};

/// Time limit for one answer; the server may write a checkpoint before it answers.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Time limit for connecting to a server.
const ENTRY_MAX: Duration = Duration::from_secs(5);

/// The longest answer of a client, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// A session. Dropping it closes the connection, and the server rolls back unfinished work.
pub(crate) struct Session(Connection);

/// The connection to the server. Both variants return answers in the same format.
enum Connection {
    /// Direct, over its container's own loopback.
    Wire(Wire<TcpStream>),
    /// Through its own client in its container, if its loopback requires a password or this host
    /// cannot see the container.
    Client(Client),
}

/// A client that reads statements line by line.
struct Client {
    output: Output,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    sql: SqlSession,
}

impl Docker {
    /// Opens a session with the server in a container.
    pub(crate) async fn open_session(
        &self,
        container: &str,
        kind: &dyn Kind,
        sql: SqlSession,
    ) -> Result<Session, EngineError> {
        let there = self.inspect(container).await?;
        if let Some(inside) = there.as_ref().and_then(inside) {
            let entered = tokio::time::timeout(ENTRY_MAX, enter(&inside, &sql)).await;
            match entered {
                Ok(Ok(wire)) => return Ok(Session(Connection::Wire(wire))),
                Ok(Err(error)) => {
                    tracing::debug!(container, %error, "no direct session; using its client");
                }
                Err(_) => tracing::debug!(container, "a database is silent; using its client"),
            }
        }
        let env = there.as_ref().map(variables).unwrap_or_default();
        let run = self.run_with(kind, env, sql.client.clone());
        let client = self.open_client(container, &run, sql).await?;
        Ok(Session(Connection::Client(client)))
    }

    async fn open_client(
        &self,
        container: &str,
        run: &Run,
        sql: SqlSession,
    ) -> Result<Client, EngineError> {
        let what = "a client in the database's container";
        let options = CreateExecOptions {
            cmd: Some(run.arguments.clone()),
            env: Some(run.env.clone()),
            user: run.user.clone(),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let exec = self
            .call(what, self.api().create_exec(container, options))
            .await?;
        let start = self.api().start_exec(&exec.id, None::<StartExecOptions>);
        match self.call(what, start).await? {
            StartExecResults::Attached { output, input } => Ok(Client { output, input, sql }),
            StartExecResults::Detached => Err(EngineError::Unreachable(format!(
                "{what}: the engine attached no output"
            ))),
        }
    }
}

/// The inside of a running container, if this host can see it.
pub(crate) fn inside(there: &ContainerInspectResponse) -> Option<Inside> {
    let process = there.state.as_ref()?.pid?;
    match Inside::of(there.id.as_ref()?, process) {
        Ok(inside) => Some(inside),
        Err(error) => {
            tracing::debug!(process, %error, "this host cannot inspect a container's processes");
            None
        }
    }
}

/// Connects to a server that requires no password.
pub(crate) async fn enter(inside: &Inside, sql: &SqlSession) -> Result<Wire<TcpStream>, WireError> {
    Wire::begin(inside.connect(sql.port).await?, USER, sql.database).await
}

impl Session {
    /// Sends one statement without its semicolon, and returns its rows: one line each, columns
    /// separated by `|`. After an error the session is unusable.
    pub(crate) async fn query(&mut self, statement: &str) -> Result<String, EngineError> {
        let lost =
            |why: String| EngineError::Unreachable(format!("a session with a database: {why}"));
        let answer = async {
            match &mut self.0 {
                Connection::Wire(wire) => wire
                    .query(statement)
                    .await
                    .map_err(|error| error.to_string()),
                Connection::Client(client) => client.query(statement).await,
            }
        };
        let answer = tokio::time::timeout_at(Instant::now() + ANSWER_MAX, answer).await;
        answer
            .map_err(|_| lost("no answer in time".to_owned()))?
            .map_err(lost)
    }
}

impl Client {
    /// The client prints a marker line after the answer.
    async fn query(&mut self, statement: &str) -> Result<String, String> {
        let text = format!("{statement};\n{}\n", self.sql.mark);
        let written = self.input.write_all(text.as_bytes()).await;
        written.map_err(|error| error.to_string())?;
        let end = format!("{}\n", self.sql.told);
        let (mut said, mut errors) = (String::new(), String::new());
        loop {
            match self.output.next().await {
                Some(Ok(LogOutput::StdErr { message })) => {
                    errors.push_str(&String::from_utf8_lossy(&message));
                }
                Some(Ok(piece)) => said.push_str(&String::from_utf8_lossy(&piece.into_bytes())),
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err(format!("the client exited: {}", errors.trim())),
            }
            if let Some(answer) = said.strip_suffix(&end) {
                return Ok(answer.to_owned());
            }
            if said.len() + errors.len() > ANSWER_BYTES_MAX {
                return Err("the answer is too long".to_owned());
            }
        }
    }
}
