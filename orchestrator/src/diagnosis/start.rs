//! A service does not come up.

use std::time::Duration;

use deploy::{blueprint::Service, engine::Probe, names::ServiceName};

use super::say::diagnosis;
use crate::lifecycle::Diagnosis;

/// The engine would not start the container.
pub fn start_refused(service: &ServiceName, why: &str) -> Diagnosis {
    let sentence = format!("{service} could not be started: {why}");
    let action = "Usually the command does not exist in the image: check `command` and the Dockerfile's CMD.";
    diagnosis("DF304", sentence, Vec::new(), action)
}

/// The container ended before it served.
pub fn exited(
    service: &Service,
    exit_code: i64,
    out_of_memory: bool,
    evidence: Vec<String>,
) -> Diagnosis {
    let name = &service.name;
    if out_of_memory {
        let mib = service.memory_bytes / (1024 * 1024);
        let sentence = format!("{name} was killed for memory: it may use {mib} MiB");
        let action = format!("Raise `memory` of [services.{name}] in dayfly.toml, or use less.");
        return diagnosis("DF303", sentence, evidence, action);
    }
    match exit_code {
        126 | 127 => {
            let sentence = format!(
                "{name} ended with {exit_code}: its command was not found or may not be run"
            );
            let action = "Check `command` and the Dockerfile's CMD; a script needs its interpreter and its run bit.";
            diagnosis("DF304", sentence, evidence, action)
        }
        0 => {
            let sentence = format!("{name} ended by itself with 0 before it served");
            let action = "The command has to stay in the foreground for as long as it serves.";
            diagnosis("DF305", sentence, evidence, action)
        }
        code => {
            let sentence = format!("{name} ended with {code} before it served");
            let action = "Its last lines are shown; `dayfly logs` shows more.";
            diagnosis("DF301", sentence, evidence, action)
        }
    }
}

/// The container runs but does not answer as it should.
pub fn not_ready(
    service: &Service,
    found: &Probe,
    limit: Duration,
    evidence: Vec<String>,
) -> Diagnosis {
    let (name, port, seconds) = (&service.name, service.port, limit.as_secs());
    match found {
        Probe::Status(status) => {
            let sentence = format!(
                "{name} answers its health check with {status}, {seconds}s after its start"
            );
            let action = format!(
                "Mend what answers, or name another path with `health` in [services.{name}]."
            );
            diagnosis("DF306", sentence, evidence, action)
        }
        Probe::Silent => {
            let sentence =
                format!("{name} accepts connections on port {port} but does not answer HTTP");
            let action =
                format!("Check that it speaks HTTP there, or set `port` in [services.{name}].");
            diagnosis("DF307", sentence, evidence, action)
        }
        Probe::Refused | Probe::Ready => {
            let sentence = format!(
                "nothing accepts connections on port {port} of {name}, {seconds}s after its start"
            );
            let action = format!(
                "Listen on 0.0.0.0 (not 127.0.0.1) and on $PORT, or set `port` in [services.{name}]."
            );
            diagnosis("DF302", sentence, evidence, action)
        }
    }
}
