//! Copies of a preview that is written to all the time, each looked at as a whole.
//!
//! Every visit is booked in Postgres and, once that is certain, in Redis, while pgbench moves money
//! about in the same Postgres. In every copy Redis has booked no more than Postgres, and less by no
//! more than what can be under way; and all money is there.

use std::{fmt, io::Write as _, time::Instant};

use anyhow::{Context as _, ensure};

use super::ledger::{UNDER_WAY, books};
use harness::{self, App, Crowd, Dayfly, Docker, Preview};

/// Size of pgbench's tables: 100,000 accounts for each.
const SCALE: &str = "5";
/// How many copies are kept at once.
const COPIES_MAX: usize = 2;

/// What a run found.
#[derive(Debug, Default)]
pub struct CopiesReport {
    /// Forks that were whole.
    pub forks: u64,
    /// Times that a capture opened as it was.
    pub opens: u64,
    /// How many visits were booked meanwhile.
    pub visits: u64,
    /// The largest difference that was under way.
    pub under_way_max: u64,
    /// How long it took.
    pub took: std::time::Duration,
}

impl fmt::Display for CopiesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} forks were whole ({} visits booked meanwhile, at most {} under way in a copy); a \
             capture was the same {} times; {} s",
            self.forks,
            self.visits,
            self.under_way_max,
            self.opens,
            self.took.as_secs()
        )
    }
}

/// Takes that many forks, and opens a capture half as often.
///
/// # Errors
/// With the first copy that is not whole.
pub async fn run(forks: u64) -> anyhow::Result<CopiesReport> {
    let settings = harness::Options {
        start_seconds_max: 120,
        limits: vec!["forks_max = 20".to_owned()],
        ..harness::Options::default()
    };
    let mut report = CopiesReport::default();
    Dayfly::play_with(settings, async |dayfly| {
        let began = Instant::now();
        let (pull, visitor) = dayfly.open_live("ledger", &App::ledger()).await?;
        let inside = dayfly.reach(&pull.id, "main").await?["container"]
            .as_str()
            .context("no container")?
            .to_owned();
        pgbench(&inside, &["-i", "-q", "-s", SCALE], false).await?;
        pgbench(&inside, &["-n", "-c", "2", "-T", "7200"], true).await?;
        let crowd = Crowd::gather(visitor, "/book");
        crowd.more(20).await?;
        let mut open = Vec::new();
        for number in 1..=forks {
            let fork = dayfly.fork(&pull.id).await?;
            whole(dayfly, &fork, &mut report)
                .await
                .with_context(|| format!("fork {number}"))?;
            report.forks += 1;
            open.push(fork.id);
            if open.len() > COPIES_MAX {
                dayfly.remove(&open.remove(0)).await?;
            }
            progress("fork", number, &began);
        }
        let capture = dayfly.capture(&pull.id).await?;
        let mut first = None;
        for number in 1..=forks / 2 {
            let fork = dayfly.fork(&capture.id).await?;
            let found = checksum(dayfly, &fork).await?;
            let wanted = first.get_or_insert_with(|| found.clone());
            ensure!(
                *wanted == found,
                "a capture opened as {found} and was {wanted}"
            );
            report.opens += 1;
            dayfly.remove(&fork.id).await?;
            progress("capture opened", number, &began);
        }
        let (visits, failures) = crowd.disperse().await?;
        ensure!(failures.is_empty(), "visits failed: {failures:?}");
        report.visits = visits;
        report.took = began.elapsed();
        Ok(())
    })
    .await?;
    Ok(report)
}

fn progress(what: &str, number: u64, began: &Instant) {
    if number.is_multiple_of(10) {
        let seconds = began.elapsed().as_secs();
        let _ = writeln!(std::io::stdout(), "  {seconds:>5} s  {what} {number}");
    }
}

async fn pgbench(inside: &str, words: &[&str], detached: bool) -> anyhow::Result<()> {
    let mut all = vec!["exec"];
    all.extend(detached.then_some("--detach"));
    all.extend([inside, "pgbench", "-U", "app"]);
    all.extend(words);
    all.push("app");
    Docker::run(&all).await.map(drop)
}

async fn whole(dayfly: &Dayfly, copy: &Preview, report: &mut CopiesReport) -> anyhow::Result<()> {
    let (postgres, redis) = books(dayfly, copy).await?;
    ensure!(
        redis <= postgres && postgres - redis <= UNDER_WAY,
        "Postgres has {postgres} visits and Redis {redis}"
    );
    report.under_way_max = report.under_way_max.max(postgres - redis);
    let money = "select (select sum(abalance) from pgbench_accounts) = \
                 (select coalesce(sum(delta), 0) from pgbench_history) and \
                 (select sum(tbalance) from pgbench_tellers) = \
                 (select sum(bbalance) from pgbench_branches)";
    let balances = dayfly.sql(&copy.id, "main", money).await?;
    ensure!(balances == "t", "the money of a copy is {balances:?}");
    Ok(())
}

/// What a copy holds.
async fn checksum(dayfly: &Dayfly, copy: &Preview) -> anyhow::Result<String> {
    let (postgres, redis) = books(dayfly, copy).await?;
    let rows = "select md5(string_agg(a::text, ',' order by aid)) from pgbench_accounts a";
    let accounts = dayfly.sql(&copy.id, "main", rows).await?;
    Ok(format!("{postgres} {redis} {accounts}"))
}
