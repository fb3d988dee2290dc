//! Scripts of SQL as dump tools write them, made fit for a throwaway database.
//!
//! A dump speaks of the server that it was taken from: its roles, its databases, settings that an
//! older server does not know. What a strict client would stop at is rewritten here while the script
//! streams by, statement by statement. Only statements change. Rows of a COPY, literals, quoted
//! bodies and comments pass byte by byte, and every line keeps its number, so that an error names the
//! line that its author sees.
//!
//! Nothing in here runs anything: a [`ScriptReader`] reads a script and is read like one.

mod held;
mod lexer;
mod mentions;
mod mysql;
mod paths;
mod place;
mod postgres;
mod reader;
mod report;
mod source;
pub(crate) mod sql;
mod tokens;

pub(crate) use mentions::mentions;
pub(crate) use mysql::{MysqlReader, Server, several};
pub(crate) use paths::Mention;
pub(crate) use reader::{Open, Refused, ScriptReader};
pub(crate) use report::SharedReport;
