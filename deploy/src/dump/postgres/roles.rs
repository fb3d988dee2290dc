//! Roles: created where a script names them, without login, password or administrator rights.

use super::{Rules, Ruling, names};
use crate::dump::tokens::{Statement, literal, quoted};

/// Options of a role that give no rights over the server.
const KEPT: [&str; 8] = [
    "inherit",
    "noinherit",
    "createdb",
    "nocreatedb",
    "createrole",
    "nocreaterole",
    "bypassrls",
    "nobypassrls",
];

/// The options of a role in a script.
#[derive(Debug, Default)]
struct Options {
    kept: Vec<&'static str>,
    /// Roles that it becomes a member of.
    groups: Vec<Vec<u8>>,
    /// Roles that become members of it.
    members: Vec<Vec<u8>>,
    /// Whether it has a password.
    password: bool,
}

impl Rules {
    /// Text that creates the missing roles. It fits before a statement, on the same line.
    pub(super) fn making(&mut self, names: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
        let mut text = Vec::new();
        for name in names {
            if names::is_given(&name) || name == self.user {
                continue;
            }
            // Repeated each time: the transaction or branch that created a role may be rolled back
            // or skipped.
            if self.roles.insert(name.clone()) {
                let shown = String::from_utf8_lossy(&name).into_owned();
                self.note(format!("role {shown}: created without login"));
            }
            let make = [b"create role ".as_slice(), &quoted(&name), b" nologin"].concat();
            text.extend_from_slice(&unless(&make, b"pg_roles where rolname", &name));
        }
        text
    }

    /// The statement, preceded by the creation of the roles that it names.
    pub(super) fn with_roles(
        &mut self,
        s: &Statement<'_>,
        names: impl IntoIterator<Item = Vec<u8>>,
    ) -> Ruling {
        let mut making = self.making(names);
        if making.is_empty() {
            return Ruling::Keep;
        }
        making.extend_from_slice(s.text);
        Ruling::Become(making)
    }

    pub(super) fn create_role(&mut self, s: &Statement<'_>) -> Ruling {
        let Some(name) = s.name(2) else {
            return Ruling::Keep;
        };
        let options = options(s, 3);
        self.set_role(&name, &options)
    }

    /// Handles `alter role`, which sets options or a setting, renames, or (`alter group`) adds
    /// members.
    pub(super) fn alter_role(&mut self, s: &Statement<'_>) -> Ruling {
        let Some(name) = s.name(2) else {
            return Ruling::Keep;
        };
        if name == self.user || s.is_any(2, &["current_user", "current_role", "session_user"]) {
            return self.skip("a change of the application's own user");
        }
        if s.find(3, &["database"])
            .is_some_and(|at| !self.knows_database(s, at + 1))
        {
            return self.skip("a role's setting in another database");
        }
        if s.find(3, &["set", "reset", "rename", "add", "drop"])
            .is_some()
        {
            let all = (name != b"all").then_some(name);
            return self.with_roles(s, all);
        }
        let options = options(s, 3);
        self.set_role(&name, &options)
    }

    fn set_role(&mut self, name: &[u8], options: &Options) -> Ruling {
        if name == self.user {
            return self.skip("a change of the application's own user");
        }
        if options.password {
            let shown = String::from_utf8_lossy(name).into_owned();
            self.report.lock().passwords.insert(shown);
        }
        let all = [name.to_vec()].into_iter();
        let all = all
            .chain(options.groups.clone())
            .chain(options.members.clone());
        let mut text = self.making(all);
        if !options.kept.is_empty() {
            text.extend_from_slice(b"alter role ");
            text.extend_from_slice(&quoted(name));
            for word in &options.kept {
                text.push(b' ');
                text.extend_from_slice(word.as_bytes());
            }
            text.extend_from_slice(b"; ");
        }
        let grants = options.groups.iter().map(|group| (group.as_slice(), name));
        let members = options
            .members
            .iter()
            .map(|member| (name, member.as_slice()));
        for (role, to) in grants.chain(members).filter(|(_, to)| *to != self.user) {
            text.extend_from_slice(
                &[b"grant ", &*quoted(role), b" to ", &quoted(to), b"; "].concat(),
            );
        }
        Ruling::Become(text)
    }

    /// Handles `grant role to role`, and removes options that only newer servers know.
    pub(super) fn membership(&mut self, s: &Statement<'_>) -> Ruling {
        let from = 1 + 3 * usize::from(s.are(2, &["option", "for"]));
        let (groups, at) = names::list(s, from);
        let (members, end) = names::list(s, at + 1);
        if members.contains(&self.user) {
            return self.skip("a role of the application's own user");
        }
        let mut text = self.making(groups.into_iter().chain(members));
        let cut = s.find(end, &["with", "granted"]).map(|at| s.start(at));
        text.extend_from_slice(&s.text[..cut.unwrap_or(s.text.len())]);
        if cut.is_some() {
            text.push(b';');
        }
        Ruling::Become(text)
    }
}

/// A statement that only runs if the name does not exist yet. It ends with text that allows another
/// statement on the same line.
pub(super) fn unless(make: &[u8], there: &[u8], name: &[u8]) -> Vec<u8> {
    [
        b"select ",
        &*literal(make),
        b" where not exists (select from pg_catalog.",
        there,
        b" = ",
        &literal(name),
        b") \\gexec \\\\ ",
    ]
    .concat()
}

fn options(s: &Statement<'_>, mut at: usize) -> Options {
    let mut options = Options::default();
    while at < s.tokens.len() {
        if let Some(word) = KEPT.into_iter().find(|word| s.is(at, word)) {
            options.kept.push(word);
            at += 1;
        } else if s.is(at, "in") && s.is_any(at + 1, &["role", "group"]) {
            let (names, end) = names::list(s, at + 2);
            options.groups.extend(names);
            at = end;
        } else if s.is_any(at, &["role", "user", "admin"]) {
            let (names, end) = names::list(s, at + 1);
            options.members.extend(names);
            at = end.max(at + 1);
        } else if s.is(at, "password") {
            options.password = !s.is(at + 1, "null");
            at += 2;
        } else {
            // A password is followed by a literal; other options are followed by literals and
            // numbers.
            at += 1;
        }
    }
    options
}
