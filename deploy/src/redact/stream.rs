//! Redacts streams, texts and lines, and holds back possible beginnings of secrets.

use super::secrets::Secrets;
use crate::terminal;

/// The replacement for a secret.
const MASK: &[u8] = b"***";

/// One stream, and the output that is held back.
#[derive(Default)]
pub(crate) struct Redacted {
    held: Vec<u8>,
}

impl Redacted {
    /// Takes the next piece and returns the output that is safe to show.
    pub(crate) fn push(&mut self, secrets: &Secrets, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.take_safe(secrets, false)
    }

    /// Returns the output that was held back, at the end of the stream.
    pub(crate) fn finish(&mut self, secrets: &Secrets) -> Vec<u8> {
        self.take_safe(secrets, true)
    }

    fn take_safe(&mut self, secrets: &Secrets, all: bool) -> Vec<u8> {
        if secrets.is_empty() {
            return std::mem::take(&mut self.held);
        }
        let mut out = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while at < self.held.len() {
            let rest = &self.held[at..];
            // A shorter secret has matched, but a longer one may still follow.
            if !all && secrets.may_begin(rest) {
                break;
            }
            match secrets.begins(rest) {
                Some(length) => {
                    out.extend_from_slice(MASK);
                    at += length;
                }
                None => {
                    out.push(self.held[at]);
                    at += 1;
                }
            }
        }
        self.held.drain(..at);
        out
    }
}

impl Secrets {
    /// The text without secrets.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut stream = Redacted::default();
        let mut out = stream.push(self, text.as_bytes());
        out.extend(stream.finish(self));
        String::from_utf8_lossy(&out).into_owned()
    }

    /// A line without secrets, even if colours or invisible characters interrupt them; such a line
    /// loses its colours.
    pub(crate) fn redact_line(&self, line: String) -> String {
        if self.is_empty() {
            return line;
        }
        let seen = terminal::bare(&line);
        let redacted = self.redact(&seen);
        if redacted == seen { line } else { redacted }
    }
}
