//! The behaviour of applications on the simulated host.

use std::{collections::HashMap, time::Duration};

use crate::{blueprint::Command, names::CommitSha};

/// The result of building an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildScript {
    /// An image.
    Ok,
    /// A step fails.
    Fails {
        /// The step, as the builder would name it.
        step: String,
        /// The builder's message.
        message: String,
    },
    /// The Dockerfile is not in the commit.
    NoDockerfile,
}

/// The behaviour of an application after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartScript {
    /// It answers requests.
    Serves,
    /// It exits with this code after [`AppScript::starts_in`]. With a nonzero code it is restarted,
    /// and exits again.
    ExitsWith(i64),
    /// It runs and never accepts a connection.
    NeverListens,
    /// It accepts connections and never answers.
    Silent,
    /// It answers every request with this status.
    Status(u16),
}

/// The script of one application: its build, its start, and the exit codes of its commands.
#[derive(Clone, Debug)]
pub struct AppScript {
    /// The result of its build.
    pub build: BuildScript,
    /// Its behaviour after the start.
    pub start: StartScript,
    /// Time from its start until it listens or exits.
    pub starts_in: Duration,
    /// Exit code of commands in its image; zero applies their changes to the databases.
    pub migrate: i64,
    /// Duration of such a command, in addition to the engine's own time.
    pub migrate_takes: Duration,
    /// Its output, as a service and as a command.
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

/// Selects the script of a container: the most specific one.
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

    /// The script of a container.
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
