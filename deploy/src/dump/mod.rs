//! Adapts SQL scripts of dump tools to a temporary database.
//!
//! A dump depends on its original server: its roles, its databases, settings that an older server
//! does not know. This module rewrites each statement at which a strict client would stop, while
//! the script streams through. Only statements change. Rows of a COPY, literals, quoted bodies and
//! comments pass unchanged. Every line keeps its number, so that an error names the line that its
//! author sees.
//!
//! Nothing here executes a script: a [`ScriptReader`] reads a script and is itself a reader.

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
