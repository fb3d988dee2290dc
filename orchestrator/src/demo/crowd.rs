//! Visitors that come at a steady rate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::visit::Visitor;

/// Pause between two visits of the page during a push.
const VISIT_PAUSE: Duration = Duration::from_millis(20);

/// The duration of one visit, and its failure.
type Visit = (Duration, Option<String>);

/// Visitors that come at a steady rate until they are stopped.
pub(super) struct Crowd {
    stop: Arc<AtomicBool>,
    visits: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<Vec<Visit>>,
}

impl Crowd {
    pub(super) fn gather(visitor: Visitor) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let visits = Arc::new(AtomicU64::new(0));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&visits));
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(VISIT_PAUSE);
            let mut open = tokio::task::JoinSet::new();
            while !stopped.load(Ordering::SeqCst) {
                tick.tick().await;
                let visitor = visitor.clone();
                counted.fetch_add(1, Ordering::SeqCst);
                open.spawn(visit(visitor));
            }
            open.join_all().await
        });
        Self { stop, visits, task }
    }

    /// Stops the visits. Returns their number, the longest duration, and the failures.
    pub(super) async fn disperse(self) -> (u64, Duration, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        let visits = self
            .task
            .await
            .unwrap_or_else(|error| vec![(Duration::ZERO, Some(error.to_string()))]);
        let slowest = visits
            .iter()
            .map(|(took, _)| *took)
            .max()
            .unwrap_or_default();
        let failures = visits
            .into_iter()
            .filter_map(|(_, failure)| failure)
            .collect();
        (self.visits.load(Ordering::SeqCst), slowest, failures)
    }
}

async fn visit(visitor: Visitor) -> Visit {
    let began = Instant::now();
    let failure = match visitor.get("/healthz").await {
        Ok(page) if page.status.is_success() => None,
        Ok(page) => Some(format!("{}: {}", page.status, page.body.trim())),
        Err(error) => Some(format!("{error:#}")),
    };
    (began.elapsed(), failure)
}
