//! The secrets that must not be printed.

use secrecy::{ExposeSecret as _, SecretString};

use super::forms::forms;

/// Shorter secrets would match too many ordinary words.
const SECRET_BYTES_MIN: usize = 4;

/// All secrets in all their forms.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// By their first byte, longest first, so that a part of a secret does not hide the whole.
    needles: Vec<Vec<Vec<u8>>>,
}

impl Secrets {
    /// The forms of these secrets.
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a SecretString>) -> Self {
        let mut all: Vec<Vec<u8>> = secrets
            .flat_map(|secret| forms(secret.expose_secret()))
            .filter(|needle| needle.len() >= SECRET_BYTES_MIN)
            .collect();
        if all.is_empty() {
            return Self::default();
        }
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        let mut needles = vec![Vec::new(); 256];
        for needle in all {
            needles[usize::from(needle[0])].push(needle);
        }
        Self { needles }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// The length of the secret at the start of the text.
    pub(super) fn begins(&self, text: &[u8]) -> Option<usize> {
        let mut needles = self.like(text).iter();
        needles
            .find(|needle| text.starts_with(needle))
            .map(Vec::len)
    }

    /// Whether the whole text may be the beginning of a secret.
    pub(super) fn may_begin(&self, text: &[u8]) -> bool {
        let mut needles = self.like(text).iter();
        needles.any(|needle| needle.len() > text.len() && needle.starts_with(text))
    }

    /// The forms with the same first byte.
    fn like(&self, text: &[u8]) -> &[Vec<u8>] {
        let first = text.first().map(|first| usize::from(*first));
        let like = first.and_then(|first| self.needles.get(first));
        like.map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;
    use crate::redact::Redacted;

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
    fn base64_of_a_longer_text_is_taken_out_wherever_its_lines_are_broken() {
        let long = "github_pat_0123456789abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let secrets = secrets(&[long]);
        for before in 0..60 {
            for width in [76, 64] {
                let text = format!("{}{long}\n", "u".repeat(before));
                let text = base64::engine::general_purpose::STANDARD.encode(text);
                let lines: Vec<&str> = text
                    .as_bytes()
                    .chunks(width)
                    .map(|line| std::str::from_utf8(line).unwrap())
                    .collect();
                let shown = secrets.redact(&lines.join("\n"));
                let own = shown.replace("dXV1", "").replace("***", "");
                assert!(own.len() < 40, "{before} {width}: {shown}");
            }
        }
    }

    #[test]
    fn a_secret_is_taken_out_as_programs_quote_it() {
        let secret = "pa\"ss\\word\tQx7&<z>";
        let secrets = secrets(&[secret]);
        for printed in [
            serde_json::to_string(secret).unwrap(),
            format!("{secret:?}"),
            "https://u:pa%22ss%5Cword%09Qx7%26%3Cz%3E@host".to_owned(),
        ] {
            let shown = secrets.redact(&printed);
            assert!(shown.contains("***") && !shown.contains("word"), "{shown}");
        }
    }

    #[test]
    fn colours_and_unseen_characters_hide_no_secret() {
        let secrets = secrets(&["sk_live_Zq8XwV3nPq7"]);
        for line in [
            "a sk_live_\u{1b}[1mZq8XwV3nPq7\u{1b}[0m",
            "a sk_live_\0Zq8XwV3nPq7",
            "a sk_live_\rZq8XwV3nPq7",
            "a sk_live_\u{202e}Zq8XwV3nPq7",
            "a sk_live_\u{1b}]0;title\u{7}Zq8XwV3nPq7",
        ] {
            assert_eq!(secrets.redact_line(line.to_owned()), "a ***", "{line:?}");
        }
        let plain = "\u{1b}[31mred\u{1b}[0m";
        assert_eq!(secrets.redact_line(plain.to_owned()), plain);
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
