//! One run: people, noise, visitors and a killer, then the reckoning.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::{
    audience::Audience,
    dice::Dice,
    killing::{self, Killed},
    noise,
    options::Options,
    people::Person,
    report::Report,
    settle,
};
use harness::{self, Dayfly};

/// How often it is told how far it is.
const TELL_PAUSE: Duration = Duration::from_secs(5);
/// How long a revision may take to become healthy, in seconds: on a machine that is busy with
/// deaths and births none may be blamed for being slow.
const START_SECONDS_MAX: u64 = 120;
/// How many requests the forge answers during a run.
const FORGE_REQUESTS: u64 = 1_000_000;

/// Kills the control plane under load, and reports. A fault of the run itself is an error; what
/// the run found is in the report.
///
/// # Errors
/// Where the run could not be played to its end, or where something is left after it.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let settings = harness::Options {
        start_seconds_max: START_SECONDS_MAX,
        ..harness::Options::default()
    };
    let played = Dayfly::play_with(settings, async |dayfly| {
        tokio::select! {
            played = play(dayfly, options, &mut report) => played,
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
    })
    .await;
    match played {
        // What is left is taken away without waiting for what will not come.
        Err(error) if report.kills == 0 => Err(error),
        Err(error) => {
            report.wrong.push(format!("{error:#}"));
            Ok(report)
        }
        Ok(()) => Ok(report),
    }
}

async fn play(dayfly: &Dayfly, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let began = Instant::now();
    report.seed = options.seed;
    // The noise alone is more than a forge grants in an hour.
    dayfly.forge.set_quota_left(FORGE_REQUESTS);
    let mut dice = Dice::new(options.seed);
    let audience = Audience::gather();
    let mut people = Vec::new();
    for place in 0..options.pulls {
        people.push(Person::arrive(dayfly, &audience, dice.fork(), place).await?);
    }
    people[0].settle_in().await?;
    let proxy = dayfly.proxy_pid().await?;
    let killed = Killed::default();
    let stop = CancellationToken::new();
    let trouble = async {
        let outcome = killing::kill_often(dayfly, options, dice.fork(), &killed).await;
        stop.cancel();
        outcome
    };
    let noise_dice = Dice::new(options.seed ^ options.kills);
    let work = async {
        let all = try_join_all(people.iter_mut().map(|person| person.work(&stop)));
        tokio::try_join!(
            trouble,
            all,
            noise::make_noise(dayfly, options.pulls, noise_dice, &stop)
        )
    };
    let worked = tokio::select! {
        worked = work => worked.map(drop),
        () = tell(dayfly, &audience, &killed, options, began) => Ok(()),
    };
    report.kills = killed.kills();
    report.away = (killed.away_mean(), killed.away_max());
    let reckoned = match worked {
        Ok(()) => reckon(dayfly, &mut people, report).await,
        Err(error) => Err(error),
    };
    let reception = audience.reception();
    report.visits = (reception.visits, reception.failed);
    report.failures = reception.told;
    report.pushes = people.iter().map(|person| person.deeds.pushes).sum();
    report.closes = people.iter().map(|person| person.deeds.closes).sum();
    report.asked_again = people.iter().map(|person| person.deeds.asked_again).sum();
    report.took = began.elapsed();
    if reckoned.is_ok() && dayfly.proxy_pid().await? != proxy {
        report
            .wrong
            .push("the proxy was replaced instead of adopted".to_owned());
    }
    reckoned
}

async fn reckon(
    dayfly: &Dayfly,
    people: &mut [Person<'_>],
    report: &mut Report,
) -> anyhow::Result<()> {
    settle::settle(people).await?;
    settle::account(dayfly, report).await?;
    settle::close_all(dayfly, people, report).await
}

/// Tells how far it is, for ever.
async fn tell(
    dayfly: &Dayfly,
    audience: &Audience,
    killed: &Killed,
    options: &Options,
    began: Instant,
) {
    let mut tick = interval(TELL_PAUSE);
    loop {
        tick.tick().await;
        let acknowledged = settle::acknowledged(&dayfly.forge.deliveries()).len();
        let reception = audience.reception();
        // Where nobody listens nothing has to be said.
        let _ = writeln!(
            std::io::stdout(),
            "  {:>5} s  kill {} of {}, {} previews visited, {} requests ({} failed), \
             {acknowledged} deliveries acknowledged",
            began.elapsed().as_secs(),
            killed.kills(),
            options.kills,
            audience.seats(),
            reception.visits,
            reception.failed,
        );
    }
}
