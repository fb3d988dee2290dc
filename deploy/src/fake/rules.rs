//! Rules for safe calls: a violation is recorded, but the call still runs.

use super::{
    Op, Outcome, describe,
    objects::{Objects, database_at},
    stored::{database_in, uses},
    world::{UnderWay, World},
};
use crate::{
    engine::{Network, ServiceKey, ServiceSpec},
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
            for objects in self.previews.values_mut() {
                objects.runs.remove(&number);
            }
        }
        self.end_call(number, Outcome::Dropped);
    }

    pub(super) fn check_start(&mut self, instance: &Instance, spec: &ServiceSpec) {
        let missing = missing_databases(self.of(instance, &spec.key.preview), spec);
        for why in missing {
            let what = describe::service(&spec.key);
            self.violation(format!("{what} started although {why}"));
        }
    }

    pub(super) fn check_remove_service(&mut self, instance: &Instance, key: &ServiceKey) {
        let service = self.service(instance, key);
        let address = service.filter(|service| service.is_running());
        let address = address.map(|service| service.address);
        if address.is_some_and(|address| self.routed.contains(&address)) {
            let what = describe::service(key);
            self.violation(format!("{what} removed while traffic leads to it"));
        }
    }

    pub(super) fn check_remove_network(
        &mut self,
        instance: &Instance,
        preview: &PreviewId,
        network: &Network,
    ) {
        let what = describe::network(preview, network);
        for inside in self.of(instance, preview).inside(network) {
            self.violation(format!("{what} removed while {inside} is in it"));
        }
    }

    /// Checks that no server runs on data that is removed or replaced.
    pub(super) fn check_replace_data(&mut self, instance: &Instance, key: &DatabaseKey) {
        let objects = self.of(instance, &key.preview);
        let at = database_at(key);
        let whole = objects.data.get(&at).is_some_and(|data| data.complete);
        if whole && objects.is_served(&at) {
            let what = describe::database(key);
            self.violation(format!("data of {what} replaced while a server runs on it"));
        }
    }

    /// Checks that nothing uses a database that is removed or replaced.
    pub(super) fn check_remove_database(&mut self, instance: &Instance, key: &DatabaseKey) {
        let database = describe::database(key);
        let objects = self.of(instance, &key.preview);
        let at = database_at(key);
        if !objects.servers.contains_key(&at) && !objects.data.contains_key(&at) {
            return;
        }
        for user in users(objects, |spec| uses(spec, &at)) {
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
        let objects = self.of(instance, preview);
        for user in users(objects, |spec| spec.image == *image) {
            self.violation(format!("image {image} removed while {user} runs from it"));
        }
    }
}

/// The running services and commands with such a spec.
fn users(objects: &Objects, of: impl Fn(&ServiceSpec) -> bool) -> Vec<String> {
    let users = objects.users().filter(|spec| of(spec));
    users.map(|spec| describe::service(&spec.key)).collect()
}

fn missing_databases(objects: &Objects, spec: &ServiceSpec) -> Vec<String> {
    let Some(generation) = spec.data else {
        return Vec::new();
    };
    let named = spec.env.values().filter_map(|value| database_in(value));
    let missing = named.filter_map(|word| {
        let at = (generation, DatabaseName::parse(word).ok()?);
        match (objects.data.get(&at), objects.servers.contains_key(&at)) {
            (None, _) => Some(format!("its database {word} does not exist")),
            (Some(data), _) if !data.complete => Some(format!("its database {word} is incomplete")),
            (Some(_), false) => Some(format!("its database {word} has no server")),
            (Some(_), true) => None,
        }
    });
    missing.collect()
}
