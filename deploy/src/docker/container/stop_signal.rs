//! Whether the first process of a container reacts to its stop signal.

use std::io::{self, Read};

use bollard::models::ContainerInspectResponse;

use crate::docker::inside::open_shown;

/// Maximum bytes to read of a process's status file.
const STATUS_BYTES_MAX: u64 = 16 * 1024;

/// The default stop signal of the engine.
const SIGTERM: u32 = 15;

/// Whether a stop signal would have no effect. The kernel delivers to the first process of a
/// container only signals that it handles or waits for. Without a handler, the engine would wait
/// its whole grace period for nothing.
pub(super) fn is_deaf(there: &ContainerInspectResponse) -> bool {
    let config = there.config.as_ref();
    let signal = config.and_then(|config| config.stop_signal.as_deref());
    let host = there.host_config.as_ref();
    let has_init = host.and_then(|host| host.init) == Some(true);
    let state = there.state.as_ref();
    let process = state.and_then(|state| state.pid).zip(there.id.as_deref());
    match (signal, has_init, process) {
        (None | Some("" | "SIGTERM" | "15"), false, Some((process, id))) => {
            status(id, process).is_ok_and(|status| !hears(&status, SIGTERM))
        }
        _ => false,
    }
}

fn status(container: &str, process: i64) -> io::Result<String> {
    let mut status = String::new();
    open_shown(container, process, "status")?
        .take(STATUS_BYTES_MAX)
        .read_to_string(&mut status)?;
    Ok(status)
}

/// Whether a process handles a signal, or blocks it to wait for it. An unreadable status counts as
/// yes.
fn hears(status: &str, signal: u32) -> bool {
    let has = |name: &str| {
        let mut lines = status.lines();
        let mask = lines.find_map(|line| line.strip_prefix(name));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_none_or(|mask| mask & (1 << (signal - 1)) != 0)
    };
    has("SigCgt:") || has("SigBlk:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_hears_what_it_handles_or_waits_for() {
        let of = |blocked: &str, handled: &str| {
            format!("Name:\tx\nSigBlk:\t{blocked}\nSigIgn:\t0\nSigCgt:\t{handled}\n")
        };
        let none = "0000000000000000";
        assert!(!hears(&of(none, none), SIGTERM));
        assert!(hears(&of(none, "0000000000004000"), SIGTERM));
        assert!(hears(&of("fffffffe7ffbfeff", none), SIGTERM));
        assert!(!hears(&of(none, "0000000000000002"), SIGTERM));
        assert!(hears("", SIGTERM), "nothing is known");
    }
}
