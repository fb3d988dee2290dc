//! Programs that run in a database's container, mostly its own client.

use std::{
    io::{self, Read as _},
    time::Duration,
};

use bollard::{
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use super::{
    super::{Docker, error::classify},
    run::{Answer, Broken, Input, Run},
};
use crate::{content::is_unread, dump::Refused, engine::EngineError, pieces::Writer};

/// Maximum bytes to keep of a client's output; the end is kept.
const SAID_BYTES_MAX: usize = 64 * 1024;

/// Interval for checking whether a client exited without reading all of its input.
const EXEC_POLL: Duration = Duration::from_millis(300);

/// Number of consecutive checks without waiting output after which the output is complete.
const QUIET_LOOKS: u32 = 2;

/// Size of a piece of unpacked input, in bytes, and how many may wait to be sent.
const PIECE_BYTES: usize = 256 * 1024;
const PIECES_MAX: usize = 8;

/// Maximum unpacked size of compressed input, in bytes.
const UNPACKED_BYTES_MAX: u64 = 64 << 30;

impl Docker {
    /// Runs a program in a container until it exits. Dropping this stops listening to it.
    pub(crate) async fn execute(&self, id: &str, run: &Run) -> Result<Answer, EngineError> {
        self.execute_into(id, run, None).await
    }

    /// Like `execute`, but passes the output to a reader, and ends when the reader ends.
    pub(super) async fn execute_into(
        &self,
        id: &str,
        run: &Run,
        reader: Option<Writer>,
    ) -> Result<Answer, EngineError> {
        let what = "a program in a container";
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
        let StartExecResults::Attached { mut output, input } = self.call(what, start).await? else {
            return Err(EngineError::Unreachable(format!(
                "{what}: the engine attached no output"
            )));
        };
        let mut broken_input = None;
        let send = async {
            let mut input = input;
            if let Some(text) = run.input.clone() {
                broken_input = feed(text, &mut input).await;
            }
            let _ended = input.shutdown().await;
            // Keep the connection open until the program has printed everything.
            std::future::pending::<()>().await;
        };
        let (mut said, mut errors) = (Vec::new(), Vec::new());
        let receive = async {
            while let Some(piece) = output.next().await {
                match piece? {
                    LogOutput::StdErr { message } => keep_end(&mut errors, &message),
                    other => {
                        let bytes = other.into_bytes();
                        let Some(reader) = &reader else {
                            keep_end(&mut said, &bytes);
                            continue;
                        };
                        if reader.send(Ok(bytes)).await.is_err() {
                            break;
                        }
                    }
                }
            }
            Ok::<_, Error>(())
        };
        tokio::select! {
            received = receive => received.map_err(|error| classify(what, error))?,
            // The engine keeps the connection open if a program exits before the end of its input.
            ended = self.wait_for_exec(&exec.id, what, reader.as_ref()) => ended?,
            () = send => {}
        }
        let ended = self.call(what, self.api().inspect_exec(&exec.id)).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer {
            exit_code: ended.exit_code.unwrap_or(-1),
            output: text(&said),
            errors: text(&errors),
            broken_input,
        })
    }

    /// Returns once the program has exited and its output has arrived and been read.
    async fn wait_for_exec(
        &self,
        exec: &str,
        what: &str,
        reader: Option<&Writer>,
    ) -> Result<(), EngineError> {
        loop {
            tokio::time::sleep(EXEC_POLL).await;
            let seen = self.call(what, self.api().inspect_exec(exec)).await?;
            if seen.running == Some(false) {
                break;
            }
        }
        // While pieces wait for the reader, more may follow.
        let mut quiet = 0;
        while quiet < QUIET_LOOKS {
            tokio::time::sleep(EXEC_POLL).await;
            let idle = |reader: &Writer| reader.capacity() == reader.max_capacity();
            quiet = match reader.is_none_or(idle) {
                true => quiet + 1,
                false => 0,
            };
        }
        Ok(())
    }
}

/// Sends input, unpacked in a separate thread; returns the reason if that fails. A client that
/// stops at an error reads no further, and its output gives the reason.
async fn feed(text: Input, to: &mut (impl AsyncWrite + Unpin)) -> Option<Broken> {
    if let Input::Bytes(bytes) = &text {
        let _stopped = to.write_all(bytes).await;
        return None;
    }
    let (pieces, mut waiting) = mpsc::channel::<Result<Bytes, Broken>>(PIECES_MAX);
    tokio::task::spawn_blocking(move || {
        let broken = unpack(text, |piece| pieces.blocking_send(Ok(piece.into())).is_ok());
        if let Some(why) = broken {
            let _gone = pieces.blocking_send(Err(why));
        }
    });
    while let Some(piece) = waiting.recv().await {
        match piece {
            Ok(piece) => {
                if to.write_all(&piece).await.is_err() {
                    return None;
                }
            }
            Err(why) => return Some(why),
        }
    }
    None
}

/// Reads input to its end, or until `take` returns `false`; returns the reason if that fails.
pub(super) fn unpack(text: Input, mut take: impl FnMut(Vec<u8>) -> bool) -> Option<Broken> {
    let told = |error: io::Error| {
        let given_up = error.get_ref().is_some_and(|error| error.is::<Refused>());
        Some(match given_up {
            _ if is_unread(&error) => Broken::Unread(format!("cannot read it: {error}")),
            true => Broken::Unfit(error.to_string()),
            false => Broken::Unfit(format!("cannot unpack it: {error}")),
        })
    };
    let mut left = UNPACKED_BYTES_MAX;
    let mut reader = match text.reader() {
        Ok(reader) => reader,
        Err(error) => return told(error),
    };
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let read = match reader.read(&mut piece) {
            Ok(0) => return None,
            Ok(read) => read,
            Err(error) => return told(error),
        };
        piece.truncate(read);
        left = left.saturating_sub(read as u64);
        if left == 0 {
            let most = UNPACKED_BYTES_MAX >> 30;
            return told(io::Error::other(format!("it is larger than {most} GiB")));
        }
        if !take(piece) {
            return None;
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
    use super::{
        super::script::{Dialect, Script},
        *,
    };
    use crate::databases::SeedFile;

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

    #[tokio::test]
    async fn a_packed_script_is_sent_unpacked_and_a_broken_one_is_told() {
        use std::io::Write as _;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"select 1;").unwrap();
        let packed = Bytes::from(packed.finish().unwrap());
        let input = |content: Bytes| {
            let file = SeedFile {
                path: "a.SQL.GZ".to_owned(),
                content: content.into(),
            };
            let scripts = Script::each(&file.into(), Dialect::Postgres);
            Input::Script(scripts.into_iter().next().unwrap())
        };
        let mut sent = Vec::new();
        let broken = feed(input(packed.clone()), &mut sent).await;
        assert_eq!((broken, sent.as_slice()), (None, b"select 1;".as_slice()));
        let cut = packed.slice(..packed.len() - 6);
        let broken = feed(input(cut), &mut Vec::new()).await;
        let told =
            matches!(&broken, Some(Broken::Unfit(why)) if why.starts_with("cannot unpack it"));
        assert!(told, "{broken:?}");
    }

    #[test]
    fn the_servers_own_programs_are_found_first() {
        let path = |env: &[&str]| {
            let env: Vec<String> = env.iter().map(|&pair| pair.to_owned()).collect();
            let kind = super::super::kinds::kind(&crate::blueprint::DatabaseKind::Postgres);
            Run::new(&["psql"])
                .finding(kind.programs(&env).as_deref(), &env)
                .env
        };
        let own = "PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin";
        assert_eq!(path(&["PATH=/usr/bin:/bin", "PG_MAJOR=15"]), [own]);
        assert!(path(&["PATH=/usr/bin"]).is_empty());
        assert!(path(&["PG_MAJOR=15"]).is_empty());
        assert!(path(&["PATH=/usr/bin", "PG_MAJOR=../x"]).is_empty());
    }
}
