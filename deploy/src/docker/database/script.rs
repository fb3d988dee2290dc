//! An SQL script for a server's own client, and the errors in it.

use std::{
    fmt, io,
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    content::Content,
    databases::{DatabaseError, SeedFile, SqlSeed, USER},
    dump::{MysqlReader, Open, ScriptReader, Server, SharedReport, several},
    packing::Packing,
    pieces::{Pipe, Writer, pipe},
};

/// A script, the files that it may include, and findings from reading it.
#[derive(Clone)]
pub(crate) struct Script {
    path: String,
    dialect: Dialect,
    source: Source,
    seed: Arc<SqlSeed>,
    pub(super) report: SharedReport,
}

/// The kind of client that runs a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Mysql(Server),
}

/// The source of a script.
#[derive(Clone)]
enum Source {
    File(Content),
    /// Another program writes it; it can be read only once.
    Pipe(Arc<Mutex<Option<Pipe>>>),
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Script {
    /// Each file of a seed as a separate script.
    pub(super) fn each(seed: &SqlSeed, dialect: Dialect) -> Vec<Self> {
        let all = Arc::new(seed.clone());
        let script = |file: &SeedFile| Self {
            path: file.path.clone(),
            dialect,
            source: Source::File(file.content.clone()),
            seed: Arc::clone(&all),
            report: SharedReport::default(),
        };
        seed.files.iter().map(script).collect()
    }

    /// The script that a program generates from an archive, and the writer for that program.
    pub(super) fn of_archive(path: &str) -> (Self, Writer) {
        let (write, pipe) = pipe();
        let script = Self {
            path: path.to_owned(),
            dialect: Dialect::Postgres,
            source: Source::Pipe(Arc::new(Mutex::new(Some(pipe)))),
            seed: Arc::default(),
            report: SharedReport::default(),
        };
        (script, write)
    }

    /// Its path in the checkout.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The kind of client that runs it.
    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Records the database that it named and filled, which has become the application's.
    ///
    /// # Errors
    /// If another script of the seed filled another database.
    pub(super) fn joins(&self, filled: &mut Option<String>) -> Result<(), DatabaseError> {
        if self.dialect == Dialect::Postgres {
            return Ok(());
        }
        for name in &self.report.lock().databases {
            match filled {
                Some(other) if other != name => {
                    return Err(self.at(self.path.clone(), 0, several(other, name)));
                }
                _ => *filled = Some(name.clone()),
            }
        }
        Ok(())
    }

    /// Reads the processed script.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn reader(self) -> io::Result<Box<dyn Read + Send>> {
        let Self {
            path,
            dialect,
            source,
            seed,
            report,
        } = self;
        let script: Box<dyn Read + Send> = match source {
            Source::File(content) => Packing::of(&path).reader(content.reader()?),
            Source::Pipe(pipe) => {
                let pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner).take();
                match pipe {
                    Some(pipe) => Box::new(pipe),
                    None => Box::new(io::empty()),
                }
            }
        };
        if let Dialect::Mysql(server) = dialect {
            let reader = MysqlReader::new((&path, script), server, USER, report);
            return Ok(Box::new(reader));
        }
        let folder = seed.folder.clone();
        let open: Open = Box::new(move |wanted| {
            let mut files = seed.beside.iter().chain(&seed.files);
            let file = files.find(|file| file.path == wanted)?;
            let content = file.content.reader();
            Some(content.map(|content| Packing::of(&file.path).reader(content)))
        });
        let reader = ScriptReader::new((&path, script), (&folder, open), USER, report);
        Ok(Box::new(reader))
    }

    /// The error at a line of the processed script, or for the whole script.
    pub(super) fn failed(&self, line: Option<u32>, message: String) -> DatabaseError {
        let place = line.and_then(|line| self.report.lock().lines.find(u64::from(line)));
        let (path, line) = place.map_or_else(|| (self.path.clone(), 0), |at| (at.path, at.number));
        self.at(path, line, message)
    }

    /// Why it was refused, if it was.
    pub(super) fn refused(&self) -> Option<DatabaseError> {
        let (line, message) = self.report.lock().refused.clone()?;
        let (path, line) = line.map_or_else(|| (self.path.clone(), 0), |at| (at.path, at.number));
        Some(self.at(path, line, message))
    }

    /// An error at a line. Users cannot see generated scripts, so their errors have no line.
    fn at(&self, path: String, line: u64, message: String) -> DatabaseError {
        let shown = line > 0 && matches!(self.source, Source::File(_));
        DatabaseError::Seed {
            path,
            line: u32::try_from(line).ok().filter(|_| shown),
            message,
            output: Vec::new(),
        }
    }
}
