//! The effects of database calls on the simulated host's servers.

use super::{
    rules::describe_database,
    stored::{Server, check_version},
    world::World,
};
use crate::{
    databases::{DataSet, DatabaseError, DatabaseSpec},
    engine::{ContainerState, EngineError, Network},
    names::{DatabaseKey, Instance},
};

impl World {
    /// Returns whether the server already runs with this spec.
    pub(super) fn prepare_server(
        &mut self,
        instance: &Instance,
        spec: &DatabaseSpec,
    ) -> Result<bool, DatabaseError> {
        let key = (instance.clone(), spec.key.clone());
        let missing = || EngineError::Missing(describe_database(&spec.key));
        let data = self.data.get(&key).ok_or_else(missing)?;
        if !data.complete {
            let what = describe_database(&spec.key);
            self.violation(format!("{what} started while incomplete"));
            return Err(missing().into());
        }
        check_version((&data.kind, &data.image), spec)?;
        self.check_server_image(&spec.image)?;
        self.check_data_network(instance, &spec.key)?;
        let there = self.servers.get(&key);
        Ok(there.is_some_and(|server| server.runs_as(spec)))
    }

    pub(super) fn start_server(
        &mut self,
        instance: &Instance,
        spec: &DatabaseSpec,
    ) -> Result<(), DatabaseError> {
        if self.prepare_server(instance, spec)? {
            return Ok(());
        }
        let key = (instance.clone(), spec.key.clone());
        self.servers.insert(key, Server::running(spec));
        self.hint(instance, &spec.key.preview);
        Ok(())
    }

    pub(super) fn remove_server(&mut self, instance: &Instance, key: &DatabaseKey) {
        let at = (instance.clone(), key.clone());
        if self.servers.remove(&at).is_some() {
            self.hint(instance, &key.preview);
        }
    }

    /// Whether a server runs on the set; it is paused during a copy.
    pub(super) fn has_servers(&self, instance: &Instance, set: &DataSet) -> bool {
        self.servers.iter().any(|((owner, key), server)| {
            let inside = key.preview == set.preview && key.generation == set.generation;
            owner == instance && inside && server.state == ContainerState::Running
        })
    }

    pub(super) fn check_server_image(&self, image: &str) -> Result<(), DatabaseError> {
        if !self.unknown_references.contains(image) {
            return Ok(());
        }
        Err(DatabaseError::NoImage {
            image: image.to_owned(),
            why: "no such image (simulated)".to_owned(),
        })
    }

    pub(super) fn check_data_network(
        &self,
        instance: &Instance,
        key: &DatabaseKey,
    ) -> Result<(), EngineError> {
        self.check_network(instance, &key.preview, &Network::Data(key.generation))
    }
}
