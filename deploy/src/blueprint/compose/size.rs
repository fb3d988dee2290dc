//! Sizes and numbers as Compose reads them.

use super::node::Value;

/// A size in bytes. `Ok(None)` for what Compose passes over: numbers with a point or an exponent,
/// which YAML has read before, and zero.
///
/// # Errors
/// A sentence, if Compose refuses it.
pub(super) fn bytes(value: &Value) -> Result<Option<u64>, String> {
    match value {
        Value::Null | Value::Float(_) => Ok(None),
        Value::Integer(number) if *number <= 0 => Ok(None),
        Value::Integer(number) => Ok(u64::try_from(*number).ok()),
        Value::Text(text) => of_text(text).map(|bytes| (bytes > 0).then_some(bytes)),
        other => Err(format!("a size cannot be {}", other.kind())),
    }
}

/// A number, possibly with a point, and a unit in powers of two.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a size is rounded down to whole bytes, and a negative one is none"
)]
fn of_text(text: &str) -> Result<u64, String> {
    let invalid = || format!("{text:?} is not a size, such as 512m or 2g");
    let last = text.rfind(|c: char| c.is_ascii_digit() || c == '.');
    let end = last.map(|at| at + 1).ok_or_else(invalid)?;
    let (number, unit) = text.split_at(end);
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let shift = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        "p" | "pb" | "pib" => 50,
        _ => return Err(invalid()),
    };
    let number: f64 = number.parse().map_err(|_| invalid())?;
    if number < 0.0 {
        // Compose passes -1 on, which is no limit for the engine.
        return if text == "-1" { Ok(0) } else { Err(invalid()) };
    }
    Ok((number * (1_u64 << shift) as f64) as u64)
}

/// CPUs as thousandths.
///
/// # Errors
/// A sentence, if it is not a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the range is checked"
)]
pub(super) fn cpu_milli(value: &Value) -> Result<Option<u64>, String> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Text(text) => text
            .parse()
            .map_err(|_| format!("{text:?} is not a number of CPUs"))?,
        other => return Err(format!("a number of CPUs cannot be {}", other.kind())),
    };
    if number == 0.0 {
        return Ok(None);
    }
    if !(0.001..=1024.0).contains(&number) {
        return Err(format!("{number} is not a number of CPUs"));
    }
    Ok(Some((number * 1000.0).round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_compose_reads_them() {
        for (text, wanted) in [
            ("1e9", Some(1_000_000_000)),
            ("1.5kb", Some(1536)),
            ("10 MB", Some(10_485_760)),
            (".5g", Some(536_870_912)),
            ("5.m", Some(5_242_880)),
            ("+5m", Some(5_242_880)),
            ("12kib", Some(12_288)),
            ("-1", None),
        ] {
            assert_eq!(bytes(&Value::Text(text.to_owned())), Ok(wanted), "{text}");
        }
        for text in ["-1m", "", "512x", "1,5g"] {
            assert!(bytes(&Value::Text(text.to_owned())).is_err(), "{text}");
        }
        assert_eq!(bytes(&Value::Float(1.5)), Ok(None));
        assert_eq!(bytes(&Value::Integer(1000)), Ok(Some(1000)));
        assert_eq!(bytes(&Value::Integer(0)), Ok(None));
    }

    #[test]
    fn cpus_are_thousandths() {
        assert_eq!(cpu_milli(&Value::Text("0.5".to_owned())), Ok(Some(500)));
        assert_eq!(cpu_milli(&Value::Integer(2)), Ok(Some(2000)));
        assert!(cpu_milli(&Value::Text("many".to_owned())).is_err());
    }
}
