//! Sizes, durations and ages as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// Bytes in the unit that people would use.
pub(super) fn bytes(count: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(size, _)| count >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", count as f64 / *size as f64),
        None => format!("{count} bytes"),
    }
}

pub(super) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    if at.as_second() >= now.as_second() {
        return "now".to_owned();
    }
    format!("{} ago", span(at, now))
}

/// The time between, in its largest unit.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let between = (to.as_second() - from.as_second()).max(0);
    match between {
        0..60 => format!("{between} s"),
        60..3_600 => format!("{} min", between / 60),
        3_600..172_800 => format!("{} h", between / 3_600),
        _ => format!("{} days", between / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_in_units_that_people_use() {
        assert_eq!(
            [bytes(12), bytes(2048), bytes(5 << 30)],
            ["12 bytes", "2.0 KiB", "5.0 GiB"]
        );
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let spans = [30, 90, 7_200, 200_000].map(|seconds| span(at(0), at(seconds)));
        assert_eq!(spans, ["30 s", "1 min", "2 h", "2 days"]);
        assert_eq!(ago(at(5), at(0)), "now", "a clock that is ahead");
    }
}
