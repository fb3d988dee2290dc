//! Visitors that come at a steady rate, whatever becomes of those before them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};

use super::visitor::Visitor;

/// Fifty a second.
const PAUSE: Duration = Duration::from_millis(20);

/// Visitors of one path, until they are told to go.
pub struct Crowd {
    stop: watch::Sender<bool>,
    visits: watch::Receiver<u64>,
    task: JoinHandle<Vec<String>>,
}

impl Crowd {
    /// The most visits that are open at once. After a halt of the whole machine all who are late
    /// come together, and each may cost a connection to a database that takes a hundred.
    pub const OPEN_MAX: u32 = 64;

    /// Sends them.
    pub fn gather(visitor: Visitor, path: &str) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (count, visits) = watch::channel(0);
        let path = path.to_owned();
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let mut tick = interval(PAUSE);
            // An open loop: who is late comes all the same.
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let places = Arc::new(Semaphore::new(Self::OPEN_MAX as usize));
            let mut open = JoinSet::new();
            let mut failures = Vec::new();
            while !*stopped.borrow() {
                tick.tick().await;
                let place = Arc::clone(&places).acquire_owned().await;
                let visit = visit(visitor.clone(), path.clone(), began);
                open.spawn(async move {
                    let _place = place;
                    visit.await
                });
                while let Some(Ok(ended)) = open.try_join_next() {
                    failures.extend(ended);
                    count.send_modify(|visits| *visits += 1);
                }
            }
            failures.extend(open.join_all().await.into_iter().flatten());
            failures
        });
        Self { stop, visits, task }
    }

    /// Returns when this many more have been answered.
    ///
    /// # Errors
    /// Where they ended.
    pub async fn more(&self, visits: u64) -> anyhow::Result<()> {
        let mut seen = self.visits.clone();
        let wanted = *seen.borrow() + visits;
        seen.wait_for(|now| *now >= wanted).await?;
        Ok(())
    }

    /// Sends them home; answers how many came and which requests failed.
    ///
    /// # Errors
    /// Where one of them panicked.
    pub async fn disperse(self) -> anyhow::Result<(u64, Vec<String>)> {
        self.stop.send_replace(true);
        let failures = self.task.await?;
        Ok((*self.visits.borrow(), failures))
    }

    /// Sends them home; an error if a single request failed, or if there were hardly any.
    ///
    /// # Errors
    /// Names the first failures.
    pub async fn expect_no_failure(self) -> anyhow::Result<u64> {
        let (visits, failures) = self.disperse().await?;
        anyhow::ensure!(
            failures.is_empty(),
            "{} of {visits} requests failed: {:#?}",
            failures.len(),
            &failures[..failures.len().min(10)]
        );
        anyhow::ensure!(visits >= 20, "only {visits} requests were made");
        Ok(visits)
    }
}

async fn visit(visitor: Visitor, path: String, began: Instant) -> Option<String> {
    let at = began.elapsed();
    let failed = match visitor.get(&path).await {
        Ok(answer) if answer.status.is_success() => return None,
        Ok(answer) => format!("{}: {}", answer.status, answer.body.trim()),
        Err(error) => format!("{error:#}"),
    };
    let failed: String = failed.chars().take(300).collect();
    Some(format!(
        "at {at:?}, after {:?}: {failed}",
        began.elapsed().saturating_sub(at)
    ))
}
