//! `SET` statements for the session.

use super::{Rules, Ruling};
use crate::dump::tokens::{Statement, literal};

/// Settings that `pg_dump` writes and that older servers do not know.
const NEWER: [&str; 5] = [
    "transaction_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "default_table_access_method",
    "default_toast_compression",
];
/// The values that `pg_dump` writes.
const WRITTEN: [&[u8]; 4] = [b"0", b"off", b"heap", b"pglz"];

impl Rules {
    pub(super) fn set(&mut self, s: &Statement<'_>) -> Ruling {
        let name = 1 + usize::from(s.is_any(1, &["session", "local"]));
        if s.is(name, "authorization") || s.is(name, "role") {
            return match s.is_any(name + 1, &["default", "none"]) {
                true => Ruling::Keep,
                false => self.skip("a change of the acting role"),
            };
        }
        let value = name + 2;
        if !s.is_sign(name + 1, b'=') && !s.is(name + 1, "to") {
            return Ruling::Keep;
        }
        let text = s.value(value).unwrap_or_default();
        if s.is(name, "default_tablespace") && !text.is_empty() && text != b"default" {
            return self.skip("a tablespace");
        }
        if s.is(name, "standard_conforming_strings") {
            return Ruling::Backslashes(matches!(&*text, b"off" | b"false" | b"no" | b"0"));
        }
        let newer = NEWER.into_iter().find(|newer| s.is(name, newer));
        let Some(newer) = newer.filter(|_| name == 1 && WRITTEN.contains(&&*text)) else {
            return Ruling::Keep;
        };
        // Only set if the server knows it.
        let setting = [
            b"select pg_catalog.set_config(name, ".as_slice(),
            &literal(&text),
            b", false) from pg_catalog.pg_settings where name = ",
            &literal(newer.as_bytes()),
            b";",
        ];
        Ruling::Become(setting.concat())
    }
}
