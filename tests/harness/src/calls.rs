//! Calls of the engine: which one is meant, and what becomes of it.

use std::sync::Arc;

/// A call that passed the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path, without version and query.
    pub path: String,
}

impl Seen {
    /// From a request line.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let method = words.next()?.to_owned();
        let path = words.next()?.split('?').next().unwrap_or_default();
        let path = match path
            .strip_prefix("/v")
            .and_then(|rest| rest.split_once('/'))
        {
            Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
                format!("/{rest}")
            }
            _ => path.to_owned(),
        };
        Some(Self { method, path })
    }

    /// Whether this is what a pattern means: a method, a space, and a path in which `*` stands for
    /// one part and `**` for all that follow. A method of `*` is any.
    pub fn fits(&self, pattern: &str) -> bool {
        let Some((method, path)) = pattern.split_once(' ') else {
            return false;
        };
        let (mut wanted, mut parts) = (path.split('/'), self.path.split('/'));
        (method == "*" || method == self.method)
            && loop {
                match (wanted.next(), parts.next()) {
                    (Some("**"), _) | (None, None) => break true,
                    (Some(wanted), Some(part)) if wanted == "*" || wanted == part => {}
                    _ => break false,
                }
            }
    }
}

/// When a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The engine has not heard of the call.
    Before,
    /// The engine has carried it out, and nobody has heard the answer.
    After,
}

/// What a rule does.
#[derive(Clone)]
pub enum Act {
    /// The connection breaks: the call, or its answer, is lost.
    Cut,
    /// This runs, and then the connection breaks.
    Run(Arc<dyn Fn() + Send + Sync>),
    /// The call waits until the rule is released.
    Hold,
    /// The engine is asked for what it does not know, and says so.
    Unknown,
}

/// What becomes of one call.
#[derive(Clone)]
pub struct Rule {
    /// Which calls count.
    pub pattern: String,
    /// Which of them is meant, from 1.
    pub nth: u32,
    /// When.
    pub moment: Moment,
    /// What.
    pub act: Act,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_calls_whatever_their_version_and_query() {
        let seen = Seen::read("POST /v1.41/containers/abc/start?x=1 HTTP/1.1").unwrap();
        assert!(seen.fits("POST /containers/*/start"));
        for other in [
            "GET /containers/*/start",
            "POST /containers/*",
            "POST /containers/*/*/start",
        ] {
            assert!(!seen.fits(other), "{other}");
        }
        let plain = Seen::read("DELETE /images/a/b:c HTTP/1.1").unwrap();
        assert!(plain.fits("DELETE /images/**") && plain.fits("* /**"));
    }
}
