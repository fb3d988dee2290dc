//! `SET` statements for the session and the whole server.

use std::ops::Range;

use super::{Rules, Ruling, Server, edits::Edits};
use crate::dump::tokens::{Statement, literal};

/// Settings of the replication log, which only an administrator may change.
const LOG: [&str; 2] = ["sql_log_bin", "gtid_purged"];
/// Settings that only an administrator of MySQL may change, and that MariaDB does not know.
const KEYS: [&str; 2] = [
    "sql_require_primary_key",
    "sql_generate_invisible_primary_key",
];
const NO_BACKSLASHES: &[u8] = b"NO_BACKSLASH_ESCAPES";
/// A mode in dumps of older servers that MySQL rejects since 8.0.11.
const GONE_MODE: &str = "NO_AUTO_CREATE_USER";

impl Rules {
    /// Handles a `SET` with one or more assignments, some of which may be left out.
    pub(super) fn set(&mut self, s: &Statement<'_>) -> Ruling {
        let parts = parts(s);
        let kept: Vec<_> = parts
            .iter()
            .filter(|part| !self.leaves_out(s, part))
            .collect();
        let mut edits = Edits::default();
        for part in &kept {
            self.mode(s, part, &mut edits);
        }
        if kept.is_empty() {
            return Ruling::Skip;
        }
        if kept.len() < parts.len() {
            let raw = |part: &&Range<usize>| &s.text[s.start(part.start)..s.end(part.end - 1)];
            let list: Vec<_> = kept.iter().map(raw).collect();
            let text = [
                &s.text[..s.start(1)],
                &list.join(&b", "[..]),
                &s.text[s.end(s.tokens.len() - 1)..],
            ];
            return Ruling::Become(vec![text.concat()]);
        }
        self.collations(s, &mut edits);
        match edits.is_empty() {
            true => Ruling::Keep,
            false => Ruling::Become(vec![edits.apply(s.text)]),
        }
    }

    fn leaves_out(&self, s: &Statement<'_>, part: &Range<usize>) -> bool {
        let scope = part.start + 2 * usize::from(s.is_sign(part.start, b'@'));
        let global = s.is_any(scope, &["global", "persist", "persist_only"])
            && (scope == part.start || s.is_sign(scope + 1, b'.'));
        let named = |names: &[&str]| part.clone().find(|&at| s.is_any(at, names));
        let named = match is_own(s, part) {
            // A variable of the script may be assigned any setting.
            true => named(&KEYS).filter(|_| self.server == Server::Mariadb),
            false => named(&LOG).or_else(|| named(&KEYS)),
        };
        let left_out = global || named.is_some();
        if left_out {
            let name = named.or_else(|| setting(s, part).map(|(name, _)| name));
            let name = name.and_then(|at| s.exact(at)).unwrap_or_default();
            let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
            self.note(format!("setting {name}: left out"));
        }
        left_out
    }

    /// Reads the SQL mode of the statements that follow.
    fn mode(&mut self, s: &Statement<'_>, part: &Range<usize>, edits: &mut Edits) {
        let mode = setting(s, part).filter(|&(name, _)| s.is(name, "sql_mode"));
        let Some((_, at)) = mode.filter(|_| !is_own(s, part)) else {
            return;
        };
        let value = s.value(at).unwrap_or_default().to_ascii_uppercase();
        let mut modes = value.windows(NO_BACKSLASHES.len());
        self.backslashes = !modes.any(|window| window == NO_BACKSLASHES);
        let value = String::from_utf8_lossy(&value).into_owned();
        if self.server == Server::Mysql && value.contains(GONE_MODE) {
            let kept: Vec<_> = value.split(',').filter(|mode| *mode != GONE_MODE).collect();
            let kept = literal(kept.join(",").as_bytes());
            edits.put(s.start(at)..s.end(at), kept);
        }
    }
}

/// The tokens of each assignment.
fn parts(s: &Statement<'_>) -> Vec<Range<usize>> {
    let (mut parts, mut from) = (Vec::new(), 1);
    for at in 1..=s.tokens.len() {
        let depth = s.tokens.get(at).map_or(0, |token| token.depth);
        if at == s.tokens.len() || depth == 0 && s.is_sign(at, b',') {
            if from < at {
                parts.push(from..at);
            }
            from = at + 1;
        }
    }
    parts
}

/// Whether the assignment sets a variable of the script.
fn is_own(s: &Statement<'_>, part: &Range<usize>) -> bool {
    s.is_sign(part.start, b'@') && !s.is_sign(part.start + 1, b'@')
}

/// The positions of a setting's name and value: before and after the equals sign.
fn setting(s: &Statement<'_>, part: &Range<usize>) -> Option<(usize, usize)> {
    let equals = part.clone().find(|&at| s.is_sign(at, b'='))?;
    let colon = usize::from(s.is_sign(equals.checked_sub(1)?, b':'));
    Some((equals.checked_sub(1 + colon)?, equals + 1))
}
