//! Why there is no database.

use crate::engine::EngineError;

/// Why there is no database.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A statement of the seed failed, or its command.
    #[error("seed {path} failed{}: {message}", line.map(|l| format!(" at line {l}")).unwrap_or_default())]
    Seed {
        /// The file's path in the checkout, or the command.
        path: String,
        /// The line, where the server named one.
        line: Option<u32>,
        /// The server's sentence.
        message: String,
        /// What the seed's command printed last.
        output: Vec<String>,
    },
    /// The mask of an import failed.
    #[error("the mask {}: {message}", failed_at(path, *line))]
    Mask {
        /// The file's name.
        path: String,
        /// The line, where the server named one.
        line: Option<u32>,
        /// The server's sentence, without details that quote rows.
        message: String,
    },
    /// The mask of an import leaves data of people.
    #[error("{0}")]
    Unmasked(String),
    /// The seed is not one for this kind of server.
    #[error("seed {path} does not fit: {why}")]
    SeedUnfit {
        /// The file's path in the checkout.
        path: String,
        /// What is wrong with it, and what would fit.
        why: String,
    },
    /// The server's image cannot be had.
    #[error("database image {image} cannot be had: {why}")]
    NoImage {
        /// The reference.
        image: String,
        /// The engine's sentence.
        why: String,
    },
    /// The data were made by another kind or version of server.
    #[error("the data were made by {made_by} and {image} cannot run on them: {why}")]
    Version {
        /// What made the data.
        made_by: String,
        /// What should run on them.
        image: String,
        /// The server's sentence.
        why: String,
    },
    /// The server ended, or did not answer a query in time.
    #[error("the database did not become ready: {message}")]
    NotReady {
        /// What was seen.
        message: String,
        /// Whether the kernel killed it for memory.
        out_of_memory: bool,
        /// Its last lines.
        output: Vec<String>,
    },
    /// What should be copied is not there.
    #[error("{0} is not in the pool")]
    NoData(String),
    /// The data take more than those of one database may.
    #[error(
        "it takes {mib} MiB, more than the {mib_max} MiB that limits.database_mib_max gives to one database"
    )]
    OverQuota {
        /// What they take.
        mib: u64,
        /// What they may take.
        mib_max: u64,
    },
    /// The pool has no room.
    #[error("{0}")]
    Full(String),
    /// The pool cannot be used.
    #[error("the pool cannot be used: {0}")]
    Pool(String),
    /// The engine's own answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

fn failed_at(path: &str, line: Option<u32>) -> String {
    match line {
        Some(line) => format!("failed at line {line} of {path}"),
        None => format!("{path} failed"),
    }
}
