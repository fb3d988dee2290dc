//! The effects of database calls on the simulated host's data and snapshots.

use super::{
    rules::describe_database,
    seed,
    stored::{Data, Server, Snapshot, check_version, uses},
    world::{Run, World},
};
use crate::{
    blueprint::DatabaseKind,
    databases::{DataSet, DatabaseError, DatabaseSpec, Fork, Seed, SnapshotState},
    engine::{ContainerState, Ended, EngineError, ServiceSpec},
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
        let key = (instance.clone(), spec.key.clone());
        self.check_replace_data(instance, &spec.key);
        self.check_remove_database(instance, &spec.key);
        self.servers.remove(&key);
        self.data.remove(&key);
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
            kind: spec.kind.clone(),
            image: spec.image.clone(),
            complete: false,
            statements: Vec::new(),
        };
        self.data.insert(key.clone(), data);
        self.servers.insert(key, Server::running(spec));
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
        let key = (instance.clone(), spec.key.clone());
        let server = self.servers.remove(&key);
        let begun = self.data.remove(&key).is_some();
        self.hint(instance, &spec.key.preview);
        let at = (instance.clone(), id.clone());
        if !self.snapshots.contains_key(&at) {
            match server {
                Some(server) if begun && server.state == ContainerState::Running => {}
                Some(_) => return Err(ended("the server exited during the seed run")),
                None => return Err(EngineError::Missing(describe_database(&spec.key)).into()),
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
        };
        self.data.insert(key, data);
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
        let image = self.images.get(&spec.image);
        let commit = image.and_then(|image| image.commit.as_ref());
        commit.map_or_else(|| spec.image.to_string(), ToString::to_string)
    }

    /// Copies the data at one moment, all databases or none.
    pub(super) fn copy_at_one_moment(
        &mut self,
        instance: &Instance,
        from: &DataSet,
        names: &[DatabaseName],
    ) -> Result<Vec<Data>, DatabaseError> {
        let mut copies = Vec::new();
        for name in names {
            let key = key_in(from, name);
            match self.data.get(&(instance.clone(), key.clone())) {
                Some(data) if data.complete => copies.push(data.clone()),
                Some(_) => {
                    let what = describe_database(&key);
                    self.violation(format!("{what} copied while incomplete"));
                    return Err(DatabaseError::NoData(what));
                }
                None => return Err(DatabaseError::NoData(describe_database(&key))),
            }
        }
        Ok(copies)
    }

    /// Stores copies in the target, and replaces existing data.
    pub(super) fn put_copies(&mut self, instance: &Instance, fork: &Fork, copies: Vec<Data>) {
        for (name, data) in fork.names.iter().zip(copies) {
            let key = key_in(&fork.to, name);
            self.check_replace_data(instance, &key);
            self.check_remove_database(instance, &key);
            self.data.insert((instance.clone(), key), data);
        }
        self.hint(instance, &fork.to.preview);
    }

    pub(super) fn remove_data(&mut self, instance: &Instance, key: &DatabaseKey) {
        self.check_replace_data(instance, key);
        let at = (instance.clone(), key.clone());
        if self.data.remove(&at).is_some() {
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
        let by = self.made_from(&run.spec);
        let used = |(owner, key): &&(Instance, DatabaseKey)| {
            owner == instance && key.preview == run.spec.key.preview && uses(&run.spec, key)
        };
        let used: Vec<_> = self.servers.keys().filter(used).cloned().collect();
        for at in used {
            let server = self.servers.get(&at);
            let runs = server.is_some_and(|server| server.state == ContainerState::Running);
            match self.data.get_mut(&at) {
                Some(data) if runs && ended.exit_code == 0 => {
                    data.statements.push(format!("{} {by}", run.task));
                }
                Some(_) if runs => {}
                _ => {
                    ended.exit_code = 1;
                    let name = &at.1.name;
                    ended
                        .output
                        .push(format!("{name} does not accept connections"));
                }
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
