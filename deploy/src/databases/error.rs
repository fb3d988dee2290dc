//! Errors of the port to databases.

use crate::engine::EngineError;

/// Why a call to the port failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A statement of the seed failed, or its command.
    #[error("seed {path} failed{}: {message}", line.map(|l| format!(" at line {l}")).unwrap_or_default())]
    Seed {
        /// The file's path in the checkout, or the command.
        path: String,
        /// The line, if the server named one.
        line: Option<u32>,
        /// The server's sentence.
        message: String,
        /// The last output of the seed's command.
        output: Vec<String>,
    },
    /// The mask of an import failed.
    #[error("the mask {}: {message}", failed_at(path, *line))]
    Mask {
        /// The file's name.
        path: String,
        /// The line, if the server named one.
        line: Option<u32>,
        /// The server's message, without details that quote rows.
        message: String,
    },
    /// The mask of an import leaves personal data.
    #[error("{0}")]
    Unmasked(String),
    /// This kind of server does not support the seed.
    #[error("seed {path} is not supported: {why}")]
    SeedUnfit {
        /// The file's path in the checkout.
        path: String,
        /// The reason, and the supported formats.
        why: String,
    },
    /// The server's image cannot be pulled.
    #[error("cannot pull database image {image}: {why}")]
    NoImage {
        /// The reference.
        image: String,
        /// The engine's sentence.
        why: String,
    },
    /// Another kind or version of server created the data.
    #[error("the data was created by {made_by} and {image} cannot use it: {why}")]
    Version {
        /// The server that created the data.
        made_by: String,
        /// The image that should use the data.
        image: String,
        /// The server's sentence.
        why: String,
    },
    /// The server exited, or did not answer a query in time.
    #[error("the database did not become ready: {message}")]
    NotReady {
        /// The observed problem.
        message: String,
        /// Whether the kernel killed it because it ran out of memory.
        out_of_memory: bool,
        /// Its last lines.
        output: Vec<String>,
    },
    /// The data to copy does not exist.
    #[error("{0} is not in the pool")]
    NoData(String),
    /// The data exceeds the limit for one database.
    #[error(
        "it takes {mib} MiB, more than the {mib_max} MiB that limits.database_mib_max allows one \
         database"
    )]
    OverQuota {
        /// Size of the data, in MiB.
        mib: u64,
        /// The limit, in MiB.
        mib_max: u64,
    },
    /// The pool is full.
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
