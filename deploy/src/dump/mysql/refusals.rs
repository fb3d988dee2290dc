//! Statements that are refused: a seed may only access its database.

use crate::dump::tokens::Statement;

/// Client commands, each at the beginning of a statement or of its only line.
pub(super) const COMMANDS: [&str; 21] = [
    "charset",
    "clear",
    "connect",
    "edit",
    "ego",
    "exit",
    "go",
    "nopager",
    "notee",
    "nowarning",
    "pager",
    "print",
    "prompt",
    "quit",
    "rehash",
    "resetconnection",
    "source",
    "status",
    "system",
    "tee",
    "warnings",
];

/// # Errors
/// The reason for refusing the statement, as a sentence.
pub(super) fn check(s: &Statement<'_>) -> Result<(), String> {
    let told = |why: &str| Err(why.to_owned());
    let into = || (1..s.tokens.len()).find(|&at| s.is(at, "into"));
    match () {
        () if s.is(0, "source") => told(
            "it reads another file (source); put the files into a folder and name that as the seed",
        ),
        () if s.is(0, "delimiter") => told("DELIMITER needs a line of its own, and a delimiter"),
        () if s.is_any(0, &COMMANDS) => Err(format!(
            "the client's command {} may not be used in a seed",
            String::from_utf8_lossy(s.raw(0))
        )),
        () if s.is(0, "load") && s.is_any(1, &["data", "xml"]) => {
            told("it reads a file (LOAD DATA), which is not allowed; put the rows into INSERTs")
        }
        () if s.is_any(0, &["select", "table", "values", "with"])
            && into().is_some_and(|at| s.is_any(at + 1, &["outfile", "dumpfile"])) =>
        {
            told("it writes a file (INTO OUTFILE), which is not allowed in a seed")
        }
        () if s.is_any(0, &["install", "uninstall"])
            || s.is(0, "create") && s.find(1, &["soname"]).is_some() =>
        {
            told("it installs a plugin, which is not allowed; use an image that has it")
        }
        () => Ok(()),
    }
}

/// The reason for refusing a backslash command; `after` is the byte that follows.
pub(super) fn backslash(after: u8) -> String {
    match after {
        b'.' => {
            "it reads another file (\\.); put the files into a folder and name that as the seed"
                .to_owned()
        }
        after => format!(
            "the client's command \\{} may not be used in a seed",
            char::from(after).escape_default()
        ),
    }
}
