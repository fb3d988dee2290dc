//! The effects of database calls on the simulated host's data and snapshots.

use std::collections::BTreeMap;

use super::{
    describe,
    objects::{Run, database_at},
    seed,
    stored::{Data, Snapshot, check_version, uses},
    world::World,
};
use crate::{
    blueprint::DatabaseKind,
    databases::{DataSet, DatabaseError, DatabaseSpec, Fork, Seed, SnapshotState},
    engine::{Ended, EngineError, ServiceSpec},
    names::{DatabaseKey, DatabaseName, Instance, SnapshotId},
};

impl World {
    /// Removes existing data of the same name, and creates a server for the seed run.
    ///
    /// Returns the snapshot to copy, which may still have to be created.
    pub(super) fn begin_data(
        &mut self,
        instance: &Instance,
        spec: &DatabaseSpec,
        seed: &Seed,
    ) -> Result<SnapshotId, DatabaseError> {
        self.check_server_image(&spec.image)?;
        let at = database_at(&spec.key);
        self.check_replace_data(instance, &spec.key);
        self.check_remove_database(instance, &spec.key);
        let objects = self.of(instance, &spec.key.preview);
        objects.servers.remove(&at);
        objects.data.remove(&at);
        self.hint(instance, &spec.key.preview);
        let snapshot = match seed {
            Seed::Snapshot(id) => id.clone(),
            seed => seed::snapshot_id(instance, spec, seed)?,
        };
        if self
            .snapshots
            .contains_key(&(instance.clone(), snapshot.clone()))
        {
            return Ok(snapshot);
        }
        if matches!(seed, Seed::Snapshot(_)) {
            return Err(no_snapshot(&snapshot));
        }
        seed::check_fits(&spec.kind, seed)?;
        if let Seed::Run { spec: run, .. } = seed {
            self.check_data_network(instance, &spec.key)?;
            self.check_networks(instance, run)?;
        }
        let data = Data {
            complete: false,
            ..Data::empty(spec, ())
        };
        let objects = self.of(instance, &spec.key.preview);
        objects.data.insert(at, data);
        self.replace_server(instance, spec);
        Ok(snapshot)
    }

    /// Creates the snapshot if it is missing, and copies it. A failed seed leaves nothing behind.
    pub(super) fn finish_data(
        &mut self,
        instance: &Instance,
        spec: &DatabaseSpec,
        seed: &Seed,
        id: &SnapshotId,
    ) -> Result<(), DatabaseError> {
        let place = database_at(&spec.key);
        let objects = self.of(instance, &spec.key.preview);
        let server = objects.servers.remove(&place);
        let begun = objects.data.remove(&place).is_some();
        self.hint(instance, &spec.key.preview);
        let at = (instance.clone(), id.clone());
        if !self.snapshots.contains_key(&at) {
            match server {
                Some(server) if begun && server.is_running() => {}
                Some(_) => return Err(ended("the server exited during the seed run")),
                None => return Err(EngineError::Missing(describe::database(&spec.key)).into()),
            }
            let statements = self.run_seed(seed)?;
            let state = self.new_snapshot(id, &spec.kind, &spec.image, &seed::describe(seed));
            self.snapshots
                .insert(at.clone(), Snapshot::new(state, statements));
        }
        let now_ms = self.now_ms();
        let snapshot = self.snapshots.get_mut(&at).ok_or_else(|| no_snapshot(id))?;
        let (kind, image) = (&snapshot.state.kind, &snapshot.state.image);
        check_version((kind, image), spec)?;
        snapshot.state.used_at_ms = now_ms;
        let data = Data {
            kind: kind.clone(),
            image: image.clone(),
            complete: true,
            statements: snapshot.statements.clone(),
            mark: (),
        };
        let objects = self.of(instance, &spec.key.preview);
        objects.data.insert(place, data);
        Ok(())
    }

    fn run_seed(&self, seed: &Seed) -> Result<Vec<String>, DatabaseError> {
        let Seed::Run { spec, words, .. } = seed else {
            return seed::apply(seed);
        };
        let script = self.script_of(spec);
        match script.migrate {
            0 => Ok(vec![format!("seed {}", self.made_from(spec))]),
            code => Err(DatabaseError::Seed {
                path: words.clone(),
                line: None,
                message: format!("it exited with code {code}"),
                output: script.output,
            }),
        }
    }

    /// The commit that the image of a command was built from, or the image.
    pub(super) fn made_from(&self, spec: &ServiceSpec) -> String {
        let commit = self.images.get(&spec.image).and_then(Option::as_ref);
        commit.map_or_else(|| spec.image.to_string(), ToString::to_string)
    }

    /// Copies the data at one moment, all databases or none.
    pub(super) fn copy_at_one_moment(
        &mut self,
        instance: &Instance,
        from: &DataSet,
        names: &[DatabaseName],
    ) -> Result<BTreeMap<DatabaseName, Data>, DatabaseError> {
        let objects = self.of(instance, &from.preview);
        let copies = objects.copies(from.generation, names);
        copies.map_err(|name| {
            let key = key_in(from, &name);
            let what = describe::database(&key);
            let objects = self.of(instance, &from.preview);
            if objects.data.contains_key(&database_at(&key)) {
                self.violation(format!("{what} copied while incomplete"));
            }
            DatabaseError::NoData(what)
        })
    }

    /// Stores copies in the target, and replaces existing data.
    pub(super) fn put_copies(
        &mut self,
        instance: &Instance,
        fork: &Fork,
        copies: BTreeMap<DatabaseName, Data>,
    ) {
        for (name, data) in copies {
            let key = key_in(&fork.to, &name);
            self.check_replace_data(instance, &key);
            self.check_remove_database(instance, &key);
            let objects = self.of(instance, &key.preview);
            objects.data.insert(database_at(&key), data);
        }
        self.hint(instance, &fork.to.preview);
    }

    pub(super) fn remove_data(&mut self, instance: &Instance, key: &DatabaseKey) {
        self.check_replace_data(instance, key);
        let data = &mut self.of(instance, &key.preview).data;
        if data.remove(&database_at(key)).is_some() {
            self.hint(instance, &key.preview);
        }
    }

    /// Saves data as a snapshot that belongs to no seed.
    pub(super) fn save(
        &mut self,
        instance: &Instance,
        data: Data,
        source: &str,
    ) -> Result<SnapshotState, DatabaseError> {
        let serial = self.serial().to_string();
        let id = seed::digest(&[instance.as_str(), "saved", &serial])?;
        let state = self.new_snapshot(&id, &data.kind, &data.image, source);
        let snapshot = Snapshot::new(state, data.statements);
        let state = snapshot.state.clone();
        self.snapshots.insert((instance.clone(), id), snapshot);
        Ok(state)
    }

    pub(super) fn new_snapshot(
        &self,
        id: &SnapshotId,
        kind: &DatabaseKind,
        image: &str,
        source: &str,
    ) -> SnapshotState {
        let now_ms = self.now_ms();
        SnapshotState {
            id: id.clone(),
            kind: kind.clone(),
            image: image.to_owned(),
            source: source.to_owned(),
            made_at_ms: now_ms,
            used_at_ms: now_ms,
        }
    }

    /// Applies a command's changes to every database that it uses.
    pub(super) fn apply_run(&mut self, instance: &Instance, run: &Run, ended: &mut Ended) {
        let statement = format!("{} {}", run.task, self.made_from(&run.spec));
        let objects = self.of(instance, &run.spec.key.preview);
        let servers = objects.servers.keys();
        let used: Vec<_> = servers.filter(|at| uses(&run.spec, at)).cloned().collect();
        for at in used {
            let accepted = match ended.exit_code {
                0 => objects.write(&at, statement.clone()),
                _ => objects.accepts(&at),
            };
            if !accepted {
                ended.exit_code = 1;
                let output = format!("{} does not accept connections", at.1);
                ended.output.push(output);
            }
        }
    }
}

fn ended(message: &str) -> DatabaseError {
    DatabaseError::NotReady {
        message: message.to_owned(),
        out_of_memory: false,
        output: Vec::new(),
    }
}

fn no_snapshot(id: &SnapshotId) -> DatabaseError {
    DatabaseError::NoData(format!("snapshot {id}"))
}

/// The same database of a set.
pub(super) fn key_in(set: &DataSet, name: &DatabaseName) -> DatabaseKey {
    DatabaseKey {
        preview: set.preview.clone(),
        generation: set.generation,
        name: name.clone(),
    }
}
