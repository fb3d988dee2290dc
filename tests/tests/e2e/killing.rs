//! Processes that die at the worst moments.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use harness::{Act, App, Crowd, Dayfly, Moment, Rule, Visitor, eventually_within};

/// The calls of the engine on the way up.
const OPENING: [&str; 4] = [
    "POST /networks/create",
    "POST /session",
    "POST /containers/create",
    "POST /containers/*/start",
];

/// And on the way down.
const CLOSING: [&str; 4] = [
    "POST /containers/*/stop",
    "DELETE /containers/*",
    "DELETE /networks/*",
    "DELETE /images/**",
];

/// Those that matter to a preview with a database, besides the usual, and whether its data are made anew:
/// only then a program is started in its container. The last one leaves a server that runs and that
/// nobody has told its password.
const WITH_DATABASE: [(&str, bool); 4] = [
    ("POST /networks/*/connect", true),
    ("POST /containers/*/exec", true),
    ("POST /exec/*/start", true),
    ("POST /containers/*/start", false),
];

/// With the second one a database's server goes, after the service that used it.
const REMOVE: &str = "DELETE /containers/*";

fn kill(dayfly: &Dayfly, pattern: &str, nth: u32, moment: Moment) {
    let act = Act::Run(dayfly.killer());
    dayfly.relay.arm(Rule {
        pattern: pattern.to_owned(),
        nth,
        moment,
        act,
    });
}

/// Waits for the death that was arranged, and starts the server again.
async fn rise_again(dayfly: &Dayfly, pattern: &str) -> anyhow::Result<()> {
    dayfly
        .dead()
        .await
        .with_context(|| format!("no call was {pattern}"))?;
    dayfly.relay.release();
    dayfly.restart().await
}

async fn killed_on_the_way(moment: Moment) -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (_, neighbour) = dayfly
            .open_live("neighbour", &App::page("neighbour"))
            .await?;
        let crowd = Crowd::gather(neighbour, "/");
        for (at, (up, down)) in OPENING.into_iter().zip(CLOSING).enumerate() {
            let text = format!("text {at}");
            kill(dayfly, up, 1, moment);
            let pull = dayfly.open(&format!("b{at}"), &App::page(&text)).await?;
            rise_again(dayfly, up).await?;
            let preview = dayfly.live(&pull, &pull.commit).await.context(up)?;
            ensure!(
                dayfly.visitor(preview.url()?).text("/").await? == text,
                "{up}"
            );
            kill(dayfly, down, 1, moment);
            dayfly.close(&pull)?;
            rise_again(dayfly, down).await?;
            dayfly.gone(&pull.id).await.context(down)?;
        }
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_any_step_the_server_converges_and_the_neighbour_is_served()
-> anyhow::Result<()> {
    killed_on_the_way(Moment::Before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_step_the_server_converges_and_the_neighbour_is_served()
-> anyhow::Result<()> {
    killed_on_the_way(Moment::After).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_built_before_the_server_was_killed_is_not_built_again() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        for (at, moment) in [Moment::Before, Moment::After].into_iter().enumerate() {
            let before = dayfly.relay.count("POST /session");
            kill(dayfly, "POST /containers/create", 1, moment);
            let pull = dayfly.open(&format!("b{at}"), &App::page("once")).await?;
            rise_again(dayfly, "POST /containers/create").await?;
            dayfly.live(&pull, &pull.commit).await?;
            let builds = dayfly.relay.count("POST /session") - before;
            ensure!(builds == 1, "{builds} builds");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_an_update_the_server_converges_and_no_visitor_notices() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::probe("text")).await?;
        let crowd = Crowd::gather(visitor.clone(), "/");
        let steps = OPENING
            .into_iter()
            .chain(["POST /containers/*/stop", "DELETE /networks/*"]);
        for (at, step) in steps.enumerate() {
            let text = format!("text {at}");
            kill(dayfly, step, 1, Moment::After);
            let commit = dayfly.push(&pull, &App::probe(&text)).await?;
            rise_again(dayfly, step).await?;
            dayfly.live(&pull, &commit).await.context(step)?;
            ensure!(visitor.text("/").await? == text, "{step}");
        }
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_database_comes_or_goes_the_server_converges() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let mut seeds = 0;
        for (at, (up, is_made_anew)) in WITH_DATABASE.into_iter().enumerate() {
            kill(dayfly, up, 1, Moment::After);
            seeds += u32::from(is_made_anew);
            let app = App::notes_from("text", &format!("-- seed {seeds}\n"));
            let pull = dayfly.open(&format!("b{at}"), &app).await?;
            rise_again(dayfly, up).await?;
            let preview = dayfly.live(&pull, &pull.commit).await.context(up)?;
            let notes = dayfly.visitor(preview.url()?).text("/notes").await?;
            ensure!(notes == "[\"seeded\"]", "{up}: {notes}");
            kill(dayfly, REMOVE, 2, Moment::Before);
            dayfly.close(&pull)?;
            rise_again(dayfly, REMOVE).await?;
            dayfly.gone(&pull.id).await.context(up)?;
        }
        Ok(())
    })
    .await
}

/// Numbers that look random and come from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        // Knuth's constants.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        u32::try_from(self.0 >> 33).unwrap_or_default() % limit
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_the_server_loses_no_acknowledged_webhook() -> anyhow::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH)?;
    let seed = std::env::var("TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(now.subsec_nanos().into());
    let mut dice = Dice(seed);
    let played = Dayfly::play(async |dayfly| {
        let (_, neighbour) = dayfly
            .open_live("neighbour", &App::page("neighbour"))
            .await?;
        let crowd = Crowd::gather(neighbour, "/");
        for at in 0..5 {
            let text = format!("text {at}");
            kill(dayfly, "* /**", 1 + dice.below(40), Moment::Before);
            let pull = dayfly.open(&format!("b{at}"), &App::page(&text)).await?;
            let sent = acknowledged(dayfly).await?;
            if sent {
                rise_again(dayfly, "at random").await?;
                dayfly.live(&pull, &pull.commit).await?;
                kill(dayfly, "* /**", 1 + dice.below(40), Moment::After);
                dayfly.close(&pull)?;
                rise_again(dayfly, "at random").await?;
            } else {
                rise_again(dayfly, "at random").await?;
            }
        }
        crowd.expect_no_failure().await.map(drop)
    });
    played.await.with_context(|| format!("TEST_SEED={seed}"))
}

/// Whether the last webhook was acknowledged.
async fn acknowledged(dayfly: &Dayfly) -> anyhow::Result<bool> {
    harness::eventually("an answer to the webhook", async || {
        let all = dayfly.forge.deliveries();
        let last = all.last().and_then(|delivery| delivery.status);
        last.map(|status| status == 202).context("none yet")
    })
    .await
}

async fn is_back(visitor: &Visitor, since: Instant, within: Duration) -> anyhow::Result<()> {
    eventually_within(within, "the proxy is back", async || {
        ensure!(visitor.text("/").await? == "steady");
        Ok(())
    })
    .await
    .with_context(|| format!("{:?} after the kill", since.elapsed()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_proxy_is_back_within_a_second() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (_, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        for _ in 0..3 {
            let old = dayfly.kill9_proxy().await?;
            is_back(&visitor, Instant::now(), Duration::from_secs(1)).await?;
            ensure!(dayfly.proxy_pid().await? != old);
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_dead_its_previews_are_served_and_afterwards_as_before()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        let crowd = Crowd::gather(visitor.clone(), "/");
        let proxy = dayfly.proxy_pid().await?;
        let containers = dayfly.docker.running(&pull.id).await?;
        for _ in 0..3 {
            dayfly.kill9().await?;
            crowd.more(10).await?;
            dayfly.restart().await?;
            dayfly.live(&pull, &pull.commit).await?;
        }
        ensure!(dayfly.proxy_pid().await? == proxy, "the proxy was replaced");
        let now = dayfly.docker.running(&pull.id).await?;
        ensure!(now == containers, "{now:?} instead of {containers:?}");
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused_and_told_who_holds_it() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let config = dayfly.data().join("dayfly.server.toml");
        let config = config.to_str().context("a path")?;
        let ran = dayfly
            .command(dayfly.data(), &["serve", "--config", config])
            .await?;
        ensure!(!ran.success, "{ran:?}");
        ensure!(
            ran.stderr.contains(&dayfly.server_pid().to_string()),
            "{}",
            ran.stderr
        );
        dayfly.api.get("/healthz").await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_while_the_server_was_dead_is_made_good_at_its_start() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let (one, first) = dayfly.open_live("one", &App::page("one")).await?;
        let (two, _) = dayfly.open_live("two", &App::page("two")).await?;
        dayfly.kill9().await?;
        let commit = dayfly.push(&one, &App::page("one more")).await?;
        dayfly.close(&two)?;
        let three = dayfly.open("three", &App::page("three")).await?;
        eventually_within(harness::DEADLINE, "every webhook was refused", async || {
            let all = dayfly.forge.deliveries();
            let missed = all
                .iter()
                .filter(|d| d.status.is_some_and(|status| status != 202));
            ensure!(missed.count() == 3, "{all:?}");
            Ok(())
        })
        .await?;
        dayfly.restart().await?;
        dayfly.live(&one, &commit).await?;
        ensure!(first.text("/").await? == "one more");
        dayfly.live(&three, &three.commit).await?;
        dayfly.gone(&two.id).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_leaves_previews_and_proxy_as_they_are() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        let crowd = Crowd::gather(visitor, "/");
        let (proxy, running) = (
            dayfly.proxy_pid().await?,
            dayfly.docker.running(&pull.id).await?,
        );
        dayfly
            .command(dayfly.data(), &["down", "--keep-proxy"])
            .await?
            .printed()?;
        dayfly.dead().await?;
        crowd.more(20).await?;
        dayfly.restart().await?;
        dayfly.live(&pull, &pull.commit).await?;
        ensure!(dayfly.proxy_pid().await? == proxy, "the proxy was replaced");
        ensure!(
            dayfly.docker.running(&pull.id).await? == running,
            "a container was replaced"
        );
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}
