//! Digests of values, as the servers print them.

use sha2::{Digest as _, Sha256};

/// Minimum number of characters of a value that shows where it comes from. Shorter values, such as
/// country codes, postal codes and ages, are in several places by chance.
pub(crate) const TELLING_CHARS_MIN: usize = 6;

/// Pattern of a text that begins with a date, for `like` in SQL. Dates of birth of different people
/// coincide.
pub(crate) const DATE_LIKE: &str = "____-__-__%";

/// Printed before the digest of a value that may be in several places by chance.
pub(crate) const CHANCE_MARK: &str = "-";

/// A value of a JSON document as the servers print the same value of a column: the hexadecimal
/// SHA-256 of its text without spaces around it, after the mark if it has one.
pub(super) fn printed(value: &str) -> String {
    let value = value.trim_matches(' ');
    let mark = match value.chars().count() < TELLING_CHARS_MIN || is_date(value) {
        true => CHANCE_MARK,
        false => "",
    };
    format!("{mark}{}", hex::encode(Sha256::digest(value)))
}

/// Whether a text matches [`DATE_LIKE`].
fn is_date(value: &str) -> bool {
    let mut text = value.chars();
    let mut pattern = DATE_LIKE.chars().take_while(|&letter| letter != '%');
    pattern.all(|letter| text.next().is_some_and(|c| letter == '_' || c == letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_printed_as_the_servers_print_it() {
        let digest = "af47c40fd3cb082f0da6ad02f6e67815beebf0cf4db19b0945406b119dea5258";
        assert_eq!(printed("ada@real.test"), digest);
        assert_eq!(printed("  ada@real.test "), digest);
        assert_ne!(printed("ada@real.test\t"), digest);
    }

    #[test]
    fn short_values_and_dates_have_a_mark() {
        for value in [
            "DE",
            "04109",
            " Rome ",
            "1990-02-28",
            "1990-02-28T10:00:00Z",
        ] {
            assert!(printed(value).starts_with(CHANCE_MARK), "{value}");
        }
        for value in ["real@x", "+49171-555-0000", "1990-02-2", "1990/02/28"] {
            assert!(!printed(value).starts_with(CHANCE_MARK), "{value}");
        }
    }
}
