//! Psql commands in a script: a backslash, a word, and the rest of the line.

use super::Rules;
use crate::dump::tokens::Statement;

/// The decision about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dump) enum Command {
    /// Keep it unchanged.
    Keep,
    /// Keep it; the lines after it are rows.
    Rows,
    /// Replace it with this.
    Become(Vec<u8>),
    /// Leave it out.
    Skip,
    /// Read nothing more of this file.
    Quit,
    /// Replace it with another script.
    Include {
        /// The path as written.
        path: String,
        /// Whether the path is relative to the script that names it.
        beside: bool,
    },
    /// Replace it with a statement that reads rows, and then the rows of this file.
    RowsOf {
        /// The statement.
        statement: Vec<u8>,
        /// The path as written.
        path: String,
    },
}

/// Commands that only change the output or the control flow, including prompts and conditions.
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
/// Commands that only print.
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
    /// Decides about a command: `line` is the rest of its line, without the backslash.
    ///
    /// # Errors
    /// The reason for refusing it, as a sentence.
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
                        format!("\\{word} does not name a file literally; write its path")
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
                "psql's \\{word} may not be used in a seed, which may only access its database"
            )),
        }
    }

    /// Decides about two commands on one line.
    fn commands(&mut self, first: &[u8], second: &[u8]) -> Result<Command, String> {
        let apart = "put the text after a psql command on a line of its own";
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
            .ok_or("\\connect does not name a database literally; write its name")?;
        Ok(Command::Become(self.connecting(&name)))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether psql would use the text unchanged.
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

/// Handles `\copy`, which reads a file of the client.
fn copy(rest: &[u8]) -> Result<Command, String> {
    let s = Statement::new(rest);
    let at = s.find(0, &["from", "to"]);
    if at.is_some_and(|at| s.is(at, "to") && s.is_any(at + 1, &["stdout", "pstdout"])) {
        return Ok(Command::Skip);
    }
    let from = at.filter(|&at| s.is(at, "from"));
    let from = from.ok_or("\\copy writes a file, which is not allowed in a seed")?;
    if s.is(from + 1, "stdin") {
        return Ok(Command::Rows);
    }
    if s.is(from + 1, "pstdin") {
        return Err(
            "\\copy reads psql's own input (pstdin); write stdin to read the lines that \
             follow"
                .to_owned(),
        );
    }
    if s.is(from + 1, "program") || rest.contains(&b'`') {
        return Err(
            "\\copy runs a program, which is not allowed; put the rows into a file".to_owned(),
        );
    }
    if s.find(from + 2, &["binary"]).is_some() {
        return Err(
            "\\copy reads binary rows, which a script cannot contain; use text or csv".to_owned(),
        );
    }
    let (path, after) = argument(&rest[s.start(from + 1)..])
        .filter(|(path, _)| is_plain(path))
        .ok_or("\\copy does not name a file literally; write its path")?;
    let head = &rest[..s.start(from + 1)];
    let tail = after.trim_ascii_end();
    let tail = tail.strip_suffix(b";").unwrap_or(tail);
    Ok(Command::RowsOf {
        // On a line of its own, since a comment may come before it.
        statement: [b"copy".as_slice(), head, b"stdin", tail, b"\n;"].concat(),
        path: text(&path),
    })
}

/// The position of another command on the same line.
fn next_command(rest: &[u8]) -> Option<usize> {
    unquoted(rest, b'\\')
}

/// Whether one of the commands of a line sends the preceding text to the server.
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

/// The first position of a byte outside of quotes.
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

/// The first argument of a command, and the rest of the line ("psql: Meta-Commands"). Removes
/// quotes of both kinds, and semicolons at the end.
fn argument(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let rest = rest.trim_ascii_start();
    let (mut value, mut at, mut quote) = (Vec::new(), 0, None);
    // A lower bound for its length within quotes.
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

/// The database in the argument of `\connect`: a name, `key=value` pairs, or a URI.
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
