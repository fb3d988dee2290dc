//! What must not be done to a host: each rule that is broken is written down, and the deed done.

use super::{
    Op, Outcome,
    world::{UnderWay, World, uses},
};
use crate::{
    databases::DatabaseKey,
    engine::{Activity, Room, ServiceKey, ServiceSpec},
    names::{ImageId, Instance, PreviewId},
};

impl World {
    /// Notes a call, and whether another one is still busy with the same object.
    pub(super) fn begin_call(&mut self, op: Op, instance: &Instance, what: String) -> u64 {
        if op.is_exclusive() {
            let other = self.in_flight.values().find(|other| {
                other.op.is_exclusive()
                    && !other.hangs
                    && other.instance == *instance
                    && other.what == what
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
                hangs,
            },
        );
        number
    }

    /// The future of a call was dropped.
    pub(super) fn drop_call(&mut self, number: u64) {
        let Some(call) = self.in_flight.get(&number).cloned() else {
            // A crash made an end of all calls; this one is only found out about now.
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

    pub(super) fn check_remove_room(
        &mut self,
        instance: &Instance,
        preview: &PreviewId,
        room: &Room,
    ) {
        let what = describe_room(preview, room);
        let services = self.services.iter().filter(|((owner, key), service)| {
            let inside = match room {
                Room::Revision(number) => key.revision == *number,
                Room::Data => service.spec.uses_data,
            };
            owner == instance && key.preview == *preview && service.is_running() && inside
        });
        let mut inside: Vec<String> = services.map(|((_, key), _)| describe(key)).collect();
        if *room == Room::Data {
            let databases = self.databases.iter().filter(|((owner, key), database)| {
                owner == instance
                    && key.preview == *preview
                    && database.activity == Activity::Running
            });
            inside.extend(databases.map(|((_, key), _)| describe_database(key)));
        }
        for who in inside {
            self.violation(format!("{what} removed while {who} runs in it"));
        }
    }

    /// A database is removed, or made afresh over what was there.
    pub(super) fn check_remove_database(&mut self, instance: &Instance, key: &DatabaseKey) {
        let database = describe_database(key);
        if !self
            .databases
            .contains_key(&(instance.clone(), key.clone()))
        {
            return;
        }
        let services = self
            .services
            .values()
            .filter(|service| service.is_running());
        let services = services.map(|service| &service.spec);
        let tasks = self.runs.values().map(|(_, run)| &run.spec);
        let users: Vec<String> = services
            .chain(tasks)
            .filter(|spec| spec.key.preview == key.preview && uses(spec, key.name.as_str()))
            .map(|spec| describe(&spec.key))
            .collect();
        for user in users {
            self.violation(format!("{database} removed while {user} uses it"));
        }
    }

    pub(super) fn check_remove_image(&mut self, image: &ImageId) {
        let services = self
            .services
            .values()
            .filter(|service| service.is_running());
        let services = services.map(|service| &service.spec);
        let tasks = self.runs.values().map(|(_, run)| &run.spec);
        let users: Vec<String> = services
            .chain(tasks)
            .filter(|spec| spec.image == *image)
            .map(|spec| describe(&spec.key))
            .collect();
        for user in users {
            self.violation(format!("image {image} removed while {user} runs from it"));
        }
    }
}

fn missing_databases(world: &World, instance: &Instance, spec: &ServiceSpec) -> Vec<String> {
    let named = spec.env.values().filter_map(|value| database_in(value));
    let named = named.filter(|_| spec.uses_data);
    let missing = named.filter_map(|name| {
        let there = world.databases.iter().find(|((owner, key), _)| {
            owner == instance && key.preview == spec.key.preview && key.name.as_str() == name
        });
        match there {
            None => Some(format!("its database {name} is not there")),
            Some((_, database)) if !database.complete => {
                Some(format!("its database {name} is only half made"))
            }
            Some(_) => None,
        }
    });
    missing.collect()
}

/// The host in a connection string of ours.
fn database_in(url: &str) -> Option<&str> {
    let (_, rest) = url.strip_prefix("postgres://")?.split_once('@')?;
    rest.split_once(':').map(|(host, _)| host)
}

pub(super) fn describe(key: &ServiceKey) -> String {
    format!("service {}/{}/{}", key.preview, key.revision, key.service)
}

pub(super) fn describe_room(preview: &PreviewId, room: &Room) -> String {
    match room {
        Room::Revision(number) => format!("room {preview}/{number}"),
        Room::Data => format!("room {preview}/data"),
    }
}

pub(super) fn describe_database(key: &DatabaseKey) -> String {
    format!("database {}/{}", key.preview, key.name)
}
