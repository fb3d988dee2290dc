//! Durations as Compose reads them: numbers with units, such as `1m30s`.

use std::time::Duration;

/// Seconds of each unit.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3_600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
];
/// The longest duration, in seconds: about three hundred years.
const SECONDS_MAX: f64 = 9.2e9;

/// Reads a duration; a negative one is zero.
///
/// # Errors
/// A sentence, if Compose refuses it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("{text:?} is not a duration, such as 30s or 1m30s");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut seconds = 0.0;
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let number = |c: char| c.is_ascii_digit() || c == '.';
        let (digits, after) = rest.split_at(rest.find(|c| !number(c)).unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(number).unwrap_or(after.len()));
        let unit = UNITS.iter().find(|(known, _)| *known == unit);
        let (_, each) = unit.ok_or_else(invalid)?;
        seconds += digits.parse::<f64>().map_err(|_| invalid())? * each;
        rest = after;
    }
    if seconds > SECONDS_MAX {
        return Err(invalid());
    }
    Ok(match negative {
        true => Duration::ZERO,
        false => Duration::from_secs_f64(seconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_compose_reads_them() {
        for (text, seconds) in [
            ("1d", 86_400.0),
            ("1w", 604_800.0),
            ("1.5h", 5_400.0),
            ("1m30s", 90.0),
            ("500ms", 0.5),
            ("-1s", 0.0),
            ("0", 0.0),
        ] {
            let read = duration(text).map(|read| read.as_secs_f64());
            assert_eq!(read, Ok(seconds), "{text}");
        }
        for text in ["10", "1 m", "", "s", "1x", "1.s.5", "99999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
