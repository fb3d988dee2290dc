//! `healthcheck` of a service.

use super::{
    duration::duration,
    node::{Node, Value},
    values::{flag, must_be, text},
};
use crate::blueprint::{BlueprintError, HealthCheck};

/// How long a check may take without `timeout`, in milliseconds.
const LIMIT_MS: u64 = 30_000;
/// The shortest and the longest time that a check may take, in milliseconds.
const LIMITS_MS: std::ops::RangeInclusive<u64> = 100..=600_000;

/// The check; `None` if there is none or it is switched off.
pub(super) fn check(service: &Node) -> Result<Option<HealthCheck>, BlueprintError> {
    let Some(node) = service.get("healthcheck") else {
        return Ok(None);
    };
    if node.map().is_none() {
        return Err(must_be(node, "healthcheck", "a mapping"));
    }
    for key in ["interval", "start_period", "start_interval"] {
        time(node, key)?;
    }
    let limit_ms = time(node, "timeout")?
        .filter(|limit| *limit > 0)
        .unwrap_or(LIMIT_MS);
    let off = flag(node, "disable")? == Some(true);
    let run = node.get("test").map(command).transpose()?.flatten();
    Ok(run.filter(|_| !off).map(|run| HealthCheck {
        run,
        limit_ms: limit_ms.clamp(*LIMITS_MS.start(), *LIMITS_MS.end()),
    }))
}

/// A duration in milliseconds.
fn time(node: &Node, key: &str) -> Result<Option<u64>, BlueprintError> {
    let Some(node) = node.given(key) else {
        return Ok(None);
    };
    let read = duration(text(node, key)?);
    let read = read.map_err(|why| node.at.error(format!("`{key}`: {why}")))?;
    Ok(Some(u64::try_from(read.as_millis()).unwrap_or(u64::MAX)))
}

/// The command of `test`: a text runs in the container's shell, and a list begins with how it runs.
fn command(test: &Node) -> Result<Option<Vec<String>>, BlueprintError> {
    let in_shell = |line: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()];
    match &test.value {
        Value::Null => Ok(None),
        Value::Text(line) => Ok(Some(in_shell(line))),
        Value::List(items) => {
            let words: Result<Vec<&str>, _> = items.iter().map(|item| text(item, "test")).collect();
            match words?.as_slice() {
                [] | ["NONE", ..] | ["CMD"] => Ok(None),
                ["CMD", words @ ..] => {
                    Ok(Some(words.iter().map(|&word| word.to_owned()).collect()))
                }
                ["CMD-SHELL", line @ ..] => Ok(Some(in_shell(&line.join(" ")))),
                [first, ..] => {
                    let message = format!(
                        "`test` must begin with CMD, CMD-SHELL or NONE, but begins with {first:?}"
                    );
                    Err(test.at.error(message))
                }
            }
        }
        _ => Err(must_be(test, "test", "text or a list")),
    }
}
