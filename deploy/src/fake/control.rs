//! Lets a test change and inspect the simulated host.

use std::{net::SocketAddr, time::Duration};

use super::{
    AppScript, BuildCounts, Call, FakeEngine, Fault, KILLED, Op, Outcome, StartScript, describe,
    objects::database_at,
};
use crate::{
    blueprint::Command,
    engine::{ContainerState, Observation, ServiceKey},
    names::{CommitSha, DatabaseKey},
};

/// Applications and time.
impl FakeEngine {
    /// Sets the script of everything that is built from a commit.
    pub fn app(&self, commit: &CommitSha, script: AppScript) {
        self.world().apps.by_commit.insert(commit.clone(), script);
    }

    /// Sets the script of a command, whatever image it runs in.
    pub fn app_of_command(&self, command: &Command, script: AppScript) {
        self.world()
            .apps
            .by_command
            .insert(command.0.clone(), script);
    }

    /// Sets the default script.
    pub fn app_by_default(&self, script: AppScript) {
        self.world().apps.default = script;
    }

    /// Makes an image unavailable, for services and databases.
    pub fn no_image(&self, reference: &str) {
        self.world().unknown_references.insert(reference.to_owned());
    }

    /// Sets the duration of all later calls of this kind.
    pub fn takes(&self, op: Op, time: Duration) {
        self.world().durations.insert(op, time);
    }

    /// Sets the duration of every call to zero.
    pub fn takes_no_time(&self) {
        for op in Op::ALL {
            self.takes(op, Duration::ZERO);
        }
    }
}

/// Faults.
impl FakeEngine {
    /// Makes the next call of this kind fail; several faults queue up.
    pub fn fail_next(&self, op: Op, fault: Fault) {
        self.world().faults.script(op, fault);
    }

    /// Makes later calls fail at random, with faults that a retry can overcome.
    pub fn faults(&self, seed: u64, probability: f64) {
        self.world().faults.randomly(seed, probability);
    }

    /// Removes all faults, scripted and random.
    pub fn stop_faults(&self) {
        self.world().faults.stop();
    }

    /// Makes the engine unreachable, or reachable again. Streams of hints end.
    pub fn engine_away(&self, away: bool) {
        let mut world = self.world();
        world.away = away;
        if away {
            world.listeners.clear();
        }
    }

    /// Simulates a crash of the control plane: unfinished work in the engine stays as it is,
    /// without any cleanup. Abort the control plane's tasks afterwards.
    pub fn crash(&self) {
        let mut world = self.world();
        let cut: Vec<u64> = world.in_flight.keys().copied().collect();
        for number in cut {
            world.abandon_run(number);
            world.end_call(number, Outcome::Dropped);
        }
        world.listeners.clear();
    }

    /// Stops every container, like a restart of the engine.
    pub fn stop_all_containers(&self) {
        let seen = self.everything();
        for service in seen.services {
            self.kill_service(&service.key);
        }
        for database in seen.databases {
            self.exit_database(&database.key);
        }
    }

    /// Kills a running service, bypassing the ports.
    pub fn kill_service(&self, key: &ServiceKey) {
        self.end_service(key, KILLED);
    }

    /// Kills a running service like the kernel does when memory runs out.
    pub fn oom(&self, key: &ServiceKey) {
        self.end_service(
            key,
            ContainerState::Exited {
                exit_code: 137,
                out_of_memory: true,
            },
        );
    }

    /// Removes data, bypassing the ports; a server on it exits.
    pub fn lose_data(&self, key: &DatabaseKey) {
        self.exit_database(key);
        let mut world = self.world();
        let objects = world.of(&self.instance, &key.preview);
        objects.data.remove(&database_at(key));
        world.hint(&self.instance, &key.preview);
    }

    /// Kills a running database, bypassing the ports.
    pub fn exit_database(&self, key: &DatabaseKey) {
        let mut world = self.world();
        let objects = world.of(&self.instance, &key.preview);
        if let Some(server) = objects.servers.get_mut(&database_at(key))
            && server.end(KILLED)
        {
            world.hint(&self.instance, &key.preview);
        }
    }

    fn end_service(&self, key: &ServiceKey, state: ContainerState) {
        let mut world = self.world();
        if let Some(service) = world.service(&self.instance, key)
            && service.end(state)
        {
            world.hint(&self.instance, &key.preview);
        }
    }
}

/// Services and databases, seen from inside.
impl FakeEngine {
    /// Makes a running service print a line.
    pub fn print(&self, key: &ServiceKey, line: &str) {
        let mut world = self.world();
        let now_ms = world.now_ms();
        if let Some(service) = world.service(&self.instance, key) {
            service.print(line, now_ms);
        }
        world.changed.send_modify(|count| *count += 1);
    }

    /// Writes to a database, like an application.
    pub fn write(&self, key: &DatabaseKey, statement: &str) {
        let mut world = self.world();
        let objects = world.of(&self.instance, &key.preview);
        if let Some(data) = objects.data.get_mut(&database_at(key)) {
            data.statements.push(statement.to_owned());
        }
    }

    /// The changes that were applied to a database, oldest first: the seed's statements, then
    /// `<task> <commit>` for each command that ran to completion. `None` if there is no data, or if
    /// it is incomplete.
    pub fn data(&self, key: &DatabaseKey) -> Option<Vec<String>> {
        let mut world = self.world();
        let objects = world.of(&self.instance, &key.preview);
        let data = objects.data.get(&database_at(key))?;
        data.complete.then(|| data.statements.clone())
    }

    /// The service that answers at an address, and the commit it was built from.
    pub fn who_answers(&self, address: SocketAddr) -> Option<(ServiceKey, Option<CommitSha>)> {
        let world = self.world();
        let now_ms = world.now_ms();
        let previews = world.previews.values();
        let mut services = previews.flat_map(|objects| objects.services.values());
        let service = services.find(|s| s.address == address && s.listens(now_ms))?;
        let commit = world.images.get(&service.spec.image).cloned();
        Some((service.spec.key.clone(), commit.flatten()))
    }

    /// Sets the addresses that visitors reach from here on. An address without a healthy service,
    /// and removing a service at one of them, are violations.
    pub fn route(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        let addresses = addresses.into_iter().collect();
        let mut world = self.world();
        let now_ms = world.now_ms();
        let mut wrong = Vec::new();
        for address in &addresses {
            if world.routed.contains(address) {
                continue;
            }
            let previews = world.previews.values();
            let mut services = previews.flat_map(|objects| objects.services.values());
            let service = services.find(|service| service.address == *address);
            let why = match service {
                None => "nothing is there".to_owned(),
                Some(s) if s.listens(now_ms) && s.script.start == StartScript::Serves => continue,
                Some(s) => format!("{} does not serve", describe::service(&s.spec.key)),
            };
            wrong.push(format!("visitors led to {address}, but {why}"));
        }
        wrong.into_iter().for_each(|what| world.violation(what));
        world.routed = addresses;
    }
}

/// Records.
impl FakeEngine {
    /// Everything of this instance, observed without a call.
    pub fn everything(&self) -> Observation {
        self.world().observe(&self.instance, None)
    }

    /// All violations, in order.
    pub fn violations(&self) -> Vec<String> {
        self.world().violations.clone()
    }

    /// All calls, in the order of their start.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.iter().cloned().collect()
    }

    /// Number of calls of this kind with this outcome.
    pub fn count(&self, op: Op, outcome: Outcome) -> usize {
        let world = self.world();
        world
            .calls
            .iter()
            .filter(|call| call.op == op && call.outcome == outcome)
            .count()
    }

    /// Number of builds of a commit.
    pub fn builds(&self, commit: &CommitSha) -> BuildCounts {
        self.world().builds.get(commit).copied().unwrap_or_default()
    }

    /// The image of a database's server, if one exists.
    pub fn database_image(&self, key: &DatabaseKey) -> Option<String> {
        let mut world = self.world();
        let objects = world.of(&self.instance, &key.preview);
        Some(objects.servers.get(&database_at(key))?.spec.image.clone())
    }
}
