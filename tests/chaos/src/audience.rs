//! Visitors of whatever is live, at a steady rate. Not one of their requests may fail.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use harness::{Answer, Visitor};

/// Fifty requests a second, over all previews that are live.
const PAUSE: Duration = Duration::from_millis(20);
/// As many failures are told in full.
const TOLD_MAX: usize = 20;

/// Somebody who visits every preview that was shown to be live, until it is about to be closed.
pub(super) struct Audience {
    hall: Arc<Hall>,
    task: JoinHandle<()>,
}

struct Hall {
    began: Instant,
    inner: Mutex<Inner>,
    left: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    seats: BTreeMap<String, Seat>,
    turn: usize,
    visits: u64,
    failed: u64,
    told: Vec<String>,
}

struct Seat {
    visitor: Visitor,
    /// What every page of this preview begins with.
    greeting: String,
    /// The newest version that anybody has seen: nobody may see an older one from then on.
    newest: u64,
    in_flight: u64,
    leaving: bool,
}

/// How it was.
pub(super) struct Reception {
    pub(super) visits: u64,
    pub(super) failed: u64,
    pub(super) told: Vec<String>,
}

impl Audience {
    pub(super) fn gather() -> Self {
        let hall = Arc::new(Hall {
            began: Instant::now(),
            inner: Mutex::default(),
            left: watch::Sender::new(0),
        });
        let task = tokio::spawn(come(Arc::clone(&hall)));
        Self { hall, task }
    }

    /// This preview is live with this version: from now on it is visited.
    pub(super) fn admit(&self, preview: &str, visitor: Visitor, greeting: &str, version: u64) {
        let mut inner = self.hall.inner();
        let seat = inner
            .seats
            .entry(preview.to_owned())
            .or_insert_with(|| Seat {
                visitor,
                greeting: greeting.to_owned(),
                newest: version,
                in_flight: 0,
                leaving: false,
            });
        seat.newest = seat.newest.max(version);
    }

    /// This preview is about to be closed; returns when nobody is before it any more.
    pub(super) async fn dismiss(&self, preview: &str) {
        let mut left = self.hall.left.subscribe();
        loop {
            {
                let mut inner = self.hall.inner();
                let Some(seat) = inner.seats.get_mut(preview) else {
                    return;
                };
                seat.leaving = true;
                if seat.in_flight == 0 {
                    inner.seats.remove(preview);
                    return;
                }
            }
            // The sender is ours and outlives the wait.
            let _ = left.changed().await;
        }
    }

    /// How many previews are visited.
    pub(super) fn seats(&self) -> usize {
        self.hall.inner().seats.len()
    }

    /// How it has been so far.
    pub(super) fn reception(&self) -> Reception {
        let inner = self.hall.inner();
        Reception {
            visits: inner.visits,
            failed: inner.failed,
            told: inner.told.clone(),
        }
    }
}

impl Drop for Audience {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hall {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn come(hall: Arc<Hall>) {
    let mut tick = interval(PAUSE);
    // An open loop: who is late comes all the same.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tick.tick().await;
        if let Some((preview, visitor, newest)) = hall.inner().next() {
            tokio::spawn(visit(Arc::clone(&hall), preview, visitor, newest));
        }
    }
}

impl Inner {
    /// Whom to visit next, and the newest version that was seen there.
    fn next(&mut self) -> Option<(String, Visitor, u64)> {
        self.turn = self.turn.wrapping_add(1);
        let open = self.seats.values().filter(|seat| !seat.leaving).count();
        let turn = self.turn.checked_rem(open)?;
        let mut open = self.seats.iter_mut().filter(|(_, seat)| !seat.leaving);
        let (preview, seat) = open.nth(turn)?;
        seat.in_flight += 1;
        Some((preview.clone(), seat.visitor.clone(), seat.newest))
    }
}

async fn visit(hall: Arc<Hall>, preview: String, visitor: Visitor, newest: u64) {
    let at = hall.began.elapsed();
    let answer = visitor.get("/").await;
    let took = hall.began.elapsed().saturating_sub(at);
    {
        let mut inner = hall.inner();
        inner.visits += 1;
        let Some(seat) = inner.seats.get_mut(&preview) else {
            return;
        };
        seat.in_flight -= 1;
        let judged = answer.and_then(|answer| judge(&answer, &seat.greeting, newest));
        match judged {
            Ok(version) => seat.newest = seat.newest.max(version),
            Err(error) => {
                inner.failed += 1;
                if inner.told.len() < TOLD_MAX {
                    inner.told.push(format!(
                        "{preview} at {at:.1?}, after {took:.1?}: {error:#}"
                    ));
                }
            }
        }
    }
    hall.left.send_modify(|left| *left += 1);
}

/// The version that a page shows, which is not older than what was seen before it was asked for.
fn judge(answer: &Answer, greeting: &str, newest: u64) -> anyhow::Result<u64> {
    let said: String = answer.body.chars().take(200).collect();
    ensure!(answer.status == 200, "{}: {}", answer.status, said.trim());
    let version = answer
        .body
        .strip_prefix(greeting)
        .and_then(|rest| rest.trim().parse().ok());
    let version: u64 = version.with_context(|| format!("somebody else's page: {said:?}"))?;
    ensure!(version >= newest, "version {version} after {newest}");
    Ok(version)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn only_an_own_page_that_is_new_enough_is_a_success() {
        let page = |status: u16, body: &str| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_owned(),
        };
        assert_eq!(judge(&page(200, "one 7"), "one ", 7).unwrap(), 7);
        for (answer, wrong) in [
            (page(503, "one 7"), "503"),
            (page(200, "two 7"), "somebody else"),
            (page(200, "one 6"), "version 6 after 7"),
        ] {
            let error = judge(&answer, "one ", 7).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
