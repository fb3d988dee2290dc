//! The database's own client, run beside its server.

use std::time::Duration;

use bollard::{
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use bytes::Bytes;
use futures_util::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;

use super::{Docker, error::classify};
use crate::{databases::POSTGRES_USER, engine::EngineError};

/// What a server must answer to count as ready.
pub(super) const READY_QUERY: &str = "select 1";

/// How much of what a client prints is kept: its end.
const SAID_BYTES_MAX: usize = 64 * 1024;

/// How often it is looked at whether a client ended without reading all of its input.
const EXEC_POLL: Duration = Duration::from_millis(300);

/// The user of the operating system that owns the server, in all images that are known.
const OWNER: &str = "postgres";

/// One run of a program in a container.
pub(super) struct Run {
    arguments: Vec<String>,
    env: Vec<String>,
    user: Option<String>,
    input: Option<Bytes>,
}

/// A query over TCP, as an application would ask it.
pub(super) fn ready(password: &SecretString) -> Run {
    let arguments = client(&[
        "--host=127.0.0.1",
        "--tuples-only",
        "--command",
        READY_QUERY,
    ]);
    let password = format!("PGPASSWORD={}", password.expose_secret());
    let env = vec![password, "PGCONNECT_TIMEOUT=5".to_owned()];
    Run {
        arguments,
        env,
        user: None,
        input: None,
    }
}

/// SQL from our side of the connection, up to the first statement that fails.
pub(super) fn seed(sql: Bytes) -> Run {
    let arguments = client(&["--quiet", "--output=/dev/null", "--file=-"]);
    Run {
        arguments,
        env: Vec::new(),
        user: Some(OWNER.to_owned()),
        input: Some(sql),
    }
}

fn client(more: &[&str]) -> Vec<String> {
    let user = format!("--username={POSTGRES_USER}");
    let database = format!("--dbname={POSTGRES_USER}");
    let common = [
        "psql",
        "--no-psqlrc",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        &user,
        &database,
    ];
    common
        .iter()
        .chain(more)
        .map(|&word| word.to_owned())
        .collect()
}

/// What a run answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    exit_code: i64,
    errors: String,
}

impl Answer {
    pub(super) fn succeeded(&self) -> bool {
        self.exit_code == 0
    }

    /// The last line about what went wrong.
    pub(super) fn last_error(&self) -> String {
        let last = self
            .errors
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty());
        last.map_or_else(|| format!("exit code {}", self.exit_code), str::to_owned)
    }

    /// The line of the script and the server's sentence, with its details.
    pub(super) fn statement_error(&self) -> (Option<u32>, String) {
        let mut lines = self.errors.lines();
        let Some((line, first)) = lines.find_map(error_line) else {
            return (None, self.last_error());
        };
        let mut message = first.to_owned();
        for more in lines.take_while(|more| located(more).is_none()) {
            message.push('\n');
            message.push_str(more.trim_end());
        }
        (line, message)
    }
}

/// The place and the sentence of a line such as `psql:<stdin>:3: ERROR:  no such table`.
fn error_line(line: &str) -> Option<(Option<u32>, &str)> {
    let (at, rest) = match located(line) {
        Some((at, rest)) => (Some(at), rest),
        None => (None, line.strip_prefix("psql: ").unwrap_or(line)),
    };
    let kinds = ["ERROR:", "FATAL:", "PANIC:", "error:"];
    let sentence = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    Some((at, sentence.trim()))
}

fn located(line: &str) -> Option<(u32, &str)> {
    let (at, rest) = line.strip_prefix("psql:<stdin>:")?.split_once(':')?;
    Some((at.parse().ok()?, rest.trim_start()))
}

impl Docker {
    /// Runs a program in a container to its end. Dropping this stops listening to it.
    pub(super) async fn execute(&self, id: &str, run: &Run) -> Result<Answer, EngineError> {
        let what = "a query in the database's container";
        let options = CreateExecOptions {
            cmd: Some(run.arguments.clone()),
            env: Some(run.env.clone()),
            user: run.user.clone(),
            attach_stdin: Some(run.input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let exec = self.call(what, self.api().create_exec(id, options)).await?;
        let start = self.api().start_exec(&exec.id, None::<StartExecOptions>);
        let StartExecResults::Attached {
            mut output,
            mut input,
        } = self.call(what, start).await?
        else {
            return Err(EngineError::Unreachable(format!(
                "{what}: its output was not given"
            )));
        };
        let send = async {
            if let Some(text) = &run.input {
                // A client that stopped at an error reads no further; its answer says why.
                let _stopped = input.write_all(text).await;
            }
            let _ended = input.shutdown().await;
            // The connection stays until the program has said everything.
            std::future::pending::<()>().await;
        };
        let mut errors = Vec::new();
        let receive = async {
            while let Some(piece) = output.next().await {
                if let LogOutput::StdErr { message } = piece? {
                    keep_end(&mut errors, &message);
                }
            }
            Ok::<_, Error>(())
        };
        tokio::select! {
            received = receive => received.map_err(|error| classify(what, error))?,
            // The engine keeps the connection of a program that ended before its input did.
            ended = self.wait_for_exec(&exec.id, what) => ended?,
            () = send => {}
        }
        let ended = self.call(what, self.api().inspect_exec(&exec.id)).await?;
        Ok(Answer {
            exit_code: ended.exit_code.unwrap_or(-1),
            errors: String::from_utf8_lossy(&errors).into_owned(),
        })
    }

    /// Returns once the program has ended, and what it printed had time to come.
    async fn wait_for_exec(&self, exec: &str, what: &str) -> Result<(), EngineError> {
        loop {
            tokio::time::sleep(EXEC_POLL).await;
            let seen = self.call(what, self.api().inspect_exec(exec)).await?;
            if seen.running == Some(false) {
                tokio::time::sleep(EXEC_POLL).await;
                return Ok(());
            }
        }
    }
}

fn keep_end(kept: &mut Vec<u8>, more: &[u8]) {
    kept.extend_from_slice(more);
    let over = kept.len().saturating_sub(SAID_BYTES_MAX);
    kept.drain(..over);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(errors: &str) -> Answer {
        Answer {
            exit_code: 3,
            errors: errors.to_owned(),
        }
    }

    #[test]
    fn a_failed_statement_is_told_with_its_line_and_details() {
        let said = "psql:<stdin>:1: NOTICE:  table \"x\" does not exist, skipping\n\
            psql:<stdin>:3: ERROR:  relation \"guests\" does not exist\n\
            LINE 1: insert into guests values (1);\n\
            \x20                   ^\n\
            psql:<stdin>:4: NOTICE:  after\n";
        let (line, message) = answer(said).statement_error();
        assert_eq!(line, Some(3));
        assert_eq!(
            message,
            "relation \"guests\" does not exist\nLINE 1: insert into guests values (1);\n\
             \x20                   ^"
        );
    }

    #[test]
    fn errors_without_a_line_are_told_too() {
        let (line, message) =
            answer("psql: error: connection to server failed: No such file\n").statement_error();
        assert_eq!(
            (line, message.as_str()),
            (None, "connection to server failed: No such file")
        );
        let (line, message) = answer("OCI runtime exec failed\n\n").statement_error();
        assert_eq!((line, message.as_str()), (None, "OCI runtime exec failed"));
        assert_eq!(
            answer("").statement_error(),
            (None, "exit code 3".to_owned())
        );
    }

    #[test]
    fn only_the_end_of_what_a_client_says_is_kept() {
        let mut kept = Vec::new();
        for _ in 0..3 {
            keep_end(&mut kept, &[b'a'; SAID_BYTES_MAX]);
        }
        keep_end(&mut kept, b"end");
        assert_eq!(kept.len(), SAID_BYTES_MAX);
        assert!(kept.ends_with(b"aend"));
    }
}
