//! Streams, texts and lines without secrets, and what of a stream is held back.

use super::secrets::Secrets;
use crate::terminal;

/// What stands where a secret was.
const MASK: &[u8] = b"***";

/// One stream, and what of it is held back.
#[derive(Default)]
pub(crate) struct Redacted {
    held: Vec<u8>,
}

impl Redacted {
    /// Takes the next piece and gives what is safe to show.
    pub(crate) fn push(&mut self, secrets: &Secrets, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.take_safe(secrets, false)
    }

    /// Gives what was held back, at the end.
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
            // A longer one may still be on its way where a shorter one is already there.
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
    /// A whole text without them.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut stream = Redacted::default();
        let mut out = stream.push(self, text.as_bytes());
        out.extend(stream.finish(self));
        String::from_utf8_lossy(&out).into_owned()
    }

    /// A line without them, also where colours or characters that nobody sees stand in between; such
    /// a line loses its colours.
    pub(crate) fn redact_line(&self, line: String) -> String {
        if self.is_empty() {
            return line;
        }
        let seen = terminal::bare(&line);
        let redacted = self.redact(&seen);
        if redacted == seen { line } else { redacted }
    }
}
