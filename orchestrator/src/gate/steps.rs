//! The finished and the running steps of a preview that does not serve yet.

use std::time::Duration;

use crate::{preview::history, store::EventRow, worker::UnderWay};

/// A line of a waiting page.
pub(super) struct Step {
    /// The step in plain words.
    pub(super) name: String,
    /// How long it took, and whether it failed; for a running step, its time so far and its usual
    /// time.
    pub(super) took: String,
    /// The class of its line: `done`, `failed` or `running`.
    pub(super) class: &'static str,
}

/// The steps of one revision: first the finished and failed ones, then the running ones. `all` is
/// the history of the preview, oldest first.
pub(super) fn steps(revision: Option<u32>, all: &[EventRow], under_way: &[UnderWay]) -> Vec<Step> {
    let of_revision = |event: &&EventRow| event.revision.is_some() && event.revision == revision;
    let ended = all.iter().filter(of_revision).filter_map(|event| {
        let took = seconds(Duration::from_millis(event.took_ms));
        let (took, class) = match event.note {
            Some(_) => (format!("failed after {took}"), "failed"),
            None => (took, "done"),
        };
        Some(Step {
            name: history::words(&event.step)?,
            took,
            class,
        })
    });
    let go_on = under_way.iter().filter_map(|step| {
        let now = seconds(step.since.elapsed());
        Some(Step {
            name: history::words(&step.title)?,
            took: match usually(&step.title, all) {
                Some(usually) => format!("running for {now}, usually {}", seconds(usually)),
                None => format!("running for {now}"),
            },
            class: "running",
        })
    });
    ended.chain(go_on).collect()
}

/// How long a step took when it last succeeded.
fn usually(title: &str, all: &[EventRow]) -> Option<Duration> {
    let mut before = all.iter().rev();
    let last = before.find(|event| event.step == title && event.note.is_none())?;
    Some(Duration::from_millis(last.took_ms))
}

fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn event(revision: u32, step: &str, took_ms: u64, note: Option<&str>) -> EventRow {
        EventRow {
            revision: Some(revision),
            at_ms: 0,
            step: step.to_owned(),
            took_ms,
            note: note.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn what_goes_on_is_shown_with_what_it_took_before_and_what_failed_is_marked() {
        let all = [
            event(1, "build web", 14_200, None),
            event(2, "source", 300, None),
            event(2, "migrate main", 2_000, Some("no such table")),
            event(2, "remove-service web", 100, None),
        ];
        let under_way = [UnderWay {
            title: "build web".to_owned(),
            since: Instant::now(),
        }];
        let shown: Vec<(String, String, &str)> = steps(Some(2), &all, &under_way)
            .into_iter()
            .map(|step| (step.name, step.took, step.class))
            .collect();
        let line = |name: &str, took: &str, class| (name.to_owned(), took.to_owned(), class);
        assert_eq!(
            shown,
            [
                line("fetch the commit", "0.3 s", "done"),
                line("migrate the database main", "failed after 2.0 s", "failed"),
                line("build web", "running for 0.0 s, usually 14 s", "running"),
            ]
        );
    }
}
