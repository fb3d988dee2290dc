//! Databases that a script creates, selects and names.

use super::{
    Rules, Ruling,
    edits::Edits,
    place::{BEFORE, is_own, several},
    tokens::quoted,
};
use crate::dump::tokens::Statement;

impl Rules {
    /// A statement about a database itself.
    pub(super) fn database(&mut self, s: &Statement<'_>) -> Option<Ruling> {
        if s.is(0, "use") {
            let name = s.exact(1)?;
            if is_own(&name) {
                self.note_own(&name);
            }
            self.named = true;
            self.current = name;
            return Some(Ruling::Skip);
        }
        if !s.is_any(0, &["create", "alter", "drop"]) {
            return None;
        }
        let from = 1 + 2 * usize::from(s.are(1, &["or", "replace"]));
        if !s.is_any(from, &["database", "schema"]) {
            return None;
        }
        let name = (from + 1..s.tokens.len()).find(|&at| !s.is_any(at, &["if", "not", "exists"]));
        let name = name?;
        let database = s.exact(name).unwrap_or_default();
        let options = self.options_of(s, name);
        Some(match s.is(0, "alter") {
            true if database == self.current && self.is_filled(&database) => {
                options.map_or(Ruling::Skip, |text| Ruling::Become(vec![text]))
            }
            _ => {
                if let Some(options) = options.filter(|_| !s.is(0, "drop")) {
                    self.options.insert(database, options);
                }
                Ruling::Skip
            }
        })
    }

    /// A statement that gives the application's database the character set and collation of `s`.
    fn options_of(&self, s: &Statement<'_>, name: usize) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let mut option = |words: &[u8], at: usize| {
            let at = at + usize::from(s.is_sign(at, b'='));
            let value = String::from_utf8_lossy(&s.value(at)?).into_owned();
            let value = super::collations::nearest(self.server, &value).unwrap_or(value);
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if value.bytes().all(plain) {
                text.extend_from_slice(words);
                text.extend_from_slice(value.as_bytes());
            }
            Some(())
        };
        for at in name + 1..s.tokens.len() {
            match () {
                () if s.are(at, &["character", "set"]) => option(b" character set ", at + 2),
                () if s.is(at, "charset") => option(b" character set ", at + 1),
                () if s.is(at, "collate") => option(b" collate ", at + 1),
                () => None,
            };
        }
        let alter = [b"alter database ".as_slice(), &quoted(&self.user), &text].concat();
        (!text.is_empty()).then_some(alter)
    }

    fn is_filled(&self, database: &[u8]) -> bool {
        self.filled.as_deref() == Some(database)
    }

    /// Handles a statement that fills a database. Returns the statement that must precede it.
    pub(super) fn fill(&mut self, database: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let shown = String::from_utf8_lossy(database).into_owned();
        match &self.filled {
            Some(filled) if filled == database => Ok(None),
            Some(filled) => Err(several(&String::from_utf8_lossy(filled), &shown)),
            None => {
                self.filled = Some(database.to_vec());
                let named = self.named || database != self.current;
                if named && database != self.user {
                    self.report.lock().databases.insert(shown);
                }
                Ok(self.options.get(database).cloned())
            }
        }
    }

    pub(super) fn note_own(&self, database: &[u8]) {
        let shown = String::from_utf8_lossy(database).into_owned();
        self.note(format!("database {shown}: a system database, left out"));
    }

    /// Renames the database in qualified names to the one it has here.
    pub(super) fn qualifiers(&self, s: &Statement<'_>, edits: &mut Edits) {
        let Some(filled) = self.filled.as_ref().filter(|name| **name != self.user) else {
            return;
        };
        let mut asks = false;
        for at in 1..s.tokens.len() {
            asks |= s.is_any(at, &["select", "join", "begin"]);
            let names = |at: usize| s.is_sign(at, b'.') && s.exact(at + 1).is_some();
            if !names(at + 1) || s.is_sign(at - 1, b'.') || s.exact(at).as_ref() != Some(filled) {
                continue;
            }
            // In other statements, two names are a table and a column.
            let table = s.is_any(at - 1, &BEFORE) && !(asks && s.is(at - 1, "on"));
            let listed = s.is_any(0, &["lock", "drop", "rename"]);
            if table || listed || names(at + 3) || at == 1 {
                edits.put(s.start(at)..s.end(at), quoted(&self.user));
            }
        }
    }
}
