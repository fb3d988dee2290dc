//! Diagnoses of services that do not become ready, from the last observation of each.

use std::{collections::BTreeSet, net::SocketAddr};

use deploy::{
    blueprint::{Health, Service},
    engine::Probe,
    names::{PreviewId, ServiceName},
};

use super::{refusal, say::diagnosis, way::Way};
use crate::lifecycle::Diagnosis;

/// The last observation of a service that is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It was started.
    Started,
    /// The result of the last attempt to reach it.
    Found(Probe),
    /// It accepted a connection this many seconds ago and has not answered.
    Waiting(u64),
    /// It exited.
    Ended(End),
}

/// How a service exited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The exit code.
    pub exit_code: i64,
    /// Whether the kernel killed it for memory.
    pub out_of_memory: bool,
    /// How many times it has exited.
    pub times: u32,
}

/// A service that is not ready, with its last observation.
#[derive(Clone, Debug)]
pub struct NotReady<'a> {
    /// The service.
    pub service: &'a Service,
    /// The last observation.
    pub sight: Sight,
    /// Where its processes listen; None if this host cannot see that.
    pub listens: Option<BTreeSet<SocketAddr>>,
}

/// The engine refused to start the container.
pub fn start_refused(service: &ServiceName, why: &str) -> Diagnosis {
    let sentence = format!("{service} could not be started: {why}");
    let action = refusal::action(why, "`command` and the Dockerfile's CMD");
    diagnosis("DF304", sentence, Vec::new(), action)
}

/// The container exited before it became ready. `others` are also not ready.
pub fn exited(
    preview: &PreviewId,
    service: &Service,
    end: &End,
    others: &[NotReady<'_>],
    evidence: Vec<String>,
    way: Way,
) -> Diagnosis {
    let (name, again) = (&service.name, way.again());
    if end.out_of_memory {
        let mib = service.memory_bytes / (1024 * 1024);
        let sentence = format!("{name} used more than its {mib} MiB of memory and was killed");
        let action = format!(
            "Raise `memory` of [services.{name}] in dayfly.toml, or make {name} use less memory; \
             then {again}."
        );
        return diagnosis("DF303", sentence, evidence, action);
    }
    let (code, action) = match end.exit_code {
        126 | 127 => (
            "DF304",
            "A command was not found or is not executable. Check `command` in dayfly.toml and CMD \
             in the Dockerfile. A script needs its interpreter and the execute bit (`chmod +x`)."
                .to_owned(),
        ),
        0 => (
            "DF305",
            format!("Start the program in the foreground, not as a daemon; then {again}."),
        ),
        _ if evidence.is_empty() => (
            "DF301",
            format!(
                "{name} printed nothing before it exited. Start its image locally to find the \
                 cause, then {again}."
            ),
        ),
        _ => (
            "DF301",
            format!(
                "The quoted lines are the last output of {}. Fix the cause that they name, then \
                 {again}. `dayfly logs {preview} --failed`{} shows more.",
                attempt(end),
                way.on_server()
            ),
        ),
    };
    let action = missing_right(&evidence).map_or(action, str::to_owned);
    let comma = if end.times > 2 { "," } else { "" };
    let sentence = format!(
        "{name} {}{comma} before it became ready{}",
        ended(end),
        also(others)
    );
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
    let health = format!("name another path with `health` in [services.{name}] of dayfly.toml");
    let (code, action) = match &it.sight {
        Sight::Found(Probe::Status(_)) => (
            "DF306",
            format!("Fix the answer to `{}`, or {health}.", it.asked()),
        ),
        Sight::Found(Probe::Failing(_) | Probe::CheckTooSlow) => (
            "DF306",
            format!("Make the health check of {name} succeed, or change it."),
        ),
        Sight::Found(Probe::Closed | Probe::NotHttp) => (
            "DF307",
            format!(
                "Check that {name} speaks HTTP on this port, or set `port` in [services.{name}] of \
                 dayfly.toml."
            ),
        ),
        Sight::Found(Probe::Silent) | Sight::Waiting(_) => (
            "DF308",
            format!(
                "Make {name} answer `{}` sooner, or {health}. Dayfly waits {seconds} s \
                 (`limits.start_seconds_max`).",
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
    /// The last observation, to follow the service's name.
    pub fn words(&self) -> String {
        let port = self.service.port;
        match &self.sight {
            Sight::Started => "was just started".to_owned(),
            Sight::Ended(end) => ended(end),
            Sight::Waiting(seconds) => format!(
                "accepts connections on port {port} but has not answered `{}` for {seconds} s",
                self.asked()
            ),
            Sight::Found(Probe::Silent) => format!(
                "accepts connections on port {port} but has not answered `{}` in time",
                self.asked()
            ),
            Sight::Found(Probe::Closed) => {
                format!("closes every connection to port {port} without an answer")
            }
            Sight::Found(Probe::NotHttp) => {
                format!("answers on port {port} with something that is not HTTP")
            }
            Sight::Found(Probe::Failing(code)) => {
                format!("runs, but its health check exits with {code}")
            }
            Sight::Found(Probe::CheckTooSlow) => {
                "runs, but its health check does not end in time".to_owned()
            }
            Sight::Found(Probe::Status(status)) => {
                format!("answers `{}` with {status}", self.asked())
            }
            Sight::Found(Probe::Refused | Probe::Ready) => match self.listening() {
                Listening::Unseen => format!("does not accept connections on port {port}"),
                Listening::Nowhere => {
                    format!("listens on no port, but must listen on port {port}")
                }
                Listening::Inside => {
                    format!("listens on port {port} at 127.0.0.1, which no visitor can reach")
                }
                Listening::Elsewhere(ports) => {
                    format!("listens on port {ports}, but must listen on port {port}")
                }
            },
        }
    }

    /// The request that it must answer.
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
                format!(
                    "Set `port = {ports}` in [services.{name}] of dayfly.toml, or listen on $PORT."
                )
            }
            Listening::Unseen => format!(
                "Listen on 0.0.0.0 (not 127.0.0.1) and on $PORT, or set `port` in [services.{name}] of \
                 dayfly.toml."
            ),
            Listening::Nowhere => format!(
                "Listen on 0.0.0.0 and on $PORT, or set `port` in [services.{name}] of \
                 dayfly.toml. If {name} is a worker that listens on no port, set `public = false` \
                 in the same section."
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
            // It started to listen after the attempt.
            _ if open.contains(&self.service.port) => Listening::Unseen,
            (Some(port), _) | (None, Some(port)) => Listening::Elsewhere(*port),
            (None, None) => Listening::Nowhere,
        }
    }
}

/// Where a service listens if it accepts no connection on its port.
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
        2 => " twice".to_owned(),
        times => format!(", {times} times"),
    };
    match (end.exit_code, end.out_of_memory) {
        (_, true) => format!("used more than its memory and was killed{times}"),
        (code, false) => format!("exited with code {code}{times}"),
    }
}

/// Names the start of the container that failed.
fn attempt(end: &End) -> String {
    match end.times {
        0 | 1 => "its only start".to_owned(),
        times => format!("start number {times}"),
    }
}

fn also(others: &[NotReady<'_>]) -> String {
    let others = others.iter();
    others
        .map(|other| format!("; {} {}", other.service.name, other.words()))
        .collect()
}

/// The action for an application that asks for a privilege which no preview has.
fn missing_right(evidence: &[String]) -> Option<&'static str> {
    let says = |words: &str| evidence.iter().any(|line| line.contains(words));
    if says("no new privileges") || says("effective uid is not 0") {
        return Some(
            "Processes of a preview cannot gain privileges, so sudo and su fail. Set the user with \
             USER in the Dockerfile, and run commands as root only during the build.",
        );
    }
    says("Operation not permitted").then_some(
        "A preview's program may not change the network, mount file systems or create devices. \
         Remove that call from the application.",
    )
}

#[cfg(test)]
pub(super) mod testing {
    use std::collections::BTreeMap;

    use deploy::blueprint::{ImageSource, ProcessOptions};

    use super::*;

    pub(in crate::diagnosis) fn service(name: &str) -> Service {
        Service {
            name: ServiceName::parse(name).unwrap(),
            image: ImageSource::Reference("x".to_owned()),
            public: true,
            main: true,
            port: 8080,
            port_is_default: false,
            health: Health::Default,
            command: None,
            process: ProcessOptions::default(),
            env: BTreeMap::new(),
            memory_bytes: 512 << 20,
            cpu_milli: 1_000,
            init: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::service, *};
    use crate::lifecycle::Origin;

    const PUSH: Way = Way(Origin::PullRequest);

    fn shop() -> PreviewId {
        "shop-7".parse().unwrap()
    }

    fn said(sight: Sight, listens: Option<&[&str]>) -> String {
        let service = service("web");
        let listens = listens.map(|all| all.iter().map(|at| at.parse().unwrap()).collect());
        let it = NotReady {
            service: &service,
            sight,
            listens,
        };
        let diagnosis = not_ready(&it, 120, &[], Vec::new());
        let (code, sentence, action) = (diagnosis.code, diagnosis.sentence, diagnosis.action);
        format!("{code}: {sentence}. {action}")
    }

    /// Says what is right, and none of its nearest wrong explanations.
    fn tells(sight: Sight, listens: Option<&[&str]>, right: &[&str], wrong: &[&str]) {
        let said = said(sight, listens);
        for words in right {
            assert!(said.contains(words), "{words:?} is not in {said:?}");
        }
        for words in wrong {
            assert!(!said.contains(words), "{words:?} is in {said:?}");
        }
    }

    #[test]
    fn a_port_that_refuses_is_told_by_where_the_service_listens_instead() {
        let refused = || Sight::Found(Probe::Refused);
        let unseen = [
            "DF302",
            "does not accept connections on port 8080",
            "0.0.0.0",
        ];
        tells(refused(), None, &unseen, &["HTTP", "listens on"]);
        let nowhere = ["DF302", "listens on no port"];
        tells(refused(), Some(&[]), &nowhere, &["HTTP"]);
        let inside = ["DF302", "127.0.0.1", "Listen on 0.0.0.0"];
        tells(refused(), Some(&["127.0.0.1:8080"]), &inside, &["`port ="]);
        let elsewhere = ["DF302", "port 3000", "`port = 3000`"];
        tells(
            refused(),
            Some(&["0.0.0.0:3000"]),
            &elsewhere,
            &["127.0.0.1"],
        );
    }

    #[test]
    fn what_is_late_is_told_from_what_is_no_http_and_from_what_answers_badly() {
        let late = [
            "DF308",
            "has not answered `GET /` for 117 s",
            "start_seconds_max",
        ];
        let here = ["0.0.0.0:8080"];
        tells(
            Sight::Waiting(117),
            Some(&here),
            &late,
            &["speaks HTTP", "0.0.0.0"],
        );
        let found = Sight::Found;
        let silent = ["DF308", "has not answered"];
        tells(found(Probe::Silent), None, &silent, &["not HTTP"]);
        let closed = ["DF307", "closes every connection"];
        tells(
            found(Probe::Closed),
            None,
            &closed,
            &["not HTTP", "in time"],
        );
        let other = ["DF307", "not HTTP"];
        tells(found(Probe::NotHttp), None, &other, &["in time", "closes"]);
        let bad = ["DF306", "answers `GET /` with 503"];
        tells(
            found(Probe::Status(503)),
            None,
            &bad,
            &["speaks HTTP", "port"],
        );
    }

    #[test]
    fn an_end_is_told_by_its_code_and_its_siblings_beside_it() {
        let (web, api) = (service("web"), service("api"));
        let late = NotReady {
            service: &api,
            sight: Sight::Found(Probe::Refused),
            listens: None,
        };
        let end = |exit_code, out_of_memory| End {
            exit_code,
            out_of_memory,
            times: 3,
        };
        let code = |end: &End| exited(&shop(), &web, end, &[], Vec::new(), PUSH).code;
        assert_eq!(code(&end(1, false)), "DF301");
        assert_eq!(code(&end(127, false)), "DF304");
        assert_eq!(code(&end(0, false)), "DF305");
        assert_eq!(code(&end(137, true)), "DF303");
        assert_eq!(
            code(&end(137, false)),
            "DF301",
            "killed, and not for memory"
        );
        let both = exited(&shop(), &web, &end(1, false), &[late], Vec::new(), PUSH).sentence;
        assert_eq!(
            both,
            "web exited with code 1, 3 times, before it became ready; api does not accept \
             connections on port 8080"
        );
    }

    #[test]
    fn last_lines_are_spoken_of_where_there_are_some() {
        let end = End {
            exit_code: 1,
            out_of_memory: false,
            times: 3,
        };
        let action = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect();
            exited(&shop(), &service("web"), &end, &[], lines, PUSH).action
        };
        assert_eq!(
            action(&["KeyError"]),
            "The quoted lines are the last output of start number 3. Fix the cause that they name, \
             then push. `dayfly logs shop-7 --failed` on the server shows more."
        );
        assert_eq!(
            action(&[]),
            "web printed nothing before it exited. Start its image locally to find the cause, then \
             push."
        );
    }

    #[test]
    fn a_right_that_no_preview_has_is_named_where_the_output_shows_it() {
        let web = service("web");
        let end = End {
            exit_code: 1,
            out_of_memory: false,
            times: 3,
        };
        let action =
            |line: &str| exited(&shop(), &web, &end, &[], vec![line.to_owned()], PUSH).action;
        let sudo = "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.";
        assert!(action(sudo).contains("USER"));
        assert!(action("mount: /mnt: Operation not permitted").contains("mount file systems"));
        assert!(!action("KeyError: 'permitted'").contains("privilege"));
    }
}
