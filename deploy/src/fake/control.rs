//! What a test does to the simulated host, and asks it.

use std::{net::SocketAddr, time::Duration};

use super::{
    AppScript, BuildCounts, Call, FakeEngine, Fault, Op, Outcome, StartScript, rules::describe,
};
use crate::{
    blueprint::Command,
    engine::{ContainerState, Observation, ServiceKey},
    names::{CommitSha, DatabaseKey},
};

/// Exit code of what was killed.
const KILLED: i64 = 137;

/// Applications and time.
impl FakeEngine {
    /// Scripts all that is built from a commit.
    pub fn app(&self, commit: &CommitSha, script: AppScript) {
        self.world().apps.by_commit.insert(commit.clone(), script);
    }

    /// Scripts a command, whatever image it runs in.
    pub fn app_of_command(&self, command: &Command, script: AppScript) {
        self.world()
            .apps
            .by_command
            .insert(command.0.clone(), script);
    }

    /// Scripts everything that has no script of its own.
    pub fn app_by_default(&self, script: AppScript) {
        self.world().apps.default = script;
    }

    /// Makes an image that cannot be had, neither for services nor for databases.
    pub fn no_image(&self, reference: &str) {
        self.world().unknown_references.insert(reference.to_owned());
    }

    /// How long calls of this kind take from now on.
    pub fn takes(&self, op: Op, time: Duration) {
        self.world().durations.insert(op, time);
    }

    /// Lets every call take no time at all.
    pub fn takes_no_time(&self) {
        for op in Op::ALL {
            self.takes(op, Duration::ZERO);
        }
    }
}

/// Faults.
impl FakeEngine {
    /// Lets the next call of this kind go wrong; several of them queue up.
    pub fn fail_next(&self, op: Op, fault: Fault) {
        self.world().faults.script(op, fault);
    }

    /// Lets calls go wrong at random from now on, in ways after which asking again helps.
    pub fn faults(&self, seed: u64, probability: f64) {
        self.world().faults.randomly(seed, probability);
    }

    /// Ends all faults, scripted and random.
    pub fn stop_faults(&self) {
        self.world().faults.stop();
    }

    /// Lets nobody reach the engine, or everybody again. Streams of hints end.
    pub fn engine_away(&self, away: bool) {
        let mut world = self.world();
        world.away = away;
        if away {
            world.listeners.clear();
        }
    }

    /// The control plane dies here: whatever is under way in the engine stays as it is, and
    /// nobody will clean up after it. Abort its tasks afterwards; that counts as part of this.
    pub fn crash(&self) {
        let mut world = self.world();
        let cut: Vec<u64> = world.in_flight.keys().copied().collect();
        for number in cut {
            world.abandon_run(number);
            world.end_call(number, Outcome::Dropped);
        }
        world.listeners.clear();
    }

    /// Every container ends, as when the engine is restarted.
    pub fn stop_all_containers(&self) {
        let seen = self.everything();
        for service in seen.services {
            self.kill_service(&service.key);
        }
        for database in seen.databases {
            self.exit_database(&database.key);
        }
    }

    /// A running service is killed behind our back.
    pub fn kill_service(&self, key: &ServiceKey) {
        self.end_service(
            key,
            ContainerState::Exited {
                exit_code: KILLED,
                out_of_memory: false,
            },
        );
    }

    /// A running service is killed by the kernel for memory.
    pub fn oom(&self, key: &ServiceKey) {
        self.end_service(
            key,
            ContainerState::Exited {
                exit_code: KILLED,
                out_of_memory: true,
            },
        );
    }

    /// Data are gone behind our back, and a server that ran on them ends.
    pub fn lose_data(&self, key: &DatabaseKey) {
        self.exit_database(key);
        let mut world = self.world();
        world.data.remove(&(self.instance.clone(), key.clone()));
        world.hint(&self.instance, &key.preview);
    }

    /// A running database ends behind our back.
    pub fn exit_database(&self, key: &DatabaseKey) {
        let mut world = self.world();
        let at = (self.instance.clone(), key.clone());
        if let Some(server) = world.servers.get_mut(&at)
            && server.state == ContainerState::Running
        {
            server.state = ContainerState::Exited {
                exit_code: 1,
                out_of_memory: false,
            };
            world.hint(&self.instance, &key.preview);
        }
    }

    fn end_service(&self, key: &ServiceKey, state: ContainerState) {
        let mut world = self.world();
        if let Some(service) = world
            .services
            .get_mut(&(self.instance.clone(), key.clone()))
            && service.is_running()
        {
            service.state = state;
            world.hint(&self.instance, &key.preview);
        }
    }
}

/// Services and databases from inside.
impl FakeEngine {
    /// A running service prints a line.
    pub fn print(&self, key: &ServiceKey, line: &str) {
        let mut world = self.world();
        if let Some(service) = world
            .services
            .get_mut(&(self.instance.clone(), key.clone()))
        {
            service.print(line);
        }
        world.changed.send_modify(|count| *count += 1);
    }

    /// Somebody writes into a database.
    pub fn write(&self, key: &DatabaseKey, statement: &str) {
        let mut world = self.world();
        if let Some(data) = world.data.get_mut(&(self.instance.clone(), key.clone())) {
            data.statements.push(statement.to_owned());
        }
    }

    /// What was applied to a database, oldest first: the seed's statements, then
    /// `<task> <commit>` for each command that ran to its end. `None` where there are no data, or
    /// they are only half made.
    pub fn data(&self, key: &DatabaseKey) -> Option<Vec<String>> {
        let world = self.world();
        let data = world.data.get(&(self.instance.clone(), key.clone()))?;
        data.complete.then(|| data.statements.clone())
    }

    /// Who answers at an address, and from which commit it was built.
    pub fn who_answers(&self, address: SocketAddr) -> Option<(ServiceKey, Option<CommitSha>)> {
        let world = self.world();
        let mut listening = world
            .services
            .iter()
            .filter(|(_, service)| service.listens());
        let ((_, key), service) = listening.find(|(_, service)| service.address == address)?;
        let image = world.images.get(&service.spec.image);
        Some((key.clone(), image.and_then(|image| image.commit.clone())))
    }

    /// Which addresses visitors are led to from now on. One where nobody answers well, and the
    /// removal of one that is among them, are violations.
    pub fn route(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        let addresses = addresses.into_iter().collect();
        let mut world = self.world();
        let mut wrong = Vec::new();
        for address in &addresses {
            if world.routed.contains(address) {
                continue;
            }
            let service = world
                .services
                .values()
                .find(|service| service.address == *address);
            let why = match service {
                None => "nothing is there".to_owned(),
                Some(s) if s.listens() && s.script.start == StartScript::Serves => continue,
                Some(s) => format!("{} does not serve", describe(&s.spec.key)),
            };
            wrong.push(format!("visitors led to {address}, but {why}"));
        }
        wrong.into_iter().for_each(|what| world.violation(what));
        world.routed = addresses;
    }
}

/// What happened.
impl FakeEngine {
    /// Everything of this instance, without a call.
    pub fn everything(&self) -> Observation {
        self.world().observe(&self.instance, None)
    }

    /// Dangerous things that were done, in order.
    pub fn violations(&self) -> Vec<String> {
        self.world().violations.clone()
    }

    /// All calls, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.iter().cloned().collect()
    }

    /// How many calls of this kind went this way.
    pub fn count(&self, op: Op, outcome: Outcome) -> usize {
        let world = self.world();
        world
            .calls
            .iter()
            .filter(|call| call.op == op && call.outcome == outcome)
            .count()
    }

    /// How often a commit was built.
    pub fn builds(&self, commit: &CommitSha) -> BuildCounts {
        self.world().builds.get(commit).copied().unwrap_or_default()
    }

    /// The image of a database's server, while there is one.
    pub fn database_image(&self, key: &DatabaseKey) -> Option<String> {
        let world = self.world();
        Some(
            world
                .servers
                .get(&(self.instance.clone(), key.clone()))?
                .image
                .clone(),
        )
    }
}
