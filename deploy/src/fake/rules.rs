//! Rules for safe calls: a violation is recorded, but the call still runs.

use super::{
    Op, Outcome,
    stored::{database_in, uses},
    world::{UnderWay, World},
};
use crate::{
    databases::DataSet,
    engine::{ContainerState, Network, ServiceKey, ServiceSpec},
    names::{DatabaseKey, DatabaseName, ImageId, Instance, PreviewId},
};

impl World {
    /// Records a call, and checks whether another one still uses one of its objects.
    pub(super) fn begin_call(
        &mut self,
        op: Op,
        instance: &Instance,
        what: String,
        objects: Vec<String>,
    ) -> u64 {
        if op.is_exclusive() {
            let other = self.in_flight.values().find(|other| {
                other.op.is_exclusive()
                    && !other.hangs
                    && other.instance == *instance
                    && other.objects.iter().any(|object| objects.contains(object))
            });
            if let Some(other) = other {
                let other = other.op;
                self.violation(format!(
                    "{op:?} of {what} began while {other:?} of it is under way"
                ));
            }
        }
        let number = self.log_call(op, what.clone());
        let (instance, hangs) = (instance.clone(), false);
        self.in_flight.insert(
            number,
            UnderWay {
                op,
                instance,
                what,
                objects,
                hangs,
            },
        );
        number
    }

    /// The future of a call was dropped.
    pub(super) fn drop_call(&mut self, number: u64) {
        let Some(call) = self.in_flight.get(&number).cloned() else {
            // A crash ended all calls; this drop is only noticed later.
            return;
        };
        if !call.hangs && !call.op.may_be_dropped() {
            self.violation(format!(
                "{:?} of {} was dropped before it was done",
                call.op, call.what
            ));
        }
        if self.away {
            self.abandon_run(number);
        } else {
            self.runs.remove(&number);
        }
        self.end_call(number, Outcome::Dropped);
    }

    pub(super) fn check_start(&mut self, instance: &Instance, spec: &ServiceSpec) {
        let missing: Vec<String> = missing_databases(self, instance, spec);
        for why in missing {
            let key = &spec.key;
            self.violation(format!("{} started although {why}", describe(key)));
        }
    }

    pub(super) fn check_remove_service(&mut self, instance: &Instance, key: &ServiceKey) {
        let routed = self
            .services
            .get(&(instance.clone(), key.clone()))
            .is_some_and(|service| service.is_running() && self.routed.contains(&service.address));
        if routed {
            self.violation(format!(
                "{} removed while traffic leads to it",
                describe(key)
            ));
        }
    }

    pub(super) fn check_remove_network(
        &mut self,
        instance: &Instance,
        preview: &PreviewId,
        network: &Network,
    ) {
        let what = describe_network(preview, network);
        let services = self.services.iter().filter(|((owner, key), service)| {
            let inside = match network {
                Network::Revision(number) => key.revision == *number,
                Network::Data(generation) => service.spec.data == Some(*generation),
            };
            owner == instance && key.preview == *preview && service.is_running() && inside
        });
        let mut inside: Vec<String> = services.map(|((_, key), _)| describe(key)).collect();
        if let Network::Data(generation) = network {
            let databases = self.servers.iter().filter(|((owner, key), server)| {
                owner == instance
                    && key.preview == *preview
                    && key.generation == *generation
                    && server.state == ContainerState::Running
            });
            inside.extend(databases.map(|((_, key), _)| describe_database(key)));
        }
        for who in inside {
            self.violation(format!("{what} removed while {who} runs in it"));
        }
    }

    /// Checks that no server runs on data that is removed or replaced.
    pub(super) fn check_replace_data(&mut self, instance: &Instance, key: &DatabaseKey) {
        let at = (instance.clone(), key.clone());
        let whole = self.data.get(&at).is_some_and(|data| data.complete);
        let server = self.servers.get(&at);
        if whole && server.is_some_and(|server| server.state == ContainerState::Running) {
            let what = describe_database(key);
            self.violation(format!("data of {what} replaced while a server runs on it"));
        }
    }

    /// Checks that nothing uses a database that is removed or replaced.
    pub(super) fn check_remove_database(&mut self, instance: &Instance, key: &DatabaseKey) {
        let database = describe_database(key);
        let at = (instance.clone(), key.clone());
        if !self.servers.contains_key(&at) && !self.data.contains_key(&at) {
            return;
        }
        let users = self.running(instance, &key.preview);
        let users = users.filter(|spec| uses(spec, key));
        let users: Vec<String> = users.map(|spec| describe(&spec.key)).collect();
        for user in users {
            self.violation(format!("{database} removed while {user} uses it"));
        }
    }

    /// Checks that nothing of this preview runs from an image that it removes.
    pub(super) fn check_remove_image(
        &mut self,
        instance: &Instance,
        preview: &PreviewId,
        image: &ImageId,
    ) {
        let users = self.running(instance, preview);
        let users = users.filter(|spec| spec.image == *image);
        let users: Vec<String> = users.map(|spec| describe(&spec.key)).collect();
        for user in users {
            self.violation(format!("image {image} removed while {user} runs from it"));
        }
    }

    /// Running services and commands of a preview.
    fn running(
        &self,
        instance: &Instance,
        preview: &PreviewId,
    ) -> impl Iterator<Item = &ServiceSpec> {
        let services = self
            .services
            .iter()
            .filter_map(move |((owner, _), service)| {
                (owner == instance && service.is_running()).then_some(&service.spec)
            });
        let tasks = self.runs.values();
        let tasks = tasks.filter_map(move |(owner, run)| (owner == instance).then_some(&run.spec));
        services
            .chain(tasks)
            .filter(move |spec| spec.key.preview == *preview)
    }
}

fn missing_databases(world: &World, instance: &Instance, spec: &ServiceSpec) -> Vec<String> {
    let Some(generation) = spec.data else {
        return Vec::new();
    };
    let named = spec.env.values().filter_map(|value| database_in(value));
    let missing = named.filter_map(|word| {
        let name = DatabaseName::parse(word).ok()?;
        let key = DatabaseKey {
            preview: spec.key.preview.clone(),
            generation,
            name,
        };
        let at = (instance.clone(), key);
        match (world.data.get(&at), world.servers.contains_key(&at)) {
            (None, _) => Some(format!("its database {word} does not exist")),
            (Some(data), _) if !data.complete => Some(format!("its database {word} is incomplete")),
            (Some(_), false) => Some(format!("its database {word} has no server")),
            (Some(_), true) => None,
        }
    });
    missing.collect()
}

pub(super) fn describe(key: &ServiceKey) -> String {
    format!("service {}/{}/{}", key.preview, key.revision, key.service)
}

pub(super) fn describe_network(preview: &PreviewId, network: &Network) -> String {
    match network {
        Network::Revision(number) => format!("network {preview}/{number}"),
        Network::Data(generation) => format!("network {preview}/data-{generation}"),
    }
}

pub(super) fn describe_database(key: &DatabaseKey) -> String {
    format!("database {}/{}/{}", key.preview, key.generation, key.name)
}

pub(super) fn describe_data(set: &DataSet) -> String {
    format!("data {}/{}", set.preview, set.generation)
}
