//! Which type a plain scalar has, by the rules of the library with which Compose reads YAML
//! (Go's yaml.v3: YAML 1.2 with octal numbers and dates of 1.1).

use super::node::Value;

/// The type of an unquoted scalar.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let first = text.bytes().next().unwrap_or_default();
    let number = match first {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => {
            if is_time(text) {
                return Value::Time(text.to_owned());
            }
            let digits = text.replace('_', "");
            integer(&digits)
                .map(Value::Integer)
                .or_else(|| float(&digits))
        }
        _ => None,
    };
    number.unwrap_or_else(|| Value::Text(text.to_owned()))
}

/// A whole number: `0x`, `0o` and `0b` name its base, and a leading zero means eight.
fn integer(digits: &str) -> Option<i128> {
    let (negative, rest) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let lower = rest.to_ascii_lowercase();
    let (base, body) = if let Some(body) = lower.strip_prefix("0x") {
        (16, body)
    } else if let Some(body) = lower.strip_prefix("0o") {
        (8, body)
    } else if let Some(body) = lower.strip_prefix("0b") {
        (2, body)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if body.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from_str_radix(body, base).ok()?;
    let number = if negative { -number } else { number };
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&number)
        .then_some(number)
}

/// A number with a point or an exponent, without the words for infinity.
fn float(digits: &str) -> Option<Value> {
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let plain = |b: u8| b.is_ascii_digit() || b".eE+-".contains(&b);
    let starts = unsigned
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_digit() || b == b'.');
    if !starts || !unsigned.bytes().all(plain) {
        return None;
    }
    let number: f64 = digits.parse().ok()?;
    // Too large for a float stays text.
    number.is_finite().then_some(Value::Float(number))
}

/// A date, alone or with a time.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let year = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if year != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (date, time) = text.split_at(end);
    if !is_date(date) {
        return false;
    }
    match time.chars().next() {
        None => true,
        Some(' ') => is_clock(&time[1..]),
        Some(_) => {
            let time = &time[1..];
            if let Some(clock) = time.strip_suffix('Z') {
                return is_clock(clock);
            }
            let Some(at) = time.rfind(['+', '-']) else {
                return false;
            };
            let (clock, zone) = time.split_at(at);
            is_clock(clock) && is_zone(&zone[1..])
        }
    }
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let number = |text: &str| one_or_two(text).then(|| text.parse::<i8>().ok()).flatten();
    let (Ok(year), Some(month), Some(day)) = (year.parse::<i16>(), number(month), number(day))
    else {
        return false;
    };
    jiff::civil::Date::new(year, month, day).is_ok()
}

fn one_or_two(text: &str) -> bool {
    matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Hours, minutes and seconds, which may have a fraction.
fn is_clock(text: &str) -> bool {
    let mut parts = text.split(':');
    let (Some(hour), Some(minute), Some(second), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let below = |text: &str, most: u8| {
        one_or_two(text) && text.parse::<u8>().is_ok_and(|number| number < most)
    };
    below(hour, 24)
        && below(minute, 60)
        && below(second, 60)
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
}

fn is_zone(text: &str) -> bool {
    text.len() == 5
        && text.split_once(':').is_some_and(|(hour, minute)| {
            hour.len() == 2 && one_or_two(hour) && minute.len() == 2 && one_or_two(minute)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_scalar_is_printed_as_compose_prints_it() {
        for (text, printed) in [
            ("02134", "1116"),
            ("08", "8"),
            ("0123456789", "1.23456789e+08"),
            ("1000000.0", "1e+06"),
            ("123456789.123", "1.23456789123e+08"),
            ("3.10", "3.1"),
            ("1e3", "1000"),
            ("1e400", "1e400"),
            (".inf", "+Inf"),
            ("0o8", "0o8"),
            ("0o17", "15"),
            ("12:30", "12:30"),
            ("-0", "0"),
            ("0x10", "16"),
            ("1_000", "1000"),
            ("+5", "5"),
            ("5m", "5m"),
            ("2024-13-45", "2024-13-45"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("on", "on"),
            ("True", "true"),
            ("--", "--"),
            ("-", "-"),
            (".", "."),
            ("1.2.3", "1.2.3"),
            ("1e", "1e"),
        ] {
            assert_eq!(plain(text).printed().as_deref(), Some(printed), "{text}");
        }
    }

    #[test]
    fn dates_and_nothing_have_no_text() {
        for text in [
            "2024-01-01",
            "2024-1-1",
            "2001-12-14 21:59:43.10",
            "2001-12-14T21:59:43Z",
            "2001-12-14t21:59:43.1-05:00",
            "~",
            "null",
            "",
        ] {
            assert_eq!(plain(text).printed(), None, "{text}");
        }
        assert!(plain("2001-12-14T21:59:43").printed().is_some());
    }
}
