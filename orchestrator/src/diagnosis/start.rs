//! A service does not come up: what was seen of it, and what that means.

use std::{collections::BTreeSet, net::SocketAddr};

use deploy::{
    blueprint::{Health, Service},
    engine::Probe,
    names::ServiceName,
};

use super::say::diagnosis;
use crate::lifecycle::Diagnosis;

/// What was last seen of a service that is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It was started.
    Started,
    /// An attempt to reach it ended so.
    Found(Probe),
    /// It accepted a connection this many seconds ago and has not answered.
    Waiting(u64),
    /// It ended.
    Ended(End),
}

/// How a service ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Its exit code.
    pub exit_code: i64,
    /// Whether the kernel killed it for memory.
    pub out_of_memory: bool,
    /// How often it has ended by now.
    pub times: u32,
}

/// A service that is not ready, with what is known of it.
#[derive(Clone, Debug)]
pub struct NotReady<'a> {
    /// The service.
    pub service: &'a Service,
    /// What was last seen.
    pub sight: Sight,
    /// Where its processes listen, where this host can see that.
    pub listens: Option<BTreeSet<SocketAddr>>,
}

/// The engine would not start the container.
pub fn start_refused(service: &ServiceName, why: &str) -> Diagnosis {
    let sentence = format!("{service} could not be started: {why}");
    let action = "Usually the command does not exist in the image: check `command` and the Dockerfile's CMD.";
    diagnosis("DF304", sentence, Vec::new(), action)
}

/// The container ended before it served. `others` are services that are not ready either.
pub fn exited(
    service: &Service,
    end: &End,
    others: &[NotReady<'_>],
    evidence: Vec<String>,
) -> Diagnosis {
    let name = &service.name;
    if end.out_of_memory {
        let mib = service.memory_bytes / (1024 * 1024);
        let sentence = format!("{name} was killed for memory: it may use {mib} MiB");
        let action = format!("Raise `memory` of [services.{name}] in dayfly.toml, or use less.");
        return diagnosis("DF303", sentence, evidence, action);
    }
    let (code, action) = match end.exit_code {
        126 | 127 => (
            "DF304",
            "A command was not found or may not be run. Check `command` and the Dockerfile's CMD; a script \
             needs its interpreter and its run bit.",
        ),
        0 => (
            "DF305",
            "The command has to stay in the foreground for as long as it serves.",
        ),
        _ => (
            "DF301",
            "Its last lines are shown; `dayfly logs` shows more.",
        ),
    };
    let action = missing_right(&evidence).unwrap_or(action);
    let sentence = format!("{name} {} before it served{}", ended(end), also(others));
    diagnosis(code, sentence, evidence, action)
}

/// The container runs but does not answer as it should, `seconds` after its start. `others` are
/// services that are not ready either.
pub fn not_ready(
    it: &NotReady<'_>,
    seconds: u64,
    others: &[NotReady<'_>],
    evidence: Vec<String>,
) -> Diagnosis {
    let name = &it.service.name;
    let sentence = format!(
        "{name} {}, {seconds} s after its start{}",
        it.words(),
        also(others)
    );
    let health = format!("name another path with `health` in [services.{name}]");
    let (code, action) = match &it.sight {
        Sight::Found(Probe::Status(_)) => ("DF306", format!("Fix what answers, or {health}.")),
        Sight::Found(Probe::Closed | Probe::NotHttp) => (
            "DF307",
            format!("Check that it speaks HTTP there, or set `port` in [services.{name}]."),
        ),
        Sight::Found(Probe::Silent) | Sight::Waiting(_) => (
            "DF308",
            format!(
                "Make `{}` answer sooner, or {health}. The server waits `limits.start_seconds_max`.",
                it.asked()
            ),
        ),
        Sight::Started | Sight::Ended(_) | Sight::Found(Probe::Refused | Probe::Ready) => {
            ("DF302", it.where_to_listen())
        }
    };
    let right = missing_right(&evidence).map(str::to_owned);
    diagnosis(code, sentence, evidence, right.unwrap_or(action))
}

impl NotReady<'_> {
    /// What is seen of it, to follow its name.
    pub fn words(&self) -> String {
        let port = self.service.port;
        match &self.sight {
            Sight::Started => "was just started".to_owned(),
            Sight::Ended(end) => ended(end),
            Sight::Waiting(seconds) => format!(
                "accepts connections on port {port} and has not answered `{}` for {seconds} s",
                self.asked()
            ),
            Sight::Found(Probe::Silent) => format!(
                "accepts connections on port {port} and does not answer `{}` in time",
                self.asked()
            ),
            Sight::Found(Probe::Closed) => {
                format!("closes every connection to port {port} without an answer")
            }
            Sight::Found(Probe::NotHttp) => {
                format!("answers on port {port} with something that is not HTTP")
            }
            Sight::Found(Probe::Status(status)) => {
                format!("answers `{}` with {status}", self.asked())
            }
            Sight::Found(Probe::Refused | Probe::Ready) => match self.listening() {
                Listening::Unseen => format!("does not accept connections on port {port}"),
                Listening::Nowhere => {
                    format!("listens on no port, and should on port {port}")
                }
                Listening::Inside => {
                    format!("listens on port {port} at 127.0.0.1, where only itself can connect")
                }
                Listening::Elsewhere(ports) => {
                    format!("listens on port {ports}, and should on port {port}")
                }
            },
        }
    }

    /// The request that has to be answered.
    fn asked(&self) -> String {
        match &self.service.health {
            Health::Path(path) => format!("GET {path}"),
            _ => "GET /".to_owned(),
        }
    }

    fn where_to_listen(&self) -> String {
        let name = &self.service.name;
        match self.listening() {
            Listening::Inside => "Listen on 0.0.0.0 instead of 127.0.0.1.".to_owned(),
            Listening::Elsewhere(ports) => {
                format!("Set `port = {ports}` in [services.{name}], or listen on $PORT.")
            }
            Listening::Unseen | Listening::Nowhere => format!(
                "Listen on 0.0.0.0 (not 127.0.0.1) and on $PORT, or set `port` in [services.{name}]."
            ),
        }
    }

    fn listening(&self) -> Listening {
        let Some(all) = &self.listens else {
            return Listening::Unseen;
        };
        let here = |at: &&SocketAddr| at.port() == self.service.port;
        if all.iter().any(|at| here(&at) && at.ip().is_loopback()) {
            return Listening::Inside;
        }
        let open = all.iter().filter(|at| !at.ip().is_loopback());
        let open: BTreeSet<u16> = open.map(SocketAddr::port).collect();
        let all: BTreeSet<u16> = all.iter().map(SocketAddr::port).collect();
        match (open.first(), all.first()) {
            // It came to listen since the attempt.
            _ if open.contains(&self.service.port) => Listening::Unseen,
            (Some(port), _) | (None, Some(port)) => Listening::Elsewhere(*port),
            (None, None) => Listening::Nowhere,
        }
    }
}

/// Where a service listens that accepts no connection.
enum Listening {
    Unseen,
    Nowhere,
    /// On its port, at its own loopback.
    Inside,
    /// On another port.
    Elsewhere(u16),
}

fn ended(end: &End) -> String {
    let times = match end.times {
        0 | 1 => String::new(),
        times => format!(" {times} times"),
    };
    match (end.exit_code, end.out_of_memory) {
        (_, true) => format!("was killed for memory{times}"),
        (0, false) => format!("ended by itself with 0{times}"),
        (code, false) => format!("ended with {code}{times}"),
    }
}

fn also(others: &[NotReady<'_>]) -> String {
    let others = others.iter();
    others
        .map(|other| format!("; {} {}", other.service.name, other.words()))
        .collect()
}

/// What to do where an application says that it was refused a right that no preview has.
fn missing_right(evidence: &[String]) -> Option<&'static str> {
    let says = |words: &str| evidence.iter().any(|line| line.contains(words));
    if says("no new privileges") || says("effective uid is not 0") {
        return Some(
            "In a preview no process gains rights, so sudo and su fail. Name the user with USER in the \
             Dockerfile, and do there what needs root.",
        );
    }
    says("Operation not permitted").then_some(
        "It was refused a right. Previews may not change the network, mount, or make devices, which `docker run` \
         allows in part; docs/security.md lists what they may.",
    )
}
