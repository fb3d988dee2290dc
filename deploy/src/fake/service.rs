//! A service's container on the simulated host.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;

use super::{AppScript, StartScript};
use crate::{
    blueprint::{Health, HealthCheck},
    engine::{ContainerState, LogLine, Probe, ServiceRun, ServiceSpec, ServiceState},
};

/// The state of a container whose process was killed.
pub const KILLED: ContainerState = ContainerState::Exited {
    exit_code: 137,
    out_of_memory: false,
};

/// Maximum lines of a service; the oldest are dropped.
const LINES_MAX: usize = 10_000;

/// A service's container.
#[derive(Clone, Debug)]
pub struct Service<M = ()> {
    /// The spec that it was created with.
    pub spec: ServiceSpec,
    /// The behaviour of its application.
    pub script: AppScript,
    /// Its state. While the engine is about to restart it, this is still `Running`.
    pub state: ContainerState,
    /// Its address while it runs.
    pub address: SocketAddr,
    /// The mark of its owner.
    pub mark: M,
    /// The exit code and time of the last exit, while the engine is about to restart it.
    pub(super) between_runs: Option<(i64, u64)>,
    started_ms: u64,
    pub(super) lines: VecDeque<LogLine>,
    /// Number of lines printed before the first of `lines`.
    pub(super) lines_forgotten: usize,
}

impl<M> Service<M> {
    /// A container that has not started yet.
    pub fn new(spec: ServiceSpec, script: AppScript, address: SocketAddr, mark: M) -> Self {
        Self {
            spec,
            script,
            state: ContainerState::Created,
            address,
            mark,
            between_runs: None,
            started_ms: 0,
            lines: VecDeque::new(),
            lines_forgotten: 0,
        }
    }

    /// Starts the container.
    pub fn launch(&mut self, address: SocketAddr, now_ms: u64) {
        self.state = ContainerState::Running;
        self.between_runs = None;
        self.address = address;
        self.started_ms = now_ms;
        for line in self.script.output.clone() {
            self.print(&line, now_ms);
        }
        if let StartScript::ExitsWith(exit_code) = self.script.start
            && self.script.starts_in.is_zero()
        {
            self.exit(exit_code, now_ms);
        }
    }

    /// Whether its process runs.
    pub fn is_running(&self) -> bool {
        self.state == ContainerState::Running && self.between_runs.is_none()
    }

    /// From when on it accepts connections, if it runs and ever does.
    pub fn listens_at_ms(&self) -> Option<u64> {
        let opens = !matches!(
            self.script.start,
            StartScript::NeverListens | StartScript::ExitsWith(_)
        );
        let starts_in_ms = u64::try_from(self.script.starts_in.as_millis()).unwrap_or(u64::MAX);
        (self.is_running() && opens).then(|| self.started_ms.saturating_add(starts_in_ms))
    }

    /// Whether it accepts connections.
    pub fn listens(&self, now_ms: u64) -> bool {
        self.listens_at_ms().is_some_and(|at| at <= now_ms)
    }

    /// Ends it from outside, and for good; `false` if it does not run.
    pub fn end(&mut self, state: ContainerState) -> bool {
        let ends = self.is_running();
        if ends {
            self.state = state;
        }
        ends
    }

    /// Exits; with an error it is restarted again and again.
    pub(super) fn exit(&mut self, exit_code: i64, now_ms: u64) {
        match exit_code {
            0 => {
                self.state = ContainerState::Exited {
                    exit_code,
                    out_of_memory: false,
                };
            }
            error => self.between_runs = Some((error, now_ms)),
        }
    }

    /// The number of exits so far: the engine waits a tenth of a second before a restart, and each
    /// time twice as long.
    fn ends(&self, now_ms: u64) -> u32 {
        let Some((_, since_ms)) = self.between_runs else {
            return 0;
        };
        let mut left = Duration::from_millis(now_ms.saturating_sub(since_ms));
        let mut pause = Duration::from_millis(100);
        let mut ends = 1;
        while let Some(rest) = left.checked_sub(pause + self.script.starts_in) {
            (left, pause, ends) = (rest, pause * 2, ends + 1);
        }
        ends
    }

    /// Inspects it.
    pub(super) fn run(&self, now_ms: u64) -> ServiceRun {
        let state = match self.between_runs {
            Some((exit_code, _)) => ContainerState::Exited {
                exit_code,
                out_of_memory: false,
            },
            None => self.state.clone(),
        };
        ServiceRun {
            state,
            address: self.is_running().then_some(self.address),
            starts_again: self.between_runs.is_some(),
            ends: self.ends(now_ms),
            ended: None,
            listens: None,
        }
    }

    pub(super) fn answer(&self, health: &Health, now_ms: u64) -> Probe {
        if matches!(health, Health::Running | Health::Check(_)) {
            return Probe::Ready;
        }
        match (self.listens(now_ms), self.script.start, health) {
            (false, ..) => Probe::Refused,
            (true, _, Health::Tcp | Health::Check(_)) => Probe::Ready,
            (true, StartScript::Silent, _) => Probe::Silent,
            (true, StartScript::Status(status), Health::Path(_)) if status >= 400 => {
                Probe::Status(status)
            }
            (true, StartScript::Status(status), _) if status >= 500 => Probe::Status(status),
            _ => Probe::Ready,
        }
    }

    /// The result of a check: `true` and `false` mean what they say, and any other program succeeds
    /// while the application listens.
    pub(super) fn checked(&self, check: &HealthCheck, now_ms: u64) -> Probe {
        if !self.is_running() {
            return Probe::Refused;
        }
        match check.run.first().map(String::as_str) {
            Some("true") => Probe::Ready,
            Some("false") => Probe::Failing(1),
            _ if self.listens(now_ms) => Probe::Ready,
            _ => Probe::Failing(1),
        }
    }

    pub(super) fn state(&self) -> ServiceState {
        ServiceState {
            key: self.spec.key.clone(),
            state: self.state.clone(),
            address: self.is_running().then_some(self.address),
            image: self.spec.image.clone(),
        }
    }

    pub(super) fn print(&mut self, text: &str, now_ms: u64) {
        let text = Bytes::copy_from_slice(text.as_bytes());
        self.lines.push_back(LogLine {
            at: UNIX_EPOCH + Duration::from_millis(now_ms),
            stderr: false,
            text,
        });
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
            self.lines_forgotten += 1;
        }
    }
}
