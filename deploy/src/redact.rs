//! Takes secrets out of a stream of bytes.
//!
//! A program that prints a secret prints it in any number of pieces. So what could be the beginning
//! of one is held back until it is known not to be.

use base64::Engine as _;
use secrecy::{ExposeSecret as _, SecretString};

/// What stands where a secret was.
const MASK: &[u8] = b"***";

/// Shorter secrets would take every other word out of a text.
const SECRET_BYTES_MIN: usize = 4;

/// Everything that must not be printed: each secret, its lines where it has several, and its
/// base64 forms.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// Longest first, so that a part of a secret does not hide the whole.
    needles: Vec<Vec<u8>>,
}

impl Secrets {
    /// What must not be printed of these.
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a SecretString>) -> Self {
        let mut needles: Vec<Vec<u8>> = Vec::new();
        for secret in secrets {
            let text = secret.expose_secret();
            let whole = std::iter::once(text.trim());
            for part in whole.chain(text.lines().map(str::trim)) {
                needles.push(part.as_bytes().to_vec());
                needles.extend(encoded(part.as_bytes()));
            }
            needles.extend(wrapped(text.as_bytes()));
            for whole in [text.trim().to_owned(), format!("{}\n", text.trim())] {
                needles.extend(wrapped(whole.as_bytes()));
            }
            // With its line end, as `base64 < file` sees it.
            needles.extend(encoded(text.as_bytes()));
        }
        needles.retain(|needle| needle.len() >= SECRET_BYTES_MIN);
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        Self { needles }
    }

    /// A whole text without them.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut stream = Redacted::default();
        let mut out = stream.push(self, text.as_bytes());
        out.extend(stream.finish(self));
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// The three ways in which a secret shows in base64, by where it begins in a longer text, without
/// the characters at its ends that depend on what stands beside it.
fn encoded(secret: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let alphabets = [
        base64::engine::general_purpose::STANDARD_NO_PAD,
        base64::engine::general_purpose::URL_SAFE_NO_PAD,
    ];
    let mut all = Vec::new();
    for shift in 0..3 {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(secret);
        let whole = shifted.len() / 3 * 3;
        for alphabet in &alphabets {
            let text = alphabet.encode(&shifted[..whole]);
            let first = [0, 2, 3][shift];
            // Shorter pieces are too common to tell anything.
            if text.len() > first + 2 * SECRET_BYTES_MIN {
                all.push(text.as_bytes()[first..].to_vec());
            }
        }
    }
    all.into_iter()
}

/// The lines in which programs print the base64 of something long: 76 characters, or 64 as in PEM.
fn wrapped(secret: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let text = base64::engine::general_purpose::STANDARD.encode(secret);
    let lines = |width: usize| {
        let pieces = text.as_bytes().chunks(width).map(<[u8]>::to_vec);
        pieces.filter(|piece| piece.len() >= 2 * SECRET_BYTES_MIN)
    };
    lines(76).chain(lines(64)).collect::<Vec<_>>().into_iter()
}

/// One stream, and what of it is held back.
#[derive(Default)]
pub(crate) struct Redacted {
    held: Vec<u8>,
}

impl Redacted {
    /// Takes the next piece and gives what is safe to show.
    pub(crate) fn push(&mut self, secrets: &Secrets, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.take(secrets, false)
    }

    /// Gives what was held back, at the end.
    pub(crate) fn finish(&mut self, secrets: &Secrets) -> Vec<u8> {
        self.take(secrets, true)
    }

    fn take(&mut self, secrets: &Secrets, all: bool) -> Vec<u8> {
        if secrets.needles.is_empty() {
            return std::mem::take(&mut self.held);
        }
        let mut out = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while at < self.held.len() {
            let rest = &self.held[at..];
            let found = secrets
                .needles
                .iter()
                .find(|needle| rest.starts_with(needle));
            if let Some(needle) = found {
                // A longer secret may still be on its way; it begins here too.
                let longer = secrets
                    .needles
                    .iter()
                    .any(|other| other.len() > rest.len() && other.starts_with(rest));
                if longer && !all {
                    break;
                }
                out.extend_from_slice(MASK);
                at += needle.len();
            } else if !all
                && secrets
                    .needles
                    .iter()
                    .any(|needle| needle.starts_with(rest))
            {
                break;
            } else {
                out.push(self.held[at]);
                at += 1;
            }
        }
        self.held.drain(..at);
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(all: &[&str]) -> Secrets {
        let all: Vec<SecretString> = all.iter().map(|text| (*text).to_owned().into()).collect();
        Secrets::new(all.iter())
    }

    #[test]
    fn a_secret_is_taken_out_in_every_form_in_which_it_is_printed() {
        let secret = "correct horse battery staple";
        let secrets = secrets(&[secret]);
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        for printed in [
            secret.to_owned(),
            encode(secret),
            encode(&format!("{secret}\n")),
            encode(&format!("user:{secret}")),
            encode(&format!("ab{secret}cd")),
        ] {
            let shown = secrets.redact(&format!("before {printed} after"));
            assert!(shown.starts_with("before "), "{shown}");
            assert!(shown.ends_with(" after"), "{shown}");
            assert!(shown.contains("***"), "{printed}: {shown}");
            assert!(!shown.contains("horse"), "{shown}");
        }
    }

    #[test]
    fn base64_that_is_broken_into_lines_is_taken_out() {
        let long = "github_pat_0123456789abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let secrets = secrets(&[long]);
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{long}\n"));
        let whole = base64::engine::general_purpose::STANDARD.encode(long);
        for (text, width) in [(&text, 76), (&text, 64), (&whole, 76)] {
            let broken: Vec<&str> = text
                .as_bytes()
                .chunks(width)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let shown = secrets.redact(&broken.join("\n"));
            assert!(shown.lines().all(|line| line.len() < 30), "{shown}");
        }
    }

    #[test]
    fn each_line_of_a_long_secret_is_a_secret() {
        let secrets = secrets(&["-----BEGIN-----\nMIIEowIBAAKCAQEA\nabcdefgh12345678\n"]);
        assert_eq!(secrets.redact("x MIIEowIBAAKCAQEA y"), "x *** y");
        assert_eq!(secrets.redact("abcdefgh12345678"), "***");
    }

    #[test]
    fn a_text_without_secrets_stays() {
        assert_eq!(secrets(&[]).redact("as it is"), "as it is");
        assert_eq!(secrets(&["a", "ab"]).redact("a cab"), "a cab");
        assert_eq!(secrets(&["secret"]).redact("secre"), "secre");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_text_is_cut(
            text in "(s3cr3t|s3cr|3t|[a-z ]){0,30}",
            cuts in prop::collection::vec(0usize..60, 0..6),
        ) {
            let secrets = secrets(&["s3cr3t", "s3cr3ts3cr3t-longer"]);
            let mut stream = Redacted::default();
            let mut shown = Vec::new();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut at = 0;
            for cut in cuts {
                shown.extend(stream.push(&secrets, &text.as_bytes()[at..cut]));
                at = cut;
            }
            shown.extend(stream.push(&secrets, &text.as_bytes()[at..]));
            shown.extend(stream.finish(&secrets));
            let shown = String::from_utf8(shown).unwrap();
            prop_assert_eq!(&shown, &secrets.redact(&text));
            prop_assert!(!shown.contains("s3cr3t"));
        }
    }
}
