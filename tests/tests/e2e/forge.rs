//! A forge that is ill: nothing is ever removed because of it.

use anyhow::ensure;
use harness::{App, Crowd, Dayfly, Options, eventually};
use webhook::model::Fault;

/// More than a test can use up.
const ALWAYS: u32 = 1_000_000;

/// Waits until the forge has been asked this often more for something below a path.
async fn asked(dayfly: &Dayfly, path: &str, times: usize) -> anyhow::Result<()> {
    let fits = |dayfly: &Dayfly| {
        let requests = dayfly.forge.requests();
        requests
            .iter()
            .filter(|r| r.path.starts_with(path) && r.status.is_some())
            .count()
    };
    let before = fits(dayfly);
    eventually(&format!("{times} more requests for {path}"), async || {
        ensure!(
            fits(dayfly) >= before + times,
            "{} so far",
            fits(dayfly) - before
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_ill_forge_answers_nothing_is_removed() -> anyhow::Result<()> {
    Dayfly::play_with(Options::polling(1), async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        let running = dayfly.docker.running(&pull.id).await?;
        let crowd = Crowd::gather(visitor.clone(), "/");
        let illnesses = [
            Fault::Status(500),
            Fault::Status(502),
            Fault::Status(403),
            Fault::Status(401),
            Fault::Status(404),
            Fault::Html,
            Fault::Close,
            Fault::RateLimit(1),
        ];
        for fault in illnesses {
            dayfly.forge.faults().next("/", fault.clone(), ALWAYS);
            // A hint that leads to a reading, and the listing of the sweep.
            dayfly.forge.label(&pull.repo, pull.number, "x")?;
            dayfly.forge.retarget(&pull.repo, pull.number, "main")?;
            asked(dayfly, "/", 2).await?;
            let preview = dayfly.api.preview(&pull.id).await?;
            let there = preview.phase != "closing" && preview.phase != "gone";
            ensure!(there, "{fault:?} led to {preview:?}");
            dayfly.forge.faults().clear();
        }
        dayfly.live(&pull, &pull.commit).await?;
        ensure!(dayfly.docker.running(&pull.id).await? == running);
        crowd.expect_no_failure().await?;
        // What was asked for meanwhile happens as soon as the forge is well.
        let commit = dayfly.push(&pull, &App::page("after")).await?;
        dayfly.live(&pull, &commit).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_while_the_forge_is_ill_is_carried_out_when_it_is_well() -> anyhow::Result<()> {
    Dayfly::play_with(Options::polling(1), async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        dayfly
            .forge
            .faults()
            .next("/repos/", Fault::Status(500), ALWAYS);
        dayfly.close(&pull)?;
        asked(dayfly, "/repos/", 2).await?;
        ensure!(visitor.text("/").await? == "steady");
        dayfly.forge.faults().clear();
        dayfly.gone(&pull.id).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_is_away_when_the_server_starts_is_asked_again_soon() -> anyhow::Result<()> {
    // Far more than any test may take.
    Dayfly::play_with(Options::polling(3600), async |dayfly| {
        dayfly.kill9().await?;
        let pull = dayfly.open("change", &App::page("missed")).await?;
        dayfly.forge.faults().next("/", Fault::Status(502), ALWAYS);
        dayfly.restart().await?;
        asked(dayfly, "/", 1).await?;
        dayfly.forge.faults().clear();
        dayfly.live(&pull, &pull.commit).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_whose_answer_is_lost_is_not_made_twice() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let path = "POST /repos/acme/shop/issues";
        dayfly.forge.faults().next(path, Fault::CloseAfter, 1);
        dayfly
            .forge
            .faults()
            .next("POST /repos/acme/shop/deployments", Fault::CloseAfter, 1);
        let (pull, _) = dayfly.open_live("change", &App::page("x")).await?;
        dayfly.comment(&pull, "**Preview live**").await?;
        eventually("one deployment that succeeded", async || {
            let all = dayfly.forge.deployments(&pull.repo);
            let [one] = all.as_slice() else {
                anyhow::bail!("{all:?}")
            };
            let done = one
                .statuses
                .last()
                .is_some_and(|status| status["state"] == "success");
            ensure!(done, "{one:?}");
            Ok(())
        })
        .await
    })
    .await
}
