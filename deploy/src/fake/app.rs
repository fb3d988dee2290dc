//! How the applications of the simulated host behave.

use std::{collections::HashMap, time::Duration};

use crate::{blueprint::Command, names::CommitSha};

/// What comes of building an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildScript {
    /// An image.
    Ok,
    /// A step fails.
    Fails {
        /// The step, as the builder would name it.
        step: String,
        /// The builder's sentence.
        message: String,
    },
    /// The Dockerfile is not in the commit.
    NoDockerfile,
}

/// What an application does once it is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartScript {
    /// It answers.
    Serves,
    /// It ends with this exit code, once [`AppScript::starts_in`] is over. With another than zero it
    /// is started again, and ends again.
    ExitsWith(i64),
    /// It runs and never accepts a connection.
    NeverListens,
    /// It accepts connections and never answers.
    Silent,
    /// It answers everything with this status.
    Status(u16),
}

/// One application: how it builds, starts, and how its commands end.
#[derive(Clone, Debug)]
pub struct AppScript {
    /// What comes of building it.
    pub build: BuildScript,
    /// What it does once it is started.
    pub start: StartScript,
    /// How long after its start it listens, or ends.
    pub starts_in: Duration,
    /// How commands in its image end; zero applies their work to the databases.
    pub migrate: i64,
    /// How long such a command takes, on top of the engine's own time.
    pub migrate_takes: Duration,
    /// What it prints, as a service and as a command.
    pub output: Vec<String>,
}

impl Default for AppScript {
    fn default() -> Self {
        Self {
            build: BuildScript::Ok,
            start: StartScript::Serves,
            starts_in: Duration::from_millis(100),
            migrate: 0,
            migrate_takes: Duration::ZERO,
            output: Vec::new(),
        }
    }
}

/// Which script counts: the nearest one to what runs.
#[derive(Debug, Default)]
pub(super) struct Apps {
    pub(super) by_command: HashMap<Vec<String>, AppScript>,
    pub(super) by_commit: HashMap<CommitSha, AppScript>,
    pub(super) default: AppScript,
}

impl Apps {
    /// The script of a build.
    pub(super) fn of_build(&self, commit: &CommitSha) -> &AppScript {
        self.by_commit.get(commit).unwrap_or(&self.default)
    }

    /// The script of what runs in an image.
    pub(super) fn of_container(
        &self,
        command: Option<&Command>,
        commit: Option<&CommitSha>,
    ) -> &AppScript {
        let command = command.and_then(|command| self.by_command.get(&command.0));
        let commit = || commit.and_then(|commit| self.by_commit.get(commit));
        command.or_else(commit).unwrap_or(&self.default)
    }
}
