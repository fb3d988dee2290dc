//! Lists of names in a statement.

use crate::dump::tokens::Statement;

/// Keywords that stand for roles.
const ROLE_KEYWORDS: [&[u8]; 5] = [
    b"public",
    b"current_user",
    b"current_role",
    b"session_user",
    b"none",
];

/// The names from `at` on, separated by commas, and the position after the list.
pub(super) fn list(s: &Statement<'_>, mut at: usize) -> (Vec<Vec<u8>>, usize) {
    let mut names = Vec::new();
    loop {
        if s.is(at, "group") {
            at += 1;
        }
        let Some(name) = s.name(at) else {
            return (names, at);
        };
        names.push(name);
        at += 1;
        if !s.is_sign(at, b',') {
            return (names, at);
        }
        at += 1;
    }
}

/// Whether a name is a role of every server, or a keyword for a role.
pub(super) fn is_given(name: &[u8]) -> bool {
    ROLE_KEYWORDS.contains(&name) || name.starts_with(b"pg_")
}
