//! One figure and what it is compared with; all of them as a table.

use std::fmt::Write as _;

use serde::Serialize;

/// A figure. The fields are the ones of `target/bench.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub id: &'static str,
    /// What Dayfly made of it.
    pub value: f64,
    /// The unit of both values.
    pub unit: &'static str,
    /// What it is compared with.
    pub baseline: Option<String>,
    /// What that made of it, in the same run.
    pub baseline_value: Option<f64>,
    /// One over the other.
    pub ratio: Option<f64>,
    /// The most that the ratio may be; where nothing is compared, that the value may be.
    pub goal: Option<f64>,
    /// Whether it is.
    pub met: Option<bool>,
}

impl Row {
    /// A figure beside another one.
    pub(super) fn compared(
        id: &'static str,
        (value, baseline_value): (f64, f64),
        baseline: String,
        goal: f64,
    ) -> Self {
        let ratio = value / baseline_value;
        Self {
            id,
            value: rounded(value),
            unit: "ms",
            baseline: Some(baseline),
            baseline_value: Some(rounded(baseline_value)),
            ratio: Some(rounded(ratio)),
            goal: Some(goal),
            met: Some(ratio <= goal),
        }
    }

    /// The same in another unit than milliseconds.
    pub(super) fn in_unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// The same without a goal: for what the comparison costs as much as we do.
    pub(super) fn without_goal(self) -> Self {
        Self {
            goal: None,
            met: None,
            ..self
        }
    }

    /// A figure that stands alone; with a goal it may not exceed it.
    pub(super) fn alone(
        id: &'static str,
        value: f64,
        unit: &'static str,
        goal: Option<f64>,
    ) -> Self {
        Self {
            id,
            value: rounded(value),
            unit,
            baseline: None,
            baseline_value: None,
            ratio: None,
            goal,
            met: goal.map(|goal| value <= goal),
        }
    }
}

/// Three digits after the point are more than a run can tell.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// The rows as a table for people, with what they are compared with below it.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<24}{:>12} {:<6}{:>12}{:>8}{:>7}  met\n",
        "", "Dayfly", "", "baseline", "ratio", "goal"
    );
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    for row in rows {
        let met = match row.met {
            Some(true) => "true",
            Some(false) => "false",
            None => "-",
        };
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{:<24}{:>12} {:<6}{:>12}{:>8}{:>7}  {met}",
            row.id,
            number(Some(row.value), 1),
            row.unit,
            number(row.baseline_value, 1),
            number(row.ratio, 3),
            number(row.goal, 2),
        );
    }
    for row in rows {
        if let Some(baseline) = &row.baseline {
            let _ = write!(text, "\n{}: {baseline}", row.id);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_held_against_the_ratio_or_else_the_value() {
        let row = Row::compared("a", (3.0, 2.0), "b".to_owned(), 1.5);
        assert_eq!((row.ratio, row.met), (Some(1.5), Some(true)));
        assert_eq!(
            Row::compared("a", (3.1, 2.0), "b".to_owned(), 1.5).met,
            Some(false)
        );
        assert_eq!(Row::alone("a", 99.0, "ms", Some(100.0)).met, Some(true));
        assert_eq!(Row::alone("a", 101.0, "ms", Some(100.0)).met, Some(false));
        assert_eq!(Row::alone("a", 1.0, "per s", None).met, None);
    }

    #[test]
    fn every_field_is_written_even_where_there_is_nothing_to_say() {
        let json = serde_json::to_value(Row::alone("a", 1.0, "per s", None)).unwrap();
        let keys: Vec<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let wanted = [
            "baseline",
            "baseline_value",
            "goal",
            "id",
            "met",
            "ratio",
            "unit",
            "value",
        ];
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, wanted);
    }
}
