//! The forms in which a program may print a secret.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// Shorter pieces of base64 are too common to identify a secret.
const PIECE_CHARS_MIN: usize = 12;

/// The line widths of common base64 encoders.
const WIDTHS: [usize; 2] = [76, 64];

/// Every form of a secret.
pub(super) fn forms(secret: &str) -> Vec<Vec<u8>> {
    let whole = secret.trim();
    let mut all = Vec::new();
    for part in std::iter::once(whole).chain(secret.lines().map(str::trim)) {
        all.push(part.as_bytes().to_vec());
        all.extend(escaped(part));
        all.extend(encoded(part.as_bytes()));
    }
    // With its line feed, as in `base64 < file`.
    for whole in [secret.to_owned(), whole.to_owned(), format!("{whole}\n")] {
        all.extend(encoded(whole.as_bytes()));
        all.extend(wrapped(whole.as_bytes()));
    }
    all
}

/// Escaped as in JSON, in quotes, and in a URL.
fn escaped(secret: &str) -> impl Iterator<Item = Vec<u8>> {
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.trim_start_matches('"');
    let json = json.strip_suffix('"').unwrap_or(json).to_owned();
    let quoted = secret.replace('\\', "\\\\");
    let address: String = secret
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    [json, quoted, address].map(String::into_bytes).into_iter()
}

/// The three base64 forms of a secret, depending on its offset in a longer text, without the
/// characters at its ends that depend on the text around it.
fn encoded(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for before in 0..3 {
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let (text, own) = of_longer(secret, before, &alphabet);
            let piece = &text.as_bytes()[own];
            if piece.len() >= PIECE_CHARS_MIN {
                all.push(piece.to_vec());
            }
        }
    }
    all
}

/// The pieces of a secret when base64 is broken into lines, for every offset in a line.
fn wrapped(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for width in WIDTHS {
        for before in 0..width / 4 * 3 {
            let (text, own) = of_longer(secret, before, &STANDARD_NO_PAD);
            let lines = (0..text.len()).step_by(width);
            for line in lines {
                let piece = line.max(own.start)..(line + width).min(own.end);
                if piece.len() >= PIECE_CHARS_MIN && piece != own {
                    all.push(text.as_bytes()[piece].to_vec());
                }
            }
        }
    }
    all
}

/// The base64 of a text with `before` bytes before the secret, and the range of characters that
/// depend only on the secret.
fn of_longer(
    secret: &[u8],
    before: usize,
    alphabet: &base64::engine::GeneralPurpose,
) -> (String, std::ops::Range<usize>) {
    let mut longer = vec![0; before];
    longer.extend_from_slice(secret);
    let first = (before * 4).div_ceil(3);
    let end = longer.len() * 4 / 3;
    (alphabet.encode(&longer), first.min(end)..end)
}
