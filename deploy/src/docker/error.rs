//! Converts the engine's errors to the port's errors.

use bollard::errors::Error;

use crate::engine::EngineError;

/// Parts of messages in a 500 response that indicate a temporary failure.
const PASSING: [&str; 8] = [
    "context deadline exceeded",
    "context canceled",
    "connection refused",
    "connection reset",
    "shutting down",
    "transport is closing",
    "ttrpc: closed",
    "i/o timeout",
];

/// Converts the engine's error for an action or object named `what`.
pub(super) fn classify(what: &str, error: Error) -> EngineError {
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => answered(what, status_code, message),
        Error::DockerStreamError { error } => EngineError::Refused {
            what: what.to_owned(),
            why: error,
        },
        other => EngineError::Unreachable(format!("{what}: {}", chain(&other))),
    }
}

/// The engine's HTTP status, if there is one.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The engine's message, if there is one.
pub(super) fn sentence(error: &Error) -> &str {
    match error {
        Error::DockerResponseServerError { message, .. } => message,
        Error::DockerStreamError { error } => error,
        _ => "",
    }
}

/// Converts a "not found" error to `None`.
pub(super) fn found<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

fn answered(what: &str, status: u16, message: String) -> EngineError {
    let lower = message.to_ascii_lowercase();
    let passing = status == 503 || PASSING.iter().any(|word| lower.contains(word));
    match status {
        404 => EngineError::Missing(missing(what, &message)),
        409 => EngineError::Busy {
            what: what.to_owned(),
            why: message,
        },
        500.. if passing => EngineError::Unreachable(format!("{what}: {message}")),
        _ => EngineError::Refused {
            what: what.to_owned(),
            why: message,
        },
    }
}

/// The missing object: the one that the engine names, or else `what`.
fn missing(what: &str, message: &str) -> String {
    let lower = message.to_ascii_lowercase();
    if let Some(image) = lower.split("no such image:").nth(1) {
        return format!("image {}", image.trim());
    }
    if lower.starts_with("network ") && lower.ends_with(" not found") {
        return format!("the network of {what}");
    }
    what.to_owned()
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(status_code: u16, message: &str) -> EngineError {
        classify(
            "service web",
            Error::DockerResponseServerError {
                status_code,
                message: message.to_owned(),
            },
        )
    }

    #[test]
    fn what_is_not_there_is_missing_and_named() {
        let EngineError::Missing(what) = classified(404, "No such image: sha256:abc") else {
            panic!()
        };
        assert_eq!(what, "image sha256:abc");
        let EngineError::Missing(what) = classified(404, "network 0123 not found") else {
            panic!()
        };
        assert_eq!(what, "the network of service web");
        let EngineError::Missing(what) = classified(404, "No such container: x") else {
            panic!()
        };
        assert_eq!(what, "service web");
    }

    #[test]
    fn a_no_is_refused_and_a_moment_is_busy_or_unreachable() {
        assert!(matches!(
            classified(409, "conflict"),
            EngineError::Busy { .. }
        ));
        assert!(matches!(
            classified(400, "bad"),
            EngineError::Refused { .. }
        ));
        assert!(matches!(
            classified(500, "no space left on device"),
            EngineError::Refused { .. }
        ));
        assert!(matches!(
            classified(500, "Context deadline exceeded"),
            EngineError::Unreachable(_)
        ));
        assert!(matches!(
            classified(503, "swarm"),
            EngineError::Unreachable(_)
        ));
        let gone = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(matches!(
            classify("x", gone.into()),
            EngineError::Unreachable(_)
        ));
        assert!(matches!(
            classify("x", Error::RequestTimeoutError),
            EngineError::Unreachable(_)
        ));
    }
}
