//! Copies of a database that runs.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use super::{
    forks::container,
    numbers::{median, ms, p99},
    row::Row,
};
use harness::{Dayfly, Docker};

/// How often it is copied while nobody uses it.
const ROUNDS: usize = 5;
/// How often under load.
const PAUSES: usize = 50;
/// Where only a first impression is wanted.
const PAUSES_QUICK: usize = 12;
/// How long the load lasts at most, for each copy.
const SECONDS_EACH_MAX: usize = 30;

const PAUSE_GOAL_MS: f64 = 300.0;
const RUNNING_GOAL_S: f64 = 4.0;
const IDLE_GOAL_S: f64 = 1.0;

/// Copies of a database that runs, idle and under pgbench.
pub(super) async fn measure(dayfly: &Dayfly, big: &str, quick: bool) -> anyhow::Result<Vec<Row>> {
    let pauses_wanted = if quick { PAUSES_QUICK } else { PAUSES };
    let mut idle = Vec::new();
    for _ in 0..ROUNDS {
        idle.push(fork(dayfly, big).await?);
    }
    let before = pauses(&dayfly.log()).len();
    let inside = container(dayfly, big).await?;
    let seconds = (PAUSES * SECONDS_EACH_MAX).to_string();
    let load = [
        "exec", "--detach", &inside, "pgbench", "-n", "-c", "4", "-j", "2", "-T", &seconds, "-U",
        "app", "app",
    ];
    Docker::run(&load).await?;
    let mut busy = Vec::new();
    for _ in 0..pauses_wanted {
        busy.push(fork(dayfly, big).await?);
    }
    let programs = Docker::run(&["top", &inside]).await?;
    ensure!(
        programs.contains("pgbench"),
        "the load ended before the last copy was taken: {programs}"
    );
    let pauses = pauses(&dayfly.log()).split_off(before);
    ensure!(
        pauses.len() == pauses_wanted,
        "{} pauses of {pauses_wanted}",
        pauses.len()
    );
    Ok(vec![
        Row::alone(
            "fork_running_pause_ms",
            ms(p99(&pauses)),
            "ms",
            Some(PAUSE_GOAL_MS),
        ),
        Row::alone(
            "fork_running_s",
            median(&busy).as_secs_f64(),
            "s",
            Some(RUNNING_GOAL_S),
        ),
        Row::alone("fork_running_p99_s", p99(&busy).as_secs_f64(), "s", None),
        Row::alone(
            "fork_running_idle_s",
            median(&idle).as_secs_f64(),
            "s",
            Some(IDLE_GOAL_S),
        ),
    ])
}

/// From the request to a copy that answers, whose books balance. Not those of all accounts: to read
/// a GiB between two copies would measure something else.
async fn fork(dayfly: &Dayfly, id: &str) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let path = format!("/api/v1/previews/{id}/forks");
    let asked = dayfly.ask(&path, &json!({})).await?;
    let made = dayfly.settled(&asked.id, "live").await?;
    let took = began.elapsed();
    let balance = "select (select sum(tbalance) from pgbench_tellers) = \
                   (select sum(bbalance) from pgbench_branches) and \
                   (select sum(bbalance) from pgbench_branches) = \
                   (select coalesce(sum(delta), 0) from pgbench_history)";
    let balances = dayfly.sql(&made.id, "-", balance).await?;
    ensure!(balances == "t", "a copy is torn: {balances}");
    dayfly.remove(&made.id).await?;
    Ok(took)
}

/// How long what runs stood still, for each copy that the server's log tells of.
fn pauses(log: &str) -> Vec<Duration> {
    let told = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("paused_ms=")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(Duration::from_millis)
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_read_from_the_log() {
        let log = "INFO copied preview=a paused_ms=12 took_ms=40\nINFO other\nINFO paused_ms=7";
        assert_eq!(
            pauses(log),
            [Duration::from_millis(12), Duration::from_millis(7)]
        );
    }
}
