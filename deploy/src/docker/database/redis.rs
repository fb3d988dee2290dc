//! Redis and Valkey.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::{
    kind::{Handshake, Kind, Passwords, PortState, Seeding, unfit},
    run::{Answer, Run},
};
use crate::{
    content::Content,
    databases::{DatabaseError, Seed, SeedFile},
    docker::image_facts::ImageFacts,
};

/// The data directory of both.
const DATA_DIRECTORY: &str = "/data";

/// Share of its memory for data, in percent; the rest is for copies of pages while it rewrites its
/// log.
const DATA_PERCENT: u64 = 70;

pub(super) struct Redis {
    /// The prefix of its programs' names.
    pub(super) program: &'static str,
}

/// The format of a dump, by its first nine bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    number: u32,
    /// Whether it is Valkey's own format, used since Valkey 9.
    is_valkeys: bool,
}

impl Format {
    fn of(dump: &[u8]) -> Option<Self> {
        let head = std::str::from_utf8(dump.get(..9)?).ok()?;
        let (number, is_valkeys) = match head.strip_prefix("REDIS") {
            Some(number) => (number, false),
            None => (head.strip_prefix("VALKEY")?, true),
        };
        let number = number.parse().ok()?;
        Some(Self { number, is_valkeys })
    }
}

impl Redis {
    /// The steps once the server has read a dump.
    fn loading(&self, file: &SeedFile, passwords: &Passwords<'_>) -> Vec<Seeding> {
        vec![
            Seeding::Run {
                path: file.path.clone(),
                run: self.cli(passwords, &["config", "set", "appendonly", "yes"]),
            },
            Seeding::Until {
                path: file.path.clone(),
                run: self.cli(passwords, &["info", "persistence"]),
                right: has_its_log,
            },
        ]
    }

    fn cli(&self, passwords: &Passwords<'_>, words: &[&str]) -> Run {
        let program = format!("{}-cli", self.program);
        let words: Vec<&str> = std::iter::once(program.as_str())
            .chain(words.iter().copied())
            .collect();
        Run::new(&words).with("REDISCLI_AUTH", passwords.user.expose_secret())
    }
}

impl Kind for Redis {
    fn port(&self) -> Option<u16> {
        Some(6379)
    }

    /// The query itself, since the protocol is simple enough without a client.
    fn handshake(&self, passwords: &Passwords<'_>) -> Option<Handshake> {
        let password = passwords.user.expose_secret();
        let ask = command(&["AUTH", password]) + &command(&["DBSIZE"]);
        Some(Handshake {
            say: ask.into_bytes(),
            hear,
        })
    }

    fn data_path(&self, _facts: &ImageFacts) -> String {
        DATA_DIRECTORY.to_owned()
    }

    fn env(&self, _passwords: &Passwords<'_>, _fresh: bool) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// The server logs every write before it answers, so that a copy contains it. The kernel
    /// decides when to flush the log.
    fn command(&self, memory_bytes: u64, passwords: &Passwords<'_>) -> Option<Vec<String>> {
        let most = memory_bytes / 100 * DATA_PERCENT;
        let words = [
            &format!("{}-server", self.program),
            "--requirepass",
            passwords.user.expose_secret(),
            "--appendonly",
            "yes",
            "--appendfsync",
            "no",
            "--save",
            "",
            "--maxmemory",
            &most.to_string(),
        ];
        Some(words.iter().map(|&word| word.to_owned()).collect())
    }

    fn user(&self) -> Option<&'static str> {
        None
    }

    fn ready(&self, passwords: &Passwords<'_>) -> Vec<Run> {
        vec![self.cli(passwords, &["dbsize"])]
    }

    /// While it loads its data it answers with an error, and its client treats that as a normal
    /// answer.
    fn is_ready(&self, answer: &Answer) -> bool {
        let said = answer.output.trim();
        answer.succeeded() && !said.is_empty() && said.bytes().all(|b| b.is_ascii_digit())
    }

    fn placed<'a>(&self, seed: &'a Seed) -> Option<(&'static str, &'a Content)> {
        match seed {
            Seed::Rdb(file) => Some(("dump.rdb", &file.content)),
            _ => None,
        }
    }

    /// With its log enabled, a server without a log file starts empty and ignores a dump.
    fn seed_run_command(
        &self,
        seed: &Seed,
        _memory_bytes: u64,
        mut command: Vec<String>,
    ) -> Vec<String> {
        let log = command.iter().position(|word| word == "--appendonly");
        if let (Seed::Rdb(_), Some(at)) = (seed, log) {
            "no".clone_into(&mut command[at + 1]);
        }
        command
    }

    fn seed(&self, seed: &Seed, passwords: &Passwords<'_>) -> Result<Vec<Seeding>, DatabaseError> {
        match seed {
            Seed::Rdb(file) => Ok(self.loading(file, passwords)),
            Seed::Empty | Seed::Run { .. } | Seed::Snapshot(_) => Ok(Vec::new()),
            _ => Err(unfit(seed, "redis and valkey take .rdb")),
        }
    }

    fn complaint(&self, answer: &Answer) -> (Option<u32>, String) {
        (None, answer.last_error())
    }

    fn misfit<'a>(&self, output: &'a [String]) -> Option<&'a str> {
        let words = ["handle RDB format version", "Wrong signature"];
        let line = |line: &&String| words.iter().any(|word| line.contains(word));
        output.iter().find(line).map(String::as_str)
    }

    fn suits(&self, seed: &Seed, head: &[u8]) -> Result<(), DatabaseError> {
        let format = Format::of(head);
        let format = format.ok_or_else(|| unfit(seed, "it is not a dump of Redis or Valkey"))?;
        if format.is_valkeys && self.program != "valkey" {
            let why = "Valkey wrote it in a format that Redis cannot read; use the engine valkey";
            return Err(unfit(seed, why));
        }
        Ok(())
    }

    fn unread(&self, seed: &Seed, head: &[u8], error: DatabaseError) -> DatabaseError {
        let DatabaseError::Version { image, .. } = &error else {
            return error;
        };
        let Some(Format { number, is_valkeys }) = Format::of(head) else {
            return error;
        };
        let whose = if is_valkeys { "Valkey's" } else { "Redis's" };
        let why = format!(
            "it has version {number} of {whose} format, and {image} cannot read that; use an \
             engine at least as new as the server that wrote it"
        );
        unfit(seed, &why)
    }

    fn client(&self, passwords: &Passwords<'_>) -> Option<Run> {
        Some(self.cli(passwords, &[]))
    }
}

/// Encodes a command so that its words may contain any bytes ("Redis serialization protocol
/// specification").
fn command(words: &[&str]) -> String {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    command
}

/// Interprets the answers to a password and a query. While it loads its data, it accepts the
/// password and refuses the query.
fn hear(answer: &[u8]) -> PortState {
    let answer = String::from_utf8_lossy(answer);
    let mut lines = answer.split_inclusive("\r\n");
    match (lines.next(), lines.next()) {
        (Some("+OK\r\n"), Some(count)) if is_count(count) => PortState::Answered,
        (Some("+OK\r\n"), Some(error)) if error.starts_with("-LOADING") => PortState::NotYet,
        (Some(error), _) if error.starts_with("-LOADING") => PortState::NotYet,
        (Some("+OK\r\n"), None) => PortState::NotYet,
        // Its client reports the problem.
        _ => PortState::Open,
    }
}

fn is_count(line: &str) -> bool {
    let number = line
        .strip_prefix(':')
        .and_then(|line| line.strip_suffix("\r\n"));
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}

/// Whether the log is completely written.
fn has_its_log(answer: &Answer) -> bool {
    let says = |word: &str| answer.output.lines().any(|line| line.trim() == word);
    says("aof_enabled:1") && says("aof_rewrite_in_progress:0") && says("aof_rewrite_scheduled:0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_keys_is_an_answer_and_everything_else_is_none() {
        assert_eq!(hear(b"+OK\r\n:12\r\n"), PortState::Answered);
        assert_eq!(hear(b"+OK\r\n"), PortState::NotYet);
        let loading = b"+OK\r\n-LOADING Redis is loading the dataset in memory\r\n";
        assert_eq!(hear(loading), PortState::NotYet);
        assert_eq!(hear(b"+OK\r\n:1"), PortState::Open);
        let wrong = b"-WRONGPASS invalid password\r\n-NOAUTH Authentication required.\r\n";
        assert_eq!(hear(wrong), PortState::Open);
        assert_eq!(hear(b"HTTP/1.1 400 Bad Request\r\n"), PortState::Open);
    }

    #[test]
    fn the_first_bytes_of_a_dump_tell_its_format() {
        let of = |dump: &[u8]| Format::of(dump).map(|it| (it.number, it.is_valkeys));
        assert_eq!(of(b"REDIS0012\xfa"), Some((12, false)));
        assert_eq!(of(b"VALKEY080\xfa"), Some((80, true)));
        assert_eq!(of(b"REDIS00"), None);
        assert_eq!(of(b"select 1;"), None);
    }

    #[test]
    fn a_password_may_hold_what_a_line_may_not() {
        assert_eq!(
            command(&["AUTH", "a\r\nb"]),
            "*2\r\n$4\r\nAUTH\r\n$4\r\na\r\nb\r\n"
        );
    }
}
