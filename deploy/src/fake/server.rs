//! The effects of database calls on the simulated host's servers.

use super::{describe, objects::database_at, stored::check_version, world::World};
use crate::{
    databases::{DataSet, DatabaseError, DatabaseSpec},
    engine::{EngineError, Network},
    names::{DatabaseKey, Instance},
};

impl World {
    /// Returns whether the server already runs with this spec.
    pub(super) fn prepare_server(
        &mut self,
        instance: &Instance,
        spec: &DatabaseSpec,
    ) -> Result<bool, DatabaseError> {
        let at = database_at(&spec.key);
        let missing = || EngineError::Missing(describe::database(&spec.key));
        let objects = self.of(instance, &spec.key.preview);
        let data = objects.data.get(&at).ok_or_else(missing)?;
        if !data.complete {
            let what = describe::database(&spec.key);
            self.violation(format!("{what} started while incomplete"));
            return Err(missing().into());
        }
        check_version((&data.kind, &data.image), spec)?;
        self.check_server_image(&spec.image)?;
        self.check_data_network(instance, &spec.key)?;
        let there = self.of(instance, &spec.key.preview).servers.get(&at);
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
        self.replace_server(instance, spec);
        self.hint(instance, &spec.key.preview);
        Ok(())
    }

    /// Runs a server with this spec, instead of another one.
    pub(super) fn replace_server(&mut self, instance: &Instance, spec: &DatabaseSpec) {
        let objects = self.of(instance, &spec.key.preview);
        let at = database_at(&spec.key);
        objects.servers.remove(&at);
        objects.create_server(spec.clone(), ());
        objects.start_server(&at);
    }

    pub(super) fn remove_server(&mut self, instance: &Instance, key: &DatabaseKey) {
        let servers = &mut self.of(instance, &key.preview).servers;
        if servers.remove(&database_at(key)).is_some() {
            self.hint(instance, &key.preview);
        }
    }

    /// Whether a server runs on the set; it is paused during a copy.
    pub(super) fn has_servers(&mut self, instance: &Instance, set: &DataSet) -> bool {
        let mut servers = self.of(instance, &set.preview).servers.iter();
        servers.any(|(at, server)| at.0 == set.generation && server.is_running())
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
        &mut self,
        instance: &Instance,
        key: &DatabaseKey,
    ) -> Result<(), EngineError> {
        let (preview, network) = (&key.preview, Network::Data(key.generation));
        match self.of(instance, preview).networks.contains_key(&network) {
            true => Ok(()),
            false => Err(EngineError::Missing(describe::network(preview, &network))),
        }
    }
}
