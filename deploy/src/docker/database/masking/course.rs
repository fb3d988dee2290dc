//! Runs a mask: survey the data, run the script, purge derived data, survey again, judge.

use std::{
    collections::BTreeSet,
    hash::RandomState,
    io::{self, BufReader},
    time::Duration,
};

use super::{
    before::Before,
    judging::Look,
    plan::{Plan, values_kept},
    relations::{Database, Relation, databases, relations},
    rows::{Reading, Seen, read},
    sentence::without_values,
    survey::Survey,
};
use crate::{
    databases::{DatabaseError, Seed},
    docker::{
        Docker,
        database::{
            kind::{Kind, Passwords, Seeding},
            run::{Answer, Run},
            script::Script,
            seeding::Filling,
        },
    },
    personal::{Found, Mask, Verdict, refusal},
    pieces::{Pipe, pipe},
};

/// Time limit for the server to list its relations.
const NAMES_MAX: Duration = Duration::from_secs(60);

/// Read buffer for a client's answer, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// What to search for in data that was just loaded.
pub(in crate::docker::database) enum Looking {
    /// Nothing: the data comes from the repository.
    Not,
    /// Names that look personal.
    Names,
    /// Names that look personal, and their values before and after a mask.
    Mask(Mask),
}

/// The findings.
#[derive(Debug, Default)]
pub(in crate::docker::database) struct Looked {
    pub(in crate::docker::database) found: Vec<Found>,
    /// Accepted names that match nothing.
    pub(in crate::docker::database) unused: Vec<String>,
}

/// A server under survey.
struct Server<'a> {
    id: &'a str,
    kind: &'a dyn Kind,
    survey: Box<dyn Survey>,
    passwords: &'a Passwords<'a>,
    /// Hashes values with a random key that exists only for this survey.
    hasher: RandomState,
}

impl Docker {
    /// Surveys the loaded data and runs the mask. `left_out` are roles whose passwords were
    /// removed.
    ///
    /// # Errors
    /// [`DatabaseError::Mask`] if it fails, [`DatabaseError::Unmasked`] if it leaves too much.
    pub(in crate::docker::database) async fn look_over(
        &self,
        into: Filling<'_>,
        (passwords, left_out): (&Passwords<'_>, &BTreeSet<String>),
        looking: &Looking,
    ) -> Result<Looked, DatabaseError> {
        let (id, kind, _) = into;
        let Some(survey) = kind.survey(passwords) else {
            return Ok(Looked::default());
        };
        let server = Server {
            id,
            kind,
            survey,
            passwords,
            hasher: RandomState::new(),
        };
        let roles = left_out.iter().map(|role| Found::role(role));
        match looking {
            Looking::Not => Ok(Looked::default()),
            Looking::Names => {
                let mut found = self.look(&server, Plan::Naming).await?.named();
                found.extend(roles);
                Ok(Looked {
                    found,
                    unused: Vec::new(),
                })
            }
            Looking::Mask(mask) => {
                let mut found = self.masked(into, &server, mask).await?;
                found.extend(roles);
                if mask.judged && found.iter().any(|found| found.verdict == Verdict::Left) {
                    return Err(DatabaseError::Unmasked(refusal(&mask.script.path, &found)));
                }
                let is_used = |word: &String| found.iter().any(|found| is_named(found, word));
                let unused = mask.accepted.iter().filter(|word| !is_used(word));
                let unused = unused.cloned().collect();
                Ok(Looked { found, unused })
            }
        }
    }

    async fn masked(
        &self,
        into: Filling<'_>,
        server: &Server<'_>,
        mask: &Mask,
    ) -> Result<Vec<Found>, DatabaseError> {
        let nothing = Before::default();
        let before = self.look(server, Plan::Comparing(&nothing)).await?;
        let before = before.into_values();
        let reached = self.run_mask(into, server, mask).await?;
        self.forget(server, mask).await?;
        let after = self.look(server, Plan::Comparing(&before)).await?;
        Ok(after.judged(&before, &reached, &mask.accepted))
    }

    /// Runs the script. Returns the databases that it connected to.
    async fn run_mask(
        &self,
        into: Filling<'_>,
        server: &Server<'_>,
        mask: &Mask,
    ) -> Result<BTreeSet<String>, DatabaseError> {
        let Server { id, kind, .. } = *server;
        let limit = self.config().timeouts.seed;
        let path = &mask.script.path;
        let seed = Seed::Sql(mask.script.clone().into());
        let mut reached = BTreeSet::new();
        for step in kind.seed(&seed, server.passwords)? {
            let Seeding::Script { script, run } = step else {
                continue;
            };
            let ran = self.run_script(into, script.clone(), run);
            let ran = tokio::time::timeout(limit, ran).await;
            let ran = ran.map_err(|_| failed(path, too_long(limit)))?;
            let answer = ran?;
            if !answer.succeeded() {
                return Err(self.mask_failed(server, &script, &answer).await?);
            }
            reached.append(&mut script.report.lock().databases.clone());
        }
        if let Some(run) = kind.lock_users() {
            self.seed_run(id, kind, path.clone(), run).await?;
        }
        Ok(reached)
    }

    /// Why the script failed, without quotes and details that may contain values of rows.
    async fn mask_failed(
        &self,
        server: &Server<'_>,
        script: &Script,
        answer: &Answer,
    ) -> Result<DatabaseError, DatabaseError> {
        let Server { id, kind, .. } = *server;
        let path = script.path().to_owned();
        let failed = self.seed_failed(id, kind, path, answer).await?;
        let (path, line, message) = match self.explain(id, kind, script, failed).await? {
            DatabaseError::Seed {
                path,
                line,
                message,
                ..
            } => (path, line, message),
            DatabaseError::SeedUnfit { path, why } => (path, None, why),
            other => return Ok(other),
        };
        Ok(DatabaseError::Mask {
            path,
            line,
            message: without_values(&message),
        })
    }

    /// Makes the server purge data that it derived from the old rows.
    async fn forget(&self, server: &Server<'_>, mask: &Mask) -> Result<(), DatabaseError> {
        let limit = self.config().timeouts.seed;
        let databases = self.databases_in(server).await?;
        let relations = self.relations_in(server, &databases).await?;
        let Some(run) = server.survey.forget(&databases, &relations) else {
            return Ok(());
        };
        let ran = self.execute_as(server.id, server.kind, run);
        let ran = tokio::time::timeout(limit, ran).await;
        let path = &mask.script.path;
        let answer =
            ran.map_err(|_| failed(path, format!("afterwards, {}", too_long(limit))))??;
        if answer.succeeded() {
            return Ok(());
        }
        let path = path.clone();
        match self
            .seed_failed(server.id, server.kind, path, &answer)
            .await?
        {
            DatabaseError::Seed { path, message, .. } => {
                let sentence = without_values(&message);
                Err(failed(&path, format!("afterwards, {sentence}")))
            }
            other => Err(other),
        }
    }

    /// Reads the content of a server.
    async fn look(&self, server: &Server<'_>, plan: Plan<'_>) -> Result<Look, DatabaseError> {
        let databases = self.databases_in(server).await?;
        let relations = self.relations_in(server, &databases).await?;
        let readings = plan.readings(&relations);
        let seen = self.rows_of(server, readings.clone()).await?;
        Ok(Look {
            databases,
            relations,
            readings,
            seen,
        })
    }

    async fn databases_in(&self, server: &Server<'_>) -> Result<Vec<Database>, DatabaseError> {
        let Some(run) = server.survey.databases() else {
            return Ok(vec![Database {
                name: String::new(),
                is_open: true,
            }]);
        };
        let answer = self.execute_as(server.id, server.kind, run);
        let answer = tokio::time::timeout(NAMES_MAX, answer).await;
        let answer = answer.map_err(|_| unlisted(too_long(NAMES_MAX)))??;
        if !answer.succeeded() {
            return Err(unlisted(answer.last_error()));
        }
        databases(&answer.output).map_err(|error| unlisted(error.to_string()))
    }

    async fn relations_in(
        &self,
        server: &Server<'_>,
        databases: &[Database],
    ) -> Result<Vec<Relation>, DatabaseError> {
        let run = server.survey.columns(databases);
        let listed = self.stream(server, run, |mut reader| relations(&mut reader));
        let listed = tokio::time::timeout(NAMES_MAX, listed).await;
        let (answer, listed) = listed.map_err(|_| unlisted(too_long(NAMES_MAX)))??;
        match answer.succeeded() {
            true => listed.map_err(|error| unlisted(error.to_string())),
            false => Err(unlisted(answer.last_error())),
        }
    }

    async fn rows_of(
        &self,
        server: &Server<'_>,
        readings: Vec<Reading>,
    ) -> Result<Vec<Seen>, DatabaseError> {
        if readings.is_empty() {
            return Ok(Vec::new());
        }
        let limit = self.config().timeouts.seed;
        let run = server.survey.rows(&readings);
        let (hasher, most) = (server.hasher.clone(), values_kept(&readings));
        let reading = move |mut reader| read(&mut reader, &readings, (&hasher, most));
        let seen = self.stream(server, run, reading);
        let seen = tokio::time::timeout(limit, seen).await;
        // A reading that failed has no end marker in the output.
        let (_, seen) = seen.map_err(|_| unlisted(too_long(limit)))??;
        seen.map_err(|error| unlisted(error.to_string()))
    }

    /// Runs a client and reads its output in a separate thread.
    async fn stream<T: Send + 'static>(
        &self,
        server: &Server<'_>,
        run: Run,
        read: impl FnOnce(BufReader<Pipe>) -> io::Result<T> + Send + 'static,
    ) -> Result<(Answer, io::Result<T>), DatabaseError> {
        let run = self.run_inside(server.id, server.kind, run).await?;
        let (write, pipe) = pipe();
        let reader = BufReader::with_capacity(BUFFER_BYTES, pipe);
        let reading = tokio::task::spawn_blocking(move || read(reader));
        let (answer, read) = tokio::join!(self.execute_into(server.id, &run, Some(write)), reading);
        let read = read.map_err(io::Error::other).and_then(|read| read);
        Ok((answer?, read))
    }
}

/// Whether an accepted name refers to a finding.
fn is_named(found: &Found, word: &str) -> bool {
    found.name == word || found.accept == word
}

fn too_long(limit: Duration) -> String {
    format!("it took longer than {} s", limit.as_secs())
}

fn failed(path: &str, message: String) -> DatabaseError {
    DatabaseError::Mask {
        path: path.to_owned(),
        line: None,
        message,
    }
}

fn unlisted(why: String) -> DatabaseError {
    DatabaseError::NotReady {
        message: format!("cannot list the seeded data: {why}"),
        out_of_memory: false,
        output: Vec::new(),
    }
}
