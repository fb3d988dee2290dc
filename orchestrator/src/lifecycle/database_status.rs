//! The state of one database, derived from what is written down of it and what the engine shows.

use deploy::{
    engine::ContainerState,
    names::{DatabaseName, Generation},
};

use super::observed::Observed;

/// The state of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatabaseStatus {
    /// Nothing of it is there.
    Absent,
    /// Something of it is there, and its data are not complete: they are being copied or made from
    /// the seed, or a crash cut that off.
    Incomplete,
    /// Its data are complete, and it has no server.
    Stopped,
    /// It has a server that does not run, or that was not seen to answer yet.
    Starting,
    /// Its server runs and was seen to answer.
    Answering,
}

impl DatabaseStatus {
    /// Whether its data are complete.
    pub fn is_complete(self) -> bool {
        self >= Self::Stopped
    }
}

impl Observed {
    /// The state of a database.
    pub fn database(&self, generation: Generation, name: &DatabaseName) -> DatabaseStatus {
        let key = (generation, name.clone());
        let server = self.databases.get(&key);
        if !self.is_complete(generation, name) {
            return match server.is_some() || self.data.contains(&key) {
                true => DatabaseStatus::Incomplete,
                false => DatabaseStatus::Absent,
            };
        }
        let facts = self.generations.get(&generation);
        let answers = facts.is_some_and(|facts| facts.answering.contains(name));
        match server {
            None => DatabaseStatus::Stopped,
            // A server whose start was cut off may run without having been seen to answer.
            Some(ContainerState::Running) if answers => DatabaseStatus::Answering,
            Some(_) => DatabaseStatus::Starting,
        }
    }

    /// Whether the data of a database are complete.
    pub fn is_complete(&self, generation: Generation, name: &DatabaseName) -> bool {
        let facts = self.generations.get(&generation);
        facts.is_some_and(|facts| facts.complete.contains(name))
    }
}
