//! The state of the simulated host.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    AppScript, BuildCounts, Call, Op, Outcome, StartScript,
    app::Apps,
    fault::Faults,
    stored::{Data, Server, Snapshot},
};
use crate::{
    databases::unix_ms,
    engine::{ContainerState, LogLine, Network, ServiceKey, ServiceSpec, Stray, StrayKind},
    names::{
        CommitSha, DatabaseKey, ImageId, Instance, PreviewId, RevisionNumber, ServiceName,
        SnapshotId,
    },
};

/// Maximum calls in the log; the oldest are dropped.
const CALLS_MAX: usize = 100_000;

/// Maximum lines of a service; the oldest are dropped.
const LINES_MAX: usize = 10_000;

/// One host, shared by all Dayflies that use it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) networks: BTreeMap<(Instance, PreviewId, Network), usize>,
    pub(super) services: BTreeMap<(Instance, ServiceKey), Service>,
    pub(super) servers: BTreeMap<(Instance, DatabaseKey), Server>,
    pub(super) data: BTreeMap<(Instance, DatabaseKey), Data>,
    pub(super) snapshots: BTreeMap<(Instance, SnapshotId), Snapshot>,
    pub(super) images: BTreeMap<ImageId, Image>,
    pub(super) strays: BTreeSet<(Instance, Stray)>,
    /// Running commands, by the number of their call.
    pub(super) runs: BTreeMap<u64, (Instance, Run)>,
    pub(super) apps: Apps,
    pub(super) faults: Faults,
    pub(super) away: bool,
    pub(super) durations: BTreeMap<Op, Duration>,
    pub(super) builds: BTreeMap<CommitSha, BuildCounts>,
    pub(super) unknown_references: BTreeSet<String>,
    pub(super) routed: BTreeSet<SocketAddr>,
    pub(super) violations: Vec<String>,
    pub(super) calls: VecDeque<Call>,
    pub(super) calls_forgotten: u64,
    /// Unanswered calls, by their number in the log.
    pub(super) in_flight: BTreeMap<u64, UnderWay>,
    pub(super) listeners: Vec<(Instance, mpsc::Sender<Option<PreviewId>>)>,
    /// Changes whenever a log stream should check for new output.
    pub(super) changed: watch::Sender<u64>,
    serial: u64,
    /// The creation time of the host; its clock is tokio's.
    created: (SystemTime, Instant),
}

/// An unanswered call.
#[derive(Clone, Debug)]
pub(super) struct UnderWay {
    pub(super) op: Op,
    pub(super) instance: Instance,
    pub(super) what: String,
    /// The objects that it changes, named as in other calls' `what`.
    pub(super) objects: Vec<String>,
    /// Whether it never returns.
    pub(super) hangs: bool,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) spec: ServiceSpec,
    pub(super) script: AppScript,
    pub(super) state: ContainerState,
    /// The exit code and time of the last exit, while the engine is about to restart it.
    pub(super) between_runs: Option<(i64, Instant)>,
    pub(super) address: SocketAddr,
    pub(super) started: Instant,
    /// Changes with every start, so that a timer of an earlier run has no effect.
    pub(super) life: u64,
    pub(super) lines: VecDeque<LogLine>,
    /// Number of lines printed before the first of `lines`.
    pub(super) lines_forgotten: usize,
}

/// A service that an image was built for or shared with.
pub(super) type Owner = (Instance, PreviewId, RevisionNumber, ServiceName);

#[derive(Clone, Debug)]
pub(super) struct Image {
    /// The owners, if a build created it. Each owner can remove the image independently.
    pub(super) owners: BTreeSet<Owner>,
    pub(super) commit: Option<CommitSha>,
}

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) spec: ServiceSpec,
    pub(super) task: String,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            networks: BTreeMap::new(),
            services: BTreeMap::new(),
            servers: BTreeMap::new(),
            data: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            images: BTreeMap::new(),
            strays: BTreeSet::new(),
            runs: BTreeMap::new(),
            apps: Apps::default(),
            faults: Faults::default(),
            away: false,
            durations: BTreeMap::new(),
            builds: BTreeMap::new(),
            unknown_references: BTreeSet::new(),
            routed: BTreeSet::new(),
            violations: Vec::new(),
            calls: VecDeque::new(),
            calls_forgotten: 0,
            in_flight: BTreeMap::new(),
            listeners: Vec::new(),
            changed: watch::Sender::new(0),
            serial: 0,
            created: (SystemTime::now(), Instant::now()),
        }
    }

    /// An unused number.
    pub(super) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// An address that no container had before, so that an outdated address leads nowhere.
    pub(super) fn fresh_address(&mut self, port: u16) -> SocketAddr {
        // Sixteen million addresses are enough for every test.
        let [.., high, middle, low] = self.serial().to_be_bytes();
        SocketAddr::new(Ipv4Addr::new(10, high, middle, low).into(), port)
    }

    /// Milliseconds since 1970, according to tokio's clock.
    pub(super) fn now_ms(&self) -> u64 {
        let (at, since) = self.created;
        unix_ms(at + since.elapsed())
    }

    pub(super) fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Notifies all listeners that something of the preview changed.
    pub(super) fn hint(&mut self, instance: &Instance, preview: &PreviewId) {
        self.changed.send_modify(|count| *count += 1);
        // A slow listener misses a hint; the port allows that.
        self.listeners.retain(|(owner, listener)| {
            owner != instance
                || !matches!(
                    listener.try_send(Some(preview.clone())),
                    Err(mpsc::error::TrySendError::Closed(_))
                )
        });
    }

    pub(super) fn log_call(&mut self, op: Op, what: String) -> u64 {
        let number = self.calls_forgotten + self.calls.len() as u64;
        let call = Call {
            op,
            what,
            begun: Instant::now(),
            outcome: Outcome::UnderWay,
        };
        self.calls.push_back(call);
        if self.calls.len() > CALLS_MAX {
            self.calls.pop_front();
            self.calls_forgotten += 1;
        }
        number
    }

    pub(super) fn end_call(&mut self, number: u64, outcome: Outcome) {
        self.in_flight.remove(&number);
        let at = number
            .checked_sub(self.calls_forgotten)
            .and_then(|at| usize::try_from(at).ok());
        if let Some(call) = at.and_then(|at| self.calls.get_mut(at)) {
            call.outcome = outcome;
        }
    }

    /// Leaves behind a command's container that nothing will remove.
    pub(super) fn abandon_run(&mut self, number: u64) {
        let Some((instance, run)) = self.runs.remove(&number) else {
            return;
        };
        self.strays
            .insert((instance.clone(), run.as_stray(&instance)));
    }

    pub(super) fn script_of(&self, spec: &ServiceSpec) -> AppScript {
        let image = self.images.get(&spec.image);
        let commit = image.and_then(|image| image.commit.as_ref());
        self.apps
            .of_container(spec.command.as_ref(), commit)
            .clone()
    }
}

impl Service {
    pub(super) fn is_running(&self) -> bool {
        self.state == ContainerState::Running && self.between_runs.is_none()
    }

    /// Exits; with an error it is restarted again and again.
    pub(super) fn end(&mut self, exit_code: i64) {
        match exit_code {
            0 => {
                self.state = ContainerState::Exited {
                    exit_code,
                    out_of_memory: false,
                };
            }
            error => self.between_runs = Some((error, Instant::now())),
        }
    }

    /// The number of exits so far: the engine waits a tenth of a second before a restart, and each
    /// time twice as long.
    pub(super) fn ends(&self) -> u32 {
        let Some((_, since)) = self.between_runs else {
            return 0;
        };
        let mut left = since.elapsed();
        let mut pause = Duration::from_millis(100);
        let mut ends = 1;
        while let Some(rest) = left.checked_sub(pause + self.script.starts_in) {
            (left, pause, ends) = (rest, pause * 2, ends + 1);
        }
        ends
    }

    /// Whether it accepts connections yet.
    pub(super) fn listens(&self) -> bool {
        let opens = !matches!(
            self.script.start,
            StartScript::NeverListens | StartScript::ExitsWith(_)
        );
        self.is_running() && opens && self.started.elapsed() >= self.script.starts_in
    }

    pub(super) fn print(&mut self, text: &str) {
        let text = Bytes::copy_from_slice(text.as_bytes());
        self.lines.push_back(LogLine {
            at: SystemTime::now(),
            stderr: false,
            text,
        });
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
            self.lines_forgotten += 1;
        }
    }
}

impl Run {
    pub(super) fn as_stray(&self, instance: &Instance) -> Stray {
        let key = &self.spec.key;
        Stray {
            preview: key.preview.clone(),
            kind: StrayKind::Container,
            id: format!(
                "{instance}-{}-{}-{}-{}",
                key.preview, key.revision, key.service, self.task
            ),
            revision: Some(key.revision),
            database: None,
        }
    }
}
