//! Grants, policies and schemas: kept, after creating the roles that they name.

use super::{Rules, Ruling, names};
use crate::dump::tokens::Statement;

impl Rules {
    pub(super) fn grant(&mut self, s: &Statement<'_>) -> Ruling {
        let Some(on) = s.find(1, &["on"]) else {
            return self.membership(s);
        };
        if s.is_any(on + 1, &["database", "tablespace"]) {
            return self.skip("a grant on a database or tablespace");
        }
        let names = grantees(s, on);
        self.with_roles(s, names)
    }

    pub(super) fn default_privileges(&mut self, s: &Statement<'_>) -> Ruling {
        let mut names = match s.is(3, "for") && s.is_any(4, &["role", "user"]) {
            true => names::list(s, 5).0,
            false => Vec::new(),
        };
        if let Some(on) = s.find(3, &["on"]) {
            names.extend(grantees(s, on));
        }
        self.with_roles(s, names)
    }

    pub(super) fn policy(&mut self, s: &Statement<'_>) -> Ruling {
        let end = s.find(3, &["using", "with"]).unwrap_or(s.tokens.len());
        let to = s.find(3, &["to"]).filter(|&at| at < end);
        let names = to.map_or_else(Vec::new, |at| names::list(s, at + 1).0);
        self.with_roles(s, names)
    }

    /// A new server already has the schema `public`.
    pub(super) fn schema(&mut self, s: &Statement<'_>) -> Ruling {
        if s.name(2).is_some_and(|name| name == b"public") {
            return Ruling::Become(s.replaced(2..2, b"if not exists "));
        }
        let owner = s.find(2, &["authorization"]).and_then(|at| s.name(at + 1));
        self.with_roles(s, owner)
    }
}

/// The roles that a statement grants something to, or revokes it from.
fn grantees(s: &Statement<'_>, on: usize) -> Vec<Vec<u8>> {
    let word = match s.find(0, &["revoke"]) {
        Some(_) => "from",
        None => "to",
    };
    s.find(on, &[word])
        .map_or_else(Vec::new, |at| names::list(s, at + 1).0)
}
