//! Limits how many builds run at once. Repositories take turns, so that one repository with many
//! builds does not delay the builds of the others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use deploy::{builder::Builder, names::PreviewId};
use tokio::sync::Notify;

use crate::lifecycle::BuildWait;

/// How often the next build in the queue checks whether the host has room for it.
const BLOCKED_PAUSE: Duration = Duration::from_secs(2);

/// The builds that run, and the builds that wait for a place.
#[derive(Debug)]
pub struct BuildQueue {
    places: usize,
    inner: Mutex<Inner>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// The number of requests so far. An earlier request has a smaller ticket.
    tickets: u64,
    /// The number of builds that have begun.
    turns: u64,
    running: BTreeMap<u64, Asked>,
    waiting: BTreeMap<u64, Asked>,
    /// When each repository last had its turn.
    last_turn: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Asked {
    repository: String,
    preview: PreviewId,
    blocker: Option<String>,
}

impl BuildQueue {
    /// A queue that runs at most this many builds at once.
    pub fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places,
            inner: Mutex::default(),
            moved: Notify::new(),
        })
    }

    /// Waits for a place, and until the host has room for a build. Dropping the future leaves the
    /// queue; dropping the place gives it back.
    pub(super) async fn take_place(
        self: &Arc<Self>,
        repository: &str,
        preview: &PreviewId,
        builder: &dyn Builder,
    ) -> Place {
        let place = self.enter(repository, preview);
        loop {
            // Registered before the check, so that no change in between is missed.
            let moved = self.moved.notified();
            if !self.is_next(place.ticket) {
                moved.await;
                continue;
            }
            match builder.blocker().await {
                None if self.begin(place.ticket) => return place,
                None => {}
                Some(blocker) => {
                    self.note_blocker(place.ticket, blocker);
                    tokio::time::sleep(BLOCKED_PAUSE).await;
                }
            }
        }
    }

    /// Why a preview's build waits; none where no build waits.
    pub(super) fn wait(&self, preview: &PreviewId) -> Option<BuildWait> {
        let inner = self.lock();
        let (before, ticket) = inner
            .line()
            .into_iter()
            .enumerate()
            .find(|(_, ticket)| inner.waiting[ticket].preview == *preview)?;
        Some(BuildWait {
            before,
            blocker: inner.waiting[&ticket].blocker.clone(),
        })
    }

    fn enter(self: &Arc<Self>, repository: &str, preview: &PreviewId) -> Place {
        let mut inner = self.lock();
        inner.tickets += 1;
        let ticket = inner.tickets;
        let asked = Asked {
            repository: repository.to_owned(),
            preview: preview.clone(),
            blocker: None,
        };
        inner.waiting.insert(ticket, asked);
        drop(inner);
        Place {
            queue: Arc::clone(self),
            ticket,
        }
    }

    fn is_next(&self, ticket: u64) -> bool {
        self.lock().is_next(ticket, self.places)
    }

    /// Gives the ticket a place, if it is still its turn.
    fn begin(&self, ticket: u64) -> bool {
        let mut inner = self.lock();
        if !inner.is_next(ticket, self.places) {
            return false;
        }
        let Some(asked) = inner.waiting.remove(&ticket) else {
            return false;
        };
        inner.turns += 1;
        let turn = inner.turns;
        inner.last_turn.insert(asked.repository.clone(), turn);
        inner.running.insert(ticket, asked);
        drop(inner);
        self.moved.notify_waiters();
        true
    }

    fn note_blocker(&self, ticket: u64, blocker: String) {
        if let Some(asked) = self.lock().waiting.get_mut(&ticket) {
            asked.blocker = Some(blocker);
        }
    }

    fn leave(&self, ticket: u64) {
        let mut inner = self.lock();
        inner.running.remove(&ticket);
        inner.waiting.remove(&ticket);
        drop(inner);
        self.moved.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_next(&self, ticket: u64, places: usize) -> bool {
        let free = places.saturating_sub(self.running.len());
        self.line()
            .into_iter()
            .take(free)
            .any(|next| next == ticket)
    }

    /// The waiting tickets in the order in which they will begin. The first build of each
    /// repository comes before the second of any; among these, the repository with the oldest turn
    /// comes first.
    fn line(&self) -> Vec<u64> {
        let mut busy: BTreeMap<&str, usize> = BTreeMap::new();
        for asked in self.running.values() {
            *busy.entry(&asked.repository).or_default() += 1;
        }
        let mut line: Vec<_> = self
            .waiting
            .iter()
            .map(|(ticket, asked)| {
                let place = busy.entry(&asked.repository).or_default();
                let before = *place;
                *place += 1;
                let turn = self.last_turn.get(&asked.repository).copied();
                (before, turn.unwrap_or(0), *ticket)
            })
            .collect();
        line.sort_unstable();
        line.into_iter().map(|(.., ticket)| ticket).collect()
    }
}

/// A place for a build; a position in the queue until [`BuildQueue::take_place`] returns.
#[derive(Debug)]
pub(super) struct Place {
    queue: Arc<BuildQueue>,
    ticket: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.leave(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(text: &str) -> PreviewId {
        PreviewId::parse(text).unwrap()
    }

    /// The repositories of the queue, in order.
    fn order(queue: &Arc<BuildQueue>) -> Vec<String> {
        let inner = queue.lock();
        let line = inner.line();
        line.iter()
            .map(|ticket| inner.waiting[ticket].repository.clone())
            .collect()
    }

    #[test]
    fn repositories_take_turns_however_much_one_of_them_asks_for() {
        let queue = BuildQueue::new(1);
        let mut places: Vec<Place> = (0..3)
            .map(|_| queue.enter("greedy", &preview("greedy-1")))
            .collect();
        places.push(queue.enter("modest", &preview("modest-1")));
        assert_eq!(order(&queue), ["greedy", "modest", "greedy", "greedy"]);
        assert!(queue.begin(places[0].ticket));
        assert_eq!(order(&queue), ["modest", "greedy", "greedy"]);
        assert!(!queue.begin(places[3].ticket), "there is one place");
        places.remove(0);
        assert!(queue.begin(places[2].ticket));
        // A repository that just had its turn queues behind one that has waited.
        places.push(queue.enter("modest", &preview("modest-1")));
        drop(places.remove(2));
        assert_eq!(order(&queue), ["greedy", "modest", "greedy"]);
        let wait = queue.wait(&preview("modest-1")).unwrap();
        assert_eq!((wait.before, wait.blocker), (1, None));
    }

    #[test]
    fn who_stops_waiting_leaves_the_line() {
        let queue = BuildQueue::new(1);
        let first = queue.enter("a", &preview("a-1"));
        let second = queue.enter("b", &preview("b-1"));
        drop(first);
        assert!(queue.begin(second.ticket));
        assert_eq!(queue.wait(&preview("a-1")), None);
        assert_eq!(queue.wait(&preview("b-1")), None);
    }
}
