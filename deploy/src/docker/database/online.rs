//! A server that is copied while it runs: a session with its client that lasts as long as the copy.

use std::{pin::Pin, time::Duration};

use bollard::{
    container::LogOutput,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use futures_util::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    time::Instant,
};

use super::{
    exec::Run,
    kind::{Kind, Online},
};
use crate::{
    docker::{Docker, service::variables},
    engine::EngineError,
};

/// How long the client may take for one answer: the first one writes down all that is in memory.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// A session. Dropped before its end it is cut, and the server takes back what it began.
pub(super) struct Session {
    output: Output,
    input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Docker {
    /// Begins to copy a server; from now on everything but its log may be copied.
    pub(super) async fn begin_online(
        &self,
        container: &str,
        kind: &dyn Kind,
        online: &Online,
    ) -> Result<Session, EngineError> {
        let there = self.inspect(container).await?;
        let env = there.as_ref().map(variables).unwrap_or_default();
        let run = Run {
            user: self.inside_user(kind),
            ..online.session.clone()
        };
        let run = run.finding(kind, env);
        let mut session = self.open_session(container, &run).await?;
        session.say(online.begin, online.begun).await?;
        Ok(session)
    }

    pub(super) async fn open_session(
        &self,
        container: &str,
        run: &Run,
    ) -> Result<Session, EngineError> {
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
            StartExecResults::Attached { output, input } => Ok(Session { output, input }),
            StartExecResults::Detached => Err(EngineError::Unreachable(format!(
                "{what}: its output was not given"
            ))),
        }
    }
}

impl Session {
    /// Ends the copy, and answers what a server on it has to be told. Until the session is dropped
    /// the server keeps the log that the copy needs.
    pub(super) async fn end(&mut self, online: &Online) -> Result<String, EngineError> {
        self.say(online.end, online.ended).await
    }

    /// Says something, and answers what comes before the line that ends the answer.
    pub(super) async fn say(&mut self, text: &str, last: &str) -> Result<String, EngineError> {
        let lost = |why: String| EngineError::Unreachable(format!("a database's client: {why}"));
        let until = Instant::now() + ANSWER_MAX;
        let write = self.input.write_all(text.as_bytes());
        let written = tokio::time::timeout_at(until, write).await;
        written
            .map_err(|_| lost("it does not listen".to_owned()))?
            .map_err(|error| lost(error.to_string()))?;
        let end = format!("{last}\n");
        let (mut said, mut errors) = (String::new(), String::new());
        loop {
            let next = tokio::time::timeout_at(until, self.output.next()).await;
            match next.map_err(|_| lost("it does not answer".to_owned()))? {
                Some(Ok(LogOutput::StdErr { message })) => {
                    errors.push_str(&String::from_utf8_lossy(&message));
                }
                Some(Ok(piece)) => said.push_str(&String::from_utf8_lossy(&piece.into_bytes())),
                Some(Err(error)) => return Err(lost(error.to_string())),
                None => return Err(lost(format!("it ended: {}", errors.trim()))),
            }
            if let Some(answer) = said.strip_suffix(&end) {
                return Ok(answer.to_owned());
            }
            if said.len() + errors.len() > ANSWER_BYTES_MAX {
                return Err(lost("its answer is too long".to_owned()));
            }
        }
    }
}
