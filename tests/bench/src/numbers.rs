//! The middle and the far end of what was measured.

use std::time::Duration;

/// A time in milliseconds.
pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The middle one; of an even number the mean of the two in the middle. 0 of nothing.
pub(super) fn median(times: &[Duration]) -> Duration {
    let sorted = sorted(times);
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        at(middle)
    } else {
        (at(middle.saturating_sub(1)) + at(middle)) / 2
    }
}

/// The one that 99 of 100 do not exceed. 0 of nothing.
pub(super) fn p99(times: &[Duration]) -> Duration {
    let sorted = sorted(times);
    let rank = (sorted.len() * 99).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

fn sorted(times: &[Duration]) -> Vec<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(numbers: &[u64]) -> Vec<Duration> {
        numbers
            .iter()
            .map(|ms| Duration::from_millis(*ms))
            .collect()
    }

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(median(&times(&[9, 1, 5])), Duration::from_millis(5));
        assert_eq!(median(&times(&[4, 1, 9, 2])), Duration::from_millis(3));
        assert_eq!(median(&[]), Duration::ZERO);
    }

    #[test]
    fn one_in_a_hundred_lies_beyond_the_p99() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(p99(&times(&hundred)), Duration::from_millis(99));
        let thousand: Vec<u64> = (1..=1_000).collect();
        assert_eq!(p99(&times(&thousand)), Duration::from_millis(990));
        assert_eq!(p99(&times(&[7])), Duration::from_millis(7));
    }
}
