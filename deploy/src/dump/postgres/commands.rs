//! Commands of psql in a script: a backslash, a word, and the rest of the line.

use super::Rules;
use crate::dump::tokens::Statement;

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dump) enum Command {
    /// It stays as it is.
    Keep,
    /// It stays, and the lines after it are rows.
    Rows,
    /// This stands in its place.
    Become(Vec<u8>),
    /// Nothing stands in its place.
    Skip,
    /// Nothing more of this file is read.
    Quit,
    /// Another script stands in its place.
    Include {
        /// As it is written.
        path: String,
        /// Whether it is looked for beside the script that names it.
        beside: bool,
    },
    /// A statement that reads rows stands in its place, and then the rows of this file.
    RowsOf {
        /// The statement.
        statement: Vec<u8>,
        /// As it is written.
        path: String,
    },
}

/// Commands that change what is printed, or what is run, and nothing else. A script may also ask and
/// decide.
const HARMLESS: [&str; 26] = [
    "a",
    "bind",
    "crosstabview",
    "echo",
    "elif",
    "else",
    "encoding",
    "endif",
    "errverbose",
    "f",
    "g",
    "gdesc",
    "gexec",
    "gset",
    "gx",
    "if",
    "p",
    "pset",
    "qecho",
    "r",
    "reset",
    "set",
    "t",
    "timing",
    "unset",
    "warn",
];
/// Commands that print what nobody reads.
const IDLE: [&str; 14] = [
    "?",
    "H",
    "conninfo",
    "copyright",
    "h",
    "help",
    "html",
    "l",
    "l+",
    "list",
    "sf",
    "sv",
    "x",
    "z",
];

impl Rules {
    /// What becomes of a command: `line` is the rest of its line, without the backslash.
    ///
    /// # Errors
    /// Why it may not be run, in a sentence.
    pub(in crate::dump) fn command(&mut self, line: &[u8]) -> Result<Command, String> {
        let part = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\\';
        let length = line.iter().position(part).unwrap_or(line.len());
        let (word, rest) = line.split_at(length);
        if let Some(at) = next_command(rest) {
            return self.commands(&line[..length + at], &rest[at + 1..]);
        }
        let word = String::from_utf8_lossy(word).into_owned();
        match word.as_str() {
            "restrict" | "unrestrict" | "encoding" | "c" | "connect" => {}
            _ => self.pass(),
        }
        match word.as_str() {
            "restrict" | "unrestrict" => Ok(Command::Skip),
            "q" | "quit" => Ok(Command::Quit),
            "c" | "connect" => self.connect(rest),
            "i" | "include" | "ir" | "include_relative" => {
                let (path, _) = argument(rest)
                    .filter(|(path, _)| is_plain(path))
                    .ok_or_else(|| {
                        format!("\\{word} names no file as it stands there; write its path")
                    })?;
                let beside = word.ends_with('r') || word.ends_with("relative");
                Ok(Command::Include {
                    path: text(&path),
                    beside,
                })
            }
            "copy" => copy(rest),
            "o" | "out" if matches!(rest.trim_ascii(), b"" | b"/dev/null") => Ok(Command::Skip),
            word if word.starts_with('d') || IDLE.contains(&word) => Ok(Command::Skip),
            word if HARMLESS.contains(&word) => harmless(word, rest),
            word => Err(format!(
                "psql's \\{word} may not be used in a seed, which reaches nothing beside its database"
            )),
        }
    }

    /// Two commands on one line.
    fn commands(&mut self, first: &[u8], second: &[u8]) -> Result<Command, String> {
        let apart = "put what follows a command of psql on a line of its own";
        if second.starts_with(b"\\") {
            return Err(apart.to_owned());
        }
        match (self.command(first)?, self.command(second)?) {
            (Command::Keep, Command::Keep) => Ok(Command::Keep),
            (Command::Skip, Command::Skip) => Ok(Command::Skip),
            _ => Err(apart.to_owned()),
        }
    }

    fn connect(&mut self, rest: &[u8]) -> Result<Command, String> {
        let mut rest = rest;
        let name = loop {
            match argument(rest) {
                Some((option, after)) if option.starts_with(b"-reuse-previous=") => rest = after,
                Some((name, _)) => break name,
                None => return Ok(Command::Skip),
            }
        };
        if name == b"-" {
            self.note("a change of the acting user: left out".to_owned());
            return Ok(Command::Skip);
        }
        let name = database_of(&name)
            .ok_or("\\connect names no database as it stands there; write its name")?;
        Ok(Command::Become(self.connecting(&name)))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether psql would put nothing else in its place.
fn is_plain(path: &[u8]) -> bool {
    !path.is_empty() && !path.starts_with(b":") && !path.contains(&b'`')
}

fn harmless(word: &str, rest: &[u8]) -> Result<Command, String> {
    let printed = rest.trim_ascii_start();
    let sends = matches!(word, "g" | "gx") && !printed.is_empty() && !printed.starts_with(b"(");
    if unquoted(rest, b'`').is_some() || sends {
        return Err(format!(
            "psql's \\{word} may not run programs or write files in a seed"
        ));
    }
    Ok(Command::Keep)
}

/// `\copy`, which reads a file of the client.
fn copy(rest: &[u8]) -> Result<Command, String> {
    let s = Statement::new(rest);
    let at = s.find(0, &["from", "to"]);
    if at.is_some_and(|at| s.is(at, "to") && s.is_any(at + 1, &["stdout", "pstdout"])) {
        return Ok(Command::Skip);
    }
    let from = at.filter(|&at| s.is(at, "from"));
    let from = from.ok_or("\\copy writes a file, which a seed may not")?;
    if s.is(from + 1, "stdin") {
        return Ok(Command::Rows);
    }
    if s.is(from + 1, "pstdin") {
        return Err(
            "\\copy reads what psql is given beside the script (pstdin); write stdin for the \
                    lines that follow"
                .to_owned(),
        );
    }
    if s.is(from + 1, "program") || rest.contains(&b'`') {
        return Err(
            "\\copy runs a program, which a seed may not; put the rows into a file".to_owned(),
        );
    }
    if s.find(from + 2, &["binary"]).is_some() {
        return Err(
            "\\copy reads binary rows, which cannot stand in a script; use text or csv".to_owned(),
        );
    }
    let (path, after) = argument(&rest[s.start(from + 1)..])
        .filter(|(path, _)| is_plain(path))
        .ok_or("\\copy names no file as it stands there; write its path")?;
    let head = &rest[..s.start(from + 1)];
    let tail = after.trim_ascii_end();
    let tail = tail.strip_suffix(b";").unwrap_or(tail);
    Ok(Command::RowsOf {
        // On a line of its own, since a comment may come before it.
        statement: [b"copy".as_slice(), head, b"stdin", tail, b"\n;"].concat(),
        path: text(&path),
    })
}

/// Where another command begins on the same line.
fn next_command(rest: &[u8]) -> Option<usize> {
    unquoted(rest, b'\\')
}

/// Whether one of the commands of a line has the server run what came before it.
pub(in crate::dump) fn sends(line: &[u8]) -> bool {
    let mut line = line;
    loop {
        if line.starts_with(b"g") || line.starts_with(b"crosstabview") {
            return true;
        }
        match next_command(line) {
            Some(at) => line = &line[at + 1..],
            None => return false,
        }
    }
}

/// Where a byte stands outside of quotes.
fn unquoted(text: &[u8], wanted: u8) -> Option<usize> {
    let (mut quote, mut escaped) = (None, false);
    text.iter().position(|&byte| {
        match quote {
            _ if escaped => escaped = false,
            Some(b'\'') if byte == b'\\' => escaped = true,
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == wanted => return true,
            None if byte == b'\'' || byte == b'"' => quote = Some(byte),
            None => {}
        }
        false
    })
}

/// The first argument of a command and what follows it ("psql: Meta-Commands"): quotes of both kinds
/// are taken away, and semicolons at its end.
fn argument(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let rest = rest.trim_ascii_start();
    let (mut value, mut at, mut quote) = (Vec::new(), 0, None);
    // How much of it stands in quotes, at least.
    let mut kept = 0;
    while let Some(&byte) = rest.get(at) {
        match quote {
            Some(open) if byte == open && rest.get(at + 1) == Some(&open) => {
                value.push(byte);
                at += 1;
            }
            Some(open) if byte == open => {
                quote = None;
                kept = value.len();
            }
            Some(b'\'') if byte == b'\\' => {
                at += 1;
                value.extend(rest.get(at));
            }
            Some(_) => value.push(byte),
            None if byte == b'\'' || byte == b'"' => quote = Some(byte),
            None if byte.is_ascii_whitespace() || byte == b'\\' => break,
            None => value.push(byte),
        }
        at += 1;
    }
    while value.len() > kept && value.last() == Some(&b';') {
        value.pop();
    }
    (at > 0).then(|| (value, &rest[at..]))
}

/// The database in what `\connect` is given: a name, `key=value` pairs, or an address.
fn database_of(given: &[u8]) -> Option<Vec<u8>> {
    let address = [b"postgresql://".as_slice(), b"postgres://"];
    if let Some(rest) = address
        .iter()
        .find_map(|scheme| given.strip_prefix(*scheme))
    {
        let path = rest.split(|&byte| byte == b'/').nth(1)?;
        let name = path.split(|&byte| byte == b'?').next()?;
        return (!name.is_empty() && !name.contains(&b'%')).then(|| name.to_vec());
    }
    if !given.contains(&b'=') {
        return is_plain(given).then(|| given.to_vec());
    }
    let key = b"dbname=".as_slice();
    let at = given.windows(key.len()).position(|window| window == key)?;
    let (value, _) = argument(&given[at + key.len()..])?;
    (!value.is_empty()).then_some(value)
}
