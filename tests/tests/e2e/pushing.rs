//! A pull request gets another commit.

use anyhow::ensure;
use harness::{App, Crowd, Dayfly, Options, eventually, runs};

/// A build that would outlast the test if nobody ended it.
const FOR_EVER_SECONDS: u32 = 600;

/// What the command line of such a build holds.
fn build_command(seconds: u32) -> String {
    format!("time.sleep({seconds})")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_during_a_build_cancels_it_in_the_engine_and_the_newest_commit_wins()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let seconds = FOR_EVER_SECONDS + std::process::id() % 1000;
        let old = App::page("old").that_builds_for(seconds);
        let pull = dayfly.open("change", &old).await?;
        eventually("the first build runs", async || {
            ensure!(runs(&build_command(seconds))?, "not yet");
            Ok(())
        })
        .await?;
        let newest = dayfly.push(&pull, &App::page("new")).await?;
        let preview = dayfly.live(&pull, &newest).await?;
        ensure!(dayfly.visitor(preview.url()?).text("/").await? == "new");
        eventually("the first build has ended", async || {
            ensure!(!runs(&build_command(seconds))?, "it goes on");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_switches_a_live_preview_without_a_failed_request() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::probe("first")).await?;
        let crowd = Crowd::gather(visitor.clone(), "/");
        crowd.more(25).await?;
        for text in ["second", "third"] {
            let commit = dayfly.push(&pull, &App::probe(text)).await?;
            dayfly.live(&pull, &commit).await?;
            ensure!(visitor.text("/").await? == text);
            crowd.more(25).await?;
        }
        eventually("only the newest revision runs", async || {
            let running = dayfly.docker.running(&pull.id).await?;
            ensure!(running.len() == 1, "{running:?}");
            let left = dayfly.docker.left().await?;
            // The image before stays for a revert.
            ensure!(
                left.images.len() == 2 && left.networks.len() == 1,
                "{left:?}"
            );
            Ok(())
        })
        .await?;
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_leaves_the_old_revision_serving_and_the_comment_names_the_commit()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("good")).await?;
        let crowd = Crowd::gather(visitor.clone(), "/");
        let broken = App::page("bad").then("RUN echo the-reason-is-here && exit 3");
        let bad = dayfly.push(&pull, &broken).await?;
        let preview = dayfly.failed(&pull, &bad).await?;
        ensure!(
            preview.serving_commit.as_deref() == Some(pull.commit.as_str()),
            "{preview:?}"
        );
        let diagnosed = preview.diagnosed();
        ensure!(diagnosed.contains("DF201") && diagnosed.contains("the-reason-is-here"));
        let comment = dayfly.comment(&pull, "failed").await?;
        let short = |commit: &str| commit[..7].to_owned();
        ensure!(comment.contains(&short(bad.as_str())), "{comment}");
        ensure!(comment.contains(&short(pull.commit.as_str())), "{comment}");
        ensure!(comment.contains("the-reason-is-here"), "{comment}");
        ensure!(visitor.text("/").await? == "good");
        let mended = dayfly.push(&pull, &App::page("mended")).await?;
        dayfly.live(&pull, &mended).await?;
        ensure!(visitor.text("/").await? == "mended");
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_the_old_revision_serving_and_the_comment_names_the_commit()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("good")).await?;
        let crowd = Crowd::gather(visitor.clone(), "/");
        let line = "CMD [\"python3\", \"-c\", \"import sys; sys.exit('last words')\"]";
        let bad = dayfly.push(&pull, &App::page("bad").then(line)).await?;
        let preview = dayfly.failed(&pull, &bad).await?;
        ensure!(
            preview.serving_commit.as_deref() == Some(pull.commit.as_str()),
            "{preview:?}"
        );
        ensure!(
            preview.diagnosed().contains("last words"),
            "{}",
            preview.diagnosed()
        );
        let comment = dayfly.comment(&pull, "failed").await?;
        ensure!(comment.contains(&bad.as_str()[..7]), "{comment}");
        ensure!(comment.contains("last words"), "{comment}");
        let advised = format!("dayfly logs {} --failed", pull.id);
        ensure!(comment.contains(&advised), "{comment}");
        eventually("the advice leads to what it printed", async || {
            let words = ["logs", &pull.id, "--failed"];
            let said = dayfly.command(dayfly.data(), &words).await?.printed()?;
            ensure!(said.contains("last words"), "{said}");
            Ok(())
        })
        .await?;
        ensure!(visitor.text("/").await? == "good");
        crowd.expect_no_failure().await?;
        eventually("the failed revision is taken away", async || {
            let running = dayfly.docker.running(&pull.id).await?;
            ensure!(running.len() == 1, "{running:?}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_never_listens_is_diagnosed_when_its_time_is_up() -> anyhow::Result<()> {
    let options = Options {
        start_seconds_max: 3,
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let line = "CMD [\"busybox\", \"sleep\", \"600\"]";
        let pull = dayfly.open("change", &App::page("mute").then(line)).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(preview.serving_commit.is_none(), "{preview:?}");
        ensure!(
            preview.diagnosed().contains("DF302"),
            "{}",
            preview.diagnosed()
        );
        let visitor = dayfly.visitor(preview.url()?);
        eventually("the page says so too", async || {
            let page = visitor.browse("/").await?;
            ensure!(
                page.status == 502 && page.body.contains("DF302"),
                "{page:?}"
            );
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_in_flight_during_the_switch_is_answered_by_the_old_revision()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::probe("old")).await?;
        let slow = {
            let visitor = visitor.clone();
            tokio::spawn(async move { visitor.text("/slow?seconds=6").await })
        };
        eventually("the slow request is in flight", async || {
            let log = dayfly.docker.logs_of(&pull.id).await?;
            ensure!(log.contains("begin /slow"), "{log}");
            Ok(())
        })
        .await?;
        let commit = dayfly.push(&pull, &App::probe("new")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == "new");
        ensure!(slow.await?? == "old");
        Ok(())
    })
    .await
}
