//! The state of the simulated host.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    AppScript, BuildCounts, Call, Op, Outcome,
    app::Apps,
    fault::Faults,
    objects::{Objects, service_at},
    service::Service,
    stored::Snapshot,
};
use crate::{
    databases::unix_ms,
    engine::{ServiceKey, ServiceSpec},
    names::{CommitSha, ImageId, Instance, PreviewId, SnapshotId},
};

/// Maximum calls in the log; the oldest are dropped.
const CALLS_MAX: usize = 100_000;

/// One host, shared by all Dayflies that use it.
#[derive(Debug)]
pub(super) struct World {
    /// The objects of each preview. The number of a command is that of its call.
    pub(super) previews: BTreeMap<(Instance, PreviewId), Objects>,
    pub(super) snapshots: BTreeMap<(Instance, SnapshotId), Snapshot>,
    /// All images, and the commit that each was built from, if any.
    pub(super) images: BTreeMap<ImageId, Option<CommitSha>>,
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

impl World {
    pub(super) fn new() -> Self {
        Self {
            previews: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            images: BTreeMap::new(),
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

    /// The objects of a preview.
    pub(super) fn of(&mut self, instance: &Instance, preview: &PreviewId) -> &mut Objects {
        let whose = (instance.clone(), preview.clone());
        self.previews.entry(whose).or_default()
    }

    /// The container of a service.
    pub(super) fn service(
        &mut self,
        instance: &Instance,
        key: &ServiceKey,
    ) -> Option<&mut Service> {
        let objects = self.of(instance, &key.preview);
        objects.services.get_mut(&service_at(key))
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
        let mut previews = self.previews.values_mut();
        if let Some(run) = previews.find_map(|objects| objects.runs.get_mut(&number)) {
            run.attended = false;
        }
    }

    pub(super) fn script_of(&self, spec: &ServiceSpec) -> AppScript {
        let commit = self.images.get(&spec.image).and_then(Option::as_ref);
        self.apps
            .of_container(spec.command.as_ref(), commit)
            .clone()
    }
}
