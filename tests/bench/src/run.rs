//! One run: every figure, one after the other, so that none disturbs another.

use std::io::Write as _;

use anyhow::{Context as _, ensure};
use harness::Dayfly;
use simulation::model::lives;

use super::{
    acks, backup, builder, forks, imports, neighbour,
    options::{Options, Part},
    row::Row,
    turnaround, unchanged,
};

/// Measures everything. A goal that is missed is not an error; what cannot be measured is.
///
/// # Errors
/// Where something broke.
pub async fn run(options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if options.has(Part::Lives) {
        say("simulated lives")?;
        rows.push(simulated(options.lives)?);
    }
    if options.has(Part::Pushes) {
        say(&format!(
            "{} pairs of pushes and new previews",
            options.pairs
        ))?;
        play(async |dayfly| {
            rows.extend(turnaround::measure(dayfly, options.pairs).await?);
            Ok(())
        })
        .await?;
    }
    if options.has(Part::Webhooks) {
        say(&format!(
            "webhooks for {:?} during a heavy build",
            options.acks
        ))?;
        play(async |dayfly| {
            rows.extend(acks::measure(dayfly, options.acks).await?);
            Ok(())
        })
        .await?;
    }
    if options.has(Part::Builds) {
        say("builds")?;
        rows.extend(builder::measure().await?);
        play(async |dayfly| {
            rows.push(unchanged::measure(dayfly).await?);
            Ok(())
        })
        .await?;
    }
    rows.extend(data(options).await?);
    if options.has(Part::Neighbour) {
        say(&format!(
            "a neighbour for {:?} idle and as long during a greedy build",
            options.acks
        ))?;
        Dayfly::play_with(neighbour::settings(), async |dayfly| {
            rows.push(neighbour::measure(dayfly, options.acks).await?);
            Ok(())
        })
        .await?;
    }
    Ok(rows)
}

/// What is done with data.
async fn data(options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if options.has(Part::Forks) {
        say("forks of data")?;
        Dayfly::play_with(forks::settings(), async |dayfly| {
            rows.extend(forks::measure(dayfly, options.quick).await?);
            Ok(())
        })
        .await?;
    }
    if options.has(Part::Imports) {
        say("imports of data")?;
        play(async |dayfly| {
            rows.extend(imports::measure(dayfly, options.quick).await?);
            Ok(())
        })
        .await?;
    }
    if options.has(Part::Backup) {
        say("backups beside tar and two checksums")?;
        play(async |dayfly| {
            rows.push(backup::measure(dayfly, options.quick).await?);
            Ok(())
        })
        .await?;
    }
    Ok(rows)
}

/// Against a server that speaks to the engine itself: nothing stands between them, as on any
/// machine.
async fn play(measure: impl AsyncFnOnce(&Dayfly) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let settings = harness::Options {
        direct: true,
        ..harness::Options::default()
    };
    Dayfly::play_with(settings, measure).await
}

fn simulated(count: u64) -> anyhow::Result<Row> {
    let report = lives(0, count);
    if let Some(failure) = report.failure {
        anyhow::bail!("{failure}");
    }
    ensure!(
        report.lives == count,
        "{} of {count} lives were lived",
        report.lives
    );
    Ok(Row::alone(
        "simulated_lives_per_s",
        report.lives_per_second,
        "per s",
        None,
    ))
}

/// What is measured now, and how busy the machine is with other things before.
fn say(what: &str) -> anyhow::Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg").context("the load is not to be read")?;
    let load = load.split_ascii_whitespace().next().unwrap_or_default();
    Ok(writeln!(
        std::io::stdout(),
        "measuring {what} (load {load})"
    )?)
}
