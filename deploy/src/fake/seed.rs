//! The results of seeds on the simulated host.

use std::io::Read as _;

use sha2::{Digest, Sha256};

use crate::{
    blueprint::DatabaseKind,
    databases::{DatabaseError, DatabaseSpec, Seed, SeedFile},
    names::{Instance, SnapshotId},
    packing::Packing,
};

/// Valid first words of a statement; anything else is a syntax error.
const STATEMENTS: [&str; 16] = [
    "alter", "analyze", "begin", "commit", "copy", "create", "delete", "do", "drop", "grant",
    "insert", "select", "set", "truncate", "update", "with",
];

/// A digest of everything that determines the data.
pub(super) fn snapshot_id(
    instance: &Instance,
    spec: &DatabaseSpec,
    seed: &Seed,
) -> Result<SnapshotId, DatabaseError> {
    let engine = format!("{:?}", spec.kind);
    let what = match seed {
        Seed::Run { spec: run, .. } => {
            format!("{} {:?} {}", run.image, run.command, spec.key.name)
        }
        seed => format!("{seed:?}"),
    };
    digest(&[instance.as_str(), &spec.image, &engine, &what])
}

pub(super) fn digest(parts: &[&str]) -> Result<SnapshotId, DatabaseError> {
    let digest = hex::encode(Sha256::digest(parts.join("\0")));
    // The format is always valid, and there is no other sensible result.
    SnapshotId::parse(&digest).map_err(|error| DatabaseError::Pool(error.to_string()))
}

/// A description for messages.
pub(super) fn describe(seed: &Seed) -> String {
    match seed {
        Seed::Empty => "nothing".to_owned(),
        Seed::Sql(seed) => {
            let paths: Vec<_> = seed.files.iter().map(|file| file.path.as_str()).collect();
            paths.join(", ")
        }
        Seed::PgCustom(file) | Seed::Rdb(file) => file.path.clone(),
        Seed::PgDirectory(folder, _) => folder.clone(),
        Seed::Run { words, .. } => words.clone(),
        Seed::Snapshot(id) => format!("snapshot {id}"),
    }
}

/// Refuses a seed that the kind of server does not support, before anything is created.
pub(super) fn check_fits(kind: &DatabaseKind, seed: &Seed) -> Result<(), DatabaseError> {
    use DatabaseKind::{Mariadb, Mysql, Postgres, Redis, Valkey};
    let fits = match seed {
        Seed::Empty | Seed::Run { .. } | Seed::Snapshot(_) => true,
        Seed::Sql(_) => matches!(kind, Postgres | Mysql | Mariadb),
        Seed::PgCustom(_) | Seed::PgDirectory(..) => *kind == Postgres,
        Seed::Rdb(_) => matches!(kind, Redis | Valkey),
    };
    if fits {
        return Ok(());
    }
    Err(DatabaseError::SeedUnfit {
        path: describe(seed),
        why: format!("a server of {kind:?} does not take it"),
    })
}

/// The statements of a seed without a command, or its first syntax error.
pub(super) fn apply(seed: &Seed) -> Result<Vec<String>, DatabaseError> {
    match seed {
        Seed::Sql(seed) => {
            let statements: Result<Vec<_>, _> = seed.files.iter().map(apply_file).collect();
            Ok(statements?.concat())
        }
        Seed::PgCustom(_) | Seed::PgDirectory(..) | Seed::Rdb(_) => {
            Ok(vec![format!("restore {}", describe(seed))])
        }
        Seed::Empty | Seed::Run { .. } | Seed::Snapshot(_) => Ok(Vec::new()),
    }
}

/// The file's statements.
pub(super) fn apply_file(file: &SeedFile) -> Result<Vec<String>, DatabaseError> {
    if Packing::of(&file.path) != Packing::Plain {
        // Nothing is decompressed here.
        return Ok(vec![format!("restore {}", file.path)]);
    }
    let mut content = Vec::new();
    let read = file
        .content
        .reader()
        .and_then(|mut reader| reader.read_to_end(&mut content));
    read.map_err(|error| DatabaseError::Pool(error.to_string()))?;
    let content = String::from_utf8_lossy(&content);
    let mut statements = Vec::new();
    let mut line = 1;
    for piece in content.split(';') {
        let lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
        let (blank, _) = piece.split_at(piece.len() - piece.trim_start().len());
        let begins = line + lines(blank);
        line += lines(piece);
        let Some(word) = piece.split_whitespace().next() else {
            continue;
        };
        if !STATEMENTS.contains(&word.to_lowercase().as_str()) {
            return Err(DatabaseError::Seed {
                path: file.path.clone(),
                line: u32::try_from(begins).ok(),
                message: format!("syntax error at or near {word:?}"),
                output: Vec::new(),
            });
        }
        statements.push(piece.trim().to_owned());
    }
    Ok(statements)
}
