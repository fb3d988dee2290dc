//! Fills a server that runs on a fresh directory.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind, Write as _},
    pin::pin,
    time::Duration,
};

use bollard::query_parameters::UploadToContainerOptionsBuilder;
use tokio_util::sync::CancellationToken;

use super::{
    kind::{Kind, Seeding, describe_seed},
    run::{Answer, Broken, Input, Run},
    script::{Dialect, Script},
    script_pipe::{Fed, ScriptPipe},
};
use crate::{
    content::Content,
    databases::{DataSink, DatabaseError, DatabaseSpec, Seed, USER},
    docker::Docker,
    engine::{Ended, EngineError},
    pieces::{Sink, pieces},
};

/// Interval for checking whether a program has exited.
const POLL: Duration = Duration::from_millis(100);

/// Number of output lines to report for a seed's command.
const OUTPUT_LINES: usize = 40;

/// The result of a seed.
#[derive(Debug, Default)]
pub(super) struct Seeded {
    /// Omitted or changed parts.
    pub(super) changes: Vec<String>,
    /// Roles whose passwords were removed.
    pub(super) passwords: BTreeSet<String>,
}

/// A server that is being filled: its container, its kind, and the pipe of its scripts.
pub(super) type Filling<'a> = (&'a str, &'a dyn Kind, Option<&'a ScriptPipe>);

impl Docker {
    /// Runs every step of a seed within the time limit for seeds.
    pub(super) async fn seed_with(
        &self,
        into: Filling<'_>,
        spec: &DatabaseSpec,
        seed: &Seed,
        steps: Vec<Seeding>,
        sink: &DataSink,
    ) -> Result<Seeded, DatabaseError> {
        let (id, kind, _) = into;
        let limit = self.config().timeouts.seed;
        let mut deadline = pin!(async {
            // An upload may be slow, so it does not count against the time limit.
            for file in seed.all_files() {
                file.content.arrived().await;
            }
            tokio::time::sleep(limit).await;
        });
        let count = steps.len();
        let (mut seeded, mut filled) = (Seeded::default(), None);
        for (at, step) in steps.into_iter().enumerate() {
            let script = match &step {
                Seeding::Script { script, .. } => Some(script.clone()),
                _ => None,
            };
            let path = step.path().to_owned();
            if count > 1 {
                sink(format!(
                    "the data of {}: {path}, {} of {count}",
                    spec.key.name,
                    at + 1
                ));
            }
            let ran = tokio::select! {
                ran = self.seed_step(into, step) => ran,
                () = &mut deadline => Err(too_long(&path, limit)),
            };
            let ran = ran?;
            seeded.changes.extend(ran.changes);
            seeded.passwords.extend(ran.passwords);
            if let Some(script) = script {
                script.joins(&mut filled)?;
            }
        }
        let scripts = matches!(
            seed,
            Seed::Sql(_) | Seed::PgCustom(_) | Seed::PgDirectory(..)
        );
        if let Some(run) = kind.lock_users().filter(|_| scripts) {
            let answer = self.seed_run(id, kind, describe_seed(seed), run).await?;
            let roles = answer.output.lines().map(str::to_owned);
            seeded.passwords.extend(roles);
        }
        let note = |role: &String| format!("role {role}: its password is removed");
        seeded.changes.extend(seeded.passwords.iter().map(note));
        if let Seed::Run {
            spec: run, words, ..
        } = seed
        {
            sink(format!("the data of {}: {words}", spec.key.name));
            let task = format!("seed-{}", spec.key.name);
            let ended = tokio::select! {
                ended = self.run(run, &task) => ended?,
                () = &mut deadline => return Err(too_long(words, limit)),
            };
            if ended.exit_code != 0 {
                return Err(command_failed(words, &ended));
            }
        }
        Ok(seeded)
    }

    async fn seed_step(&self, into: Filling<'_>, step: Seeding) -> Result<Seeded, DatabaseError> {
        let (id, kind, _) = into;
        match step {
            Seeding::Run { path, run } => {
                self.seed_run(id, kind, path, run).await?;
                Ok(Seeded::default())
            }
            Seeding::Script { script, run } => self.seed_script(into, script, run).await,
            Seeding::Archive {
                path,
                files,
                archive,
                run,
            } => {
                if !files.is_empty() {
                    self.upload(id, files).await?;
                }
                self.seed_archive(into, path, (archive, run)).await
            }
            Seeding::Until { path, run, right } => loop {
                let answer = self.execute_as(id, kind, run.clone()).await?;
                if !answer.succeeded() {
                    return Err(self.seed_failed(id, kind, path, &answer).await?);
                }
                if right(&answer) {
                    return Ok(Seeded::default());
                }
                tokio::time::sleep(POLL).await;
            },
        }
    }

    pub(super) async fn seed_run(
        &self,
        id: &str,
        kind: &dyn Kind,
        path: String,
        run: Run,
    ) -> Result<Answer, DatabaseError> {
        let answer = self.execute_as(id, kind, run).await?;
        if answer.succeeded() {
            return Ok(answer);
        }
        Err(self.seed_failed(id, kind, path, &answer).await?)
    }

    /// Runs a script, and finds the database that it filled.
    async fn seed_script(
        &self,
        into: Filling<'_>,
        script: Script,
        run: Run,
    ) -> Result<Seeded, DatabaseError> {
        let (id, kind, _) = into;
        let answer = self.run_script(into, script.clone(), run).await?;
        if !answer.succeeded() {
            let path = script.path().to_owned();
            let failed = self.seed_failed(id, kind, path, &answer).await?;
            return Err(self.explain(id, kind, &script, failed).await?);
        }
        let (made, mut changes, passwords) = {
            let report = script.report.lock();
            let made = report.databases.clone();
            (made, report.notes(), report.passwords.clone())
        };
        let adopted = match script.dialect() {
            Dialect::Postgres if made.is_empty() => None,
            Dialect::Postgres => self.adopt_database(id, kind, script.path(), &made).await?,
            Dialect::Mysql(_) => made.into_iter().next(),
        };
        changes.extend(adopted.map(|name| format!("database {name}: renamed to {USER} here")));
        Ok(Seeded { changes, passwords })
    }

    /// Runs a client on a script, which it reads from the pipe or from its input.
    pub(super) async fn run_script(
        &self,
        (id, kind, pipe): Filling<'_>,
        script: Script,
        mut run: Run,
    ) -> Result<Answer, EngineError> {
        let Some(pipe) = pipe else {
            run.input = Some(Input::Script(script));
            return self.execute_as(id, kind, run).await;
        };
        let over = CancellationToken::new();
        let _dropped = over.clone().drop_guard();
        let client = async {
            let answer = self.execute_as(id, kind, run).await;
            over.cancel();
            answer
        };
        let (answer, fed) = tokio::join!(client, pipe.feed(script, over.clone()));
        let mut answer = answer?;
        answer.broken_input = match fed {
            Fed::Whole => None,
            Fed::Broken(broken) => Some(broken),
            // The client's own error gives the reason.
            Fed::Part if answer.exit_code != 0 => None,
            Fed::Part => {
                let why = "the client exited before the end of the script".to_owned();
                Some(Broken::Unfit(why))
            }
        };
        Ok(answer)
    }

    /// Runs one program that converts an archive to a script, and another that runs the script.
    async fn seed_archive(
        &self,
        into: Filling<'_>,
        path: String,
        (archive, run): (Run, Run),
    ) -> Result<Seeded, DatabaseError> {
        let (id, kind, _) = into;
        let (script, write) = Script::of_archive(&path);
        let archive = self.run_inside(id, kind, archive).await?;
        let (read, ran) = tokio::join!(
            self.execute_into(id, &archive, Some(write)),
            self.seed_script(into, script, run)
        );
        // If the script failed, its writer was interrupted.
        match ran {
            Err(DatabaseError::Seed { .. }) | Ok(_) => {}
            Err(other) => return Err(other),
        }
        let read = read?;
        if !read.succeeded() && !read.last_error().contains("Broken pipe") {
            return Err(self.seed_failed(id, kind, path, &read).await?);
        }
        ran
    }

    /// Why a script failed: the place, the message, and hints.
    pub(super) async fn explain(
        &self,
        id: &str,
        kind: &dyn Kind,
        script: &Script,
        failed: DatabaseError,
    ) -> Result<DatabaseError, DatabaseError> {
        let (line, mut message) = match failed {
            DatabaseError::SeedUnfit { path, why } => {
                let unfit = DatabaseError::SeedUnfit { path, why };
                return Ok(script.refused().unwrap_or(unfit));
            }
            DatabaseError::Seed { line, message, .. } => (line, message),
            other => return Ok(other),
        };
        let dumped = script.report.lock().dumped.clone();
        if let Some(((server, _), run)) = dumped.zip(kind.version()) {
            let here = self.execute_as(id, kind, run).await?;
            if let Some(newer) = kind.newer(&server, here.output.trim()) {
                message = format!("{message}\n{newer}");
            }
        }
        Ok(script.failed(line, message))
    }

    /// The error for a failed statement, or for a server that exited meanwhile.
    pub(super) async fn seed_failed(
        &self,
        id: &str,
        kind: &dyn Kind,
        path: String,
        answer: &Answer,
    ) -> Result<DatabaseError, EngineError> {
        let there = self.inspect(id).await?;
        let state = there.and_then(|there| there.state).unwrap_or_default();
        if state.oom_killed == Some(true) || state.running != Some(true) {
            return Ok(DatabaseError::NotReady {
                message: format!("the server exited while {path} ran"),
                out_of_memory: state.oom_killed == Some(true),
                output: self.last_lines(id, OUTPUT_LINES).await?,
            });
        }
        match &answer.broken_input {
            Some(Broken::Unread(why)) => {
                return Err(EngineError::Unreachable(format!("{path}: {why}")));
            }
            Some(Broken::Unfit(why)) => {
                let why = why.clone();
                return Ok(DatabaseError::SeedUnfit { path, why });
            }
            None => {}
        }
        let (line, message) = kind.complaint(answer);
        Ok(DatabaseError::Seed {
            path,
            line,
            message,
            output: Vec::new(),
        })
    }

    /// Uploads files into the container as it reads them. Dayfly builds the archive, and it
    /// contains only plain files.
    async fn upload(&self, id: &str, files: Vec<(String, Content)>) -> Result<(), DatabaseError> {
        let (sink, body) = pieces();
        let writing = tokio::task::spawn_blocking(move || archive(files, sink));
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let body = bollard::body_try_stream(body);
        let upload = self.api().upload_to_container(id, Some(options), body);
        let uploaded = self.change("the upload of a seed", upload).await;
        // The read error is the cause of the failed upload.
        let written = writing
            .await
            .map_err(io::Error::other)
            .and_then(|done| done);
        match (written, uploaded) {
            (Err(error), _) if error.kind() != ErrorKind::BrokenPipe => {
                Err(DatabaseError::Pool(error.to_string()))
            }
            (_, uploaded) => Ok(uploaded?),
        }
    }
}

fn archive(files: Vec<(String, Content)>, mut sink: Sink) -> io::Result<()> {
    let mut archive = tar::Builder::new(&mut sink);
    let mut append = |path: &str, content: &Content| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.bytes());
        header.set_mode(0o644);
        let path = path.trim_start_matches('/');
        archive.append_data(&mut header, path, content.reader()?)
    };
    let written = files
        .iter()
        .try_for_each(|(path, content)| append(path, content));
    let written = written.and_then(|()| archive.finish());
    drop(archive);
    match written.and_then(|()| sink.flush()) {
        Ok(()) => Ok(()),
        Err(error) => {
            sink.break_off("cannot read the seed's files");
            Err(error)
        }
    }
}

fn command_failed(words: &str, ended: &Ended) -> DatabaseError {
    let message = match ended.out_of_memory {
        true => "it was killed because it ran out of memory".to_owned(),
        false => format!("it exited with code {}", ended.exit_code),
    };
    let from = ended.output.len().saturating_sub(OUTPUT_LINES);
    DatabaseError::Seed {
        path: words.to_owned(),
        line: None,
        message,
        output: ended.output[from..].to_vec(),
    }
}

fn too_long(path: &str, limit: Duration) -> DatabaseError {
    DatabaseError::Seed {
        path: path.to_owned(),
        line: None,
        message: format!("it took longer than {} s", limit.as_secs()),
        output: Vec::new(),
    }
}
