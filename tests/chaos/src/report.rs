//! What a run says at its end.

use std::{fmt, time::Duration};

/// How it went.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Where all choices came from.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
    /// How often the control plane was killed.
    pub kills: u64,
    /// How long it was away after a kill, on average and at most.
    pub away: (Duration, Duration),
    /// Commits that were pushed to open pull requests.
    pub pushes: u64,
    /// Pull requests that were closed.
    pub closes: u64,
    /// Revisions that died with the server ten times and were asked for again.
    pub asked_again: u64,
    /// Deliveries, and those of them that were acknowledged.
    pub deliveries: (usize, usize),
    /// Acknowledged deliveries that are not in the log.
    pub lost: Vec<String>,
    /// Requests of visitors, and those of them that failed.
    pub visits: (u64, u64),
    /// The first of those that failed.
    pub failures: Vec<String>,
    /// What was still there when every preview was said to be gone.
    pub late: Vec<String>,
    /// What of it stayed after the next sweep, and records on the forge.
    pub orphans: Vec<String>,
    /// What else was wrong.
    pub wrong: Vec<String>,
}

impl Report {
    /// Whether everything was as it should be.
    ///
    /// # Errors
    /// Counts what was not.
    pub fn verdict(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.visits.0 > 0,
            "nobody visited anything, so nothing was shown"
        );
        anyhow::ensure!(
            self.deliveries.1 > 0,
            "nothing was acknowledged, so nothing was shown"
        );
        anyhow::ensure!(
            self.lost.is_empty()
                && self.visits.1 == 0
                && self.late.is_empty()
                && self.orphans.is_empty()
                && self.wrong.is_empty(),
            "{} acknowledged deliveries lost, {} of {} requests failed, {} gone late, {} orphans, \
             {} other faults; again with --seed {}",
            self.lost.len(),
            self.visits.1,
            self.visits.0,
            self.late.len(),
            self.orphans.len(),
            self.wrong.len(),
            self.seed
        );
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "  {name:<26}{value}");
        let (mean, longest) = self.away;
        row(
            "kills",
            format!(
                "{} (away {mean:.0?} on average, {longest:.0?} at most)",
                self.kills
            ),
        )?;
        row(
            "pushes, closes",
            format!("{}, {}", self.pushes, self.closes),
        )?;
        row("asked for again", self.asked_again.to_string())?;
        let (deliveries, acknowledged) = self.deliveries;
        row(
            "deliveries acknowledged",
            format!("{acknowledged} of {deliveries}"),
        )?;
        row("  of these lost", self.lost.len().to_string())?;
        row("requests of visitors", self.visits.0.to_string())?;
        row("  of these failed", self.visits.1.to_string())?;
        row("gone late", self.late.len().to_string())?;
        row("orphans", self.orphans.len().to_string())?;
        row("other faults", self.wrong.len().to_string())?;
        row("time, seed", format!("{:.0?}, {}", self.took, self.seed))?;
        let details = [
            &self.lost,
            &self.failures,
            &self.late,
            &self.orphans,
            &self.wrong,
        ];
        for detail in details.into_iter().flatten() {
            writeln!(f, "  - {detail}")?;
        }
        Ok(())
    }
}
