//! Redis and Valkey.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::{
    exec::{Answer, Run},
    kind::{Kind, Knock, Passwords, Seeding, unfit},
};
use crate::{
    databases::{DatabaseError, Seed},
    docker::images::ImageFacts,
};

/// Where both keep their data.
const DATA_DIRECTORY: &str = "/data";

/// The part of its memory that data may have, in percent; the rest is for copies of pages while it
/// writes its log anew.
const DATA_PERCENT: u64 = 70;

pub(super) struct Redis {
    /// The prefix of its programs' names.
    pub(super) program: &'static str,
}

impl Redis {
    fn ask(&self, passwords: &Passwords<'_>, words: &[&str]) -> Run {
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

    fn knock(&self) -> Option<Knock> {
        Some(Knock {
            say: b"PING\r\n".to_vec(),
            lets_in: |answer| !answer.starts_with(b"-LOADING"),
        })
    }

    fn data_path(&self, _facts: &ImageFacts) -> String {
        DATA_DIRECTORY.to_owned()
    }

    fn env(&self, _passwords: &Passwords<'_>, _fresh: bool) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Every write is in the log before it is answered, so that a copy holds it; the kernel decides
    /// when the log is flushed.
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
        vec![self.ask(passwords, &["dbsize"])]
    }

    /// While it reads its data it answers with an error, and its client still counts that as an
    /// answer.
    fn is_ready(&self, answer: &Answer) -> bool {
        let said = answer.output.trim();
        answer.succeeded() && !said.is_empty() && said.bytes().all(|b| b.is_ascii_digit())
    }

    fn placed(&self, seed: &Seed) -> Vec<(&'static str, bytes::Bytes)> {
        match seed {
            Seed::Rdb(file) => vec![("dump.rdb", file.content.clone())],
            _ => Vec::new(),
        }
    }

    /// A server that finds no log begins empty and does not look at a dump.
    fn making_command(&self, seed: &Seed, mut command: Vec<String>) -> Vec<String> {
        let log = command.iter().position(|word| word == "--appendonly");
        if let (Seed::Rdb(_), Some(at)) = (seed, log) {
            "no".clone_into(&mut command[at + 1]);
        }
        command
    }

    fn seed(&self, seed: &Seed, passwords: &Passwords<'_>) -> Result<Vec<Seeding>, DatabaseError> {
        match seed {
            Seed::Rdb(file) if !file.content.starts_with(b"REDIS") => {
                Err(unfit(seed, "it is no dump of Redis"))
            }
            Seed::Rdb(file) => Ok(vec![
                Seeding::Run {
                    path: file.path.clone(),
                    run: self.ask(passwords, &["config", "set", "appendonly", "yes"]),
                },
                Seeding::Until {
                    path: file.path.clone(),
                    run: self.ask(passwords, &["info", "persistence"]),
                    right: has_its_log,
                },
            ]),
            Seed::Empty | Seed::Run { .. } | Seed::Snapshot(_) => Ok(Vec::new()),
            _ => Err(unfit(seed, "redis and valkey take .rdb")),
        }
    }

    fn complaint(&self, answer: &Answer) -> (Option<u32>, String) {
        (None, answer.last_error())
    }

    fn misfit<'a>(&self, output: &'a [String]) -> Option<&'a str> {
        let line = |line: &&String| line.contains("handle RDB format version");
        output.iter().find(line).map(String::as_str)
    }

    fn client(&self, passwords: &Passwords<'_>) -> Option<Run> {
        Some(self.ask(passwords, &[]))
    }
}

/// Whether the log has been written and nothing of it is outstanding.
fn has_its_log(answer: &Answer) -> bool {
    let says = |word: &str| answer.output.lines().any(|line| line.trim() == word);
    says("aof_enabled:1") && says("aof_rewrite_in_progress:0") && says("aof_rewrite_scheduled:0")
}
