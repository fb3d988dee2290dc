//! What a reader found in its files, before defaults: the readers of all formats fill the same draft.

use std::{collections::BTreeMap, sync::Arc};

use super::{BlueprintError, Command, DatabaseKind, Health, ImageSource, OnPush, ProcessOptions};
use crate::{
    names::{DatabaseName, ServiceName},
    source::IgnoreRules,
};

/// Maximum characters of an error's message.
const MESSAGE_CHARS_MAX: usize = 600;

/// A line of a file of the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The file's path from the commit's root.
    pub(super) file: Arc<str>,
    /// Counted from 1.
    pub(super) line: usize,
}

impl Place {
    /// The beginning of a file.
    pub(super) fn top(file: &str) -> Self {
        Self {
            file: file.into(),
            line: 1,
        }
    }

    /// An error about this line.
    pub(super) fn error(&self, message: impl Into<String>) -> BlueprintError {
        let mut message: String = message.into();
        // It may repeat a value of the file.
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
            message.truncate(end);
            message.push_str(" ...");
        }
        BlueprintError::Invalid {
            file: self.file.as_ref().to_owned(),
            line: self.line,
            message,
        }
    }
}

/// A value and where it was written.
pub(super) type Placed<T> = (T, Place);

/// The services and databases of a commit, in the order of the file.
pub(super) struct Draft {
    /// The beginning of the file that names them.
    pub(super) top: Place,
    pub(super) services: Vec<ServiceDraft>,
    pub(super) databases: Vec<DatabaseDraft>,
    /// Sentences for users about values that the reader chose or passed over.
    pub(super) notes: Vec<String>,
}

impl Draft {
    /// The draft of a file that names neither a service nor a database, such as a Dockerfile.
    pub(super) fn empty(file: &str) -> Self {
        Self {
            top: Place::top(file),
            services: Vec::new(),
            databases: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// A service as written. What is `None` was not given.
pub(super) struct ServiceDraft {
    pub(super) name: ServiceName,
    pub(super) at: Place,
    pub(super) image: Option<Placed<ImageSource>>,
    pub(super) port: Option<u16>,
    pub(super) health: Option<Health>,
    pub(super) command: Option<Command>,
    pub(super) process: ProcessOptions,
    pub(super) env: BTreeMap<String, Placed<String>>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) cpu_milli: Option<u64>,
    pub(super) public: Option<bool>,
    pub(super) main: Option<Placed<bool>>,
    pub(super) init: bool,
}

impl ServiceDraft {
    /// A service with only a name.
    pub(super) fn bare(name: ServiceName, at: Place) -> Self {
        Self {
            name,
            at,
            image: None,
            port: None,
            health: None,
            command: None,
            process: ProcessOptions::default(),
            env: BTreeMap::new(),
            memory_bytes: None,
            cpu_milli: None,
            public: None,
            main: None,
            init: false,
        }
    }
}

/// A database as written.
pub(super) struct DatabaseDraft {
    pub(super) name: DatabaseName,
    pub(super) at: Place,
    pub(super) server: Server,
    pub(super) seed: Option<SeedDraft>,
    pub(super) migrate: Option<RunDraft>,
    pub(super) on_push: OnPush,
    pub(super) migrations: Option<Placed<IgnoreRules>>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) url: Option<Placed<String>>,
    /// Sentences for users about values that the reader chose.
    pub(super) notes: Vec<String>,
}

/// The server of a database.
pub(super) struct Server {
    pub(super) kind: DatabaseKind,
    pub(super) image: String,
}

/// The initial content of a database, as written.
pub(super) enum SeedDraft {
    /// A file or folder of the commit.
    Path(Placed<String>),
    /// The output of a command.
    Run(RunDraft),
    /// A named snapshot that the server keeps.
    Snapshot(String),
}

/// A command for the image of a service, such as `migrate`.
pub(super) struct RunDraft {
    /// The key that gives it, for messages.
    pub(super) key: &'static str,
    pub(super) run: Command,
    /// The service, if it is given.
    pub(super) service: Option<Placed<String>>,
    pub(super) at: Place,
}
