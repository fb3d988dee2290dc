//! Databases that a script creates and connects to.

use super::{Rules, Ruling, roles::unless};
use crate::dump::{
    sql,
    tokens::{Statement, quoted},
};

impl Rules {
    /// Creates the database from the server's own template: the original locale may be missing
    /// here.
    pub(super) fn create_database(&mut self, s: &Statement<'_>) -> Ruling {
        let Some(name) = s.name(2) else {
            return Ruling::Keep;
        };
        Ruling::Become(self.making_database(&name))
    }

    /// Keeps settings of databases that the script created.
    pub(super) fn alter_database(&mut self, s: &Statement<'_>) -> Ruling {
        if s.is_any(3, &["set", "reset"]) && !s.is(4, "tablespace") && self.knows_database(s, 2) {
            return Ruling::Keep;
        }
        self.skip("a change of a database")
    }

    pub(super) fn knows_database(&self, s: &Statement<'_>, at: usize) -> bool {
        let Some(name) = s.name(at) else {
            return false;
        };
        let shown = String::from_utf8_lossy(&name).into_owned();
        name == self.user || self.report.lock().databases.contains(&shown)
    }

    /// Text that connects to a database, and creates it first if it is missing.
    pub(super) fn connecting(&mut self, name: &[u8]) -> Vec<u8> {
        let mut text = self.making_database(name);
        text.extend_from_slice(b"\\connect -reuse-previous=on ");
        text.extend_from_slice(&quoted(&sql::connection(name)));
        text
    }

    fn making_database(&mut self, name: &[u8]) -> Vec<u8> {
        let shown = String::from_utf8_lossy(name).into_owned();
        self.report.lock().databases.insert(shown);
        if name == self.user || name == b"template1" {
            return Vec::new();
        }
        let make = [
            b"create database ".as_slice(),
            &quoted(name),
            b" template template0",
        ]
        .concat();
        unless(&make, b"pg_database where datname", name)
    }
}
