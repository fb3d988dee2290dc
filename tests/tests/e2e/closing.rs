//! A pull request ends.

use std::time::Instant;

use anyhow::ensure;
use harness::{Act, App, Dayfly, Moment, Rule, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_close_during_a_build_leaves_nothing() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let pull = dayfly
            .open("change", &App::page("never").that_builds_for(600))
            .await?;
        eventually("the build runs", async || {
            ensure!(dayfly.relay.count("POST /session") == 1, "not yet");
            Ok(())
        })
        .await?;
        let began = Instant::now();
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        println!("gone after {} ms", began.elapsed().as_millis());
        let left = dayfly.docker.left().await?;
        ensure!(left.is_empty(), "{left:?}");
        ensure!(dayfly.forge.deployments(&pull.repo).is_empty());
        dayfly.comment(&pull, "was closed").await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_is_opened_and_merged_within_a_second_leaves_nothing()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let pull = dayfly.open("change", &App::page("brief")).await?;
        dayfly.forge.merge(&pull.repo, pull.number).await?;
        let preview = dayfly.gone(&pull.id).await?;
        ensure!(preview.ended() == "merged", "{preview:?}");
        let left = dayfly.docker.left().await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_while_a_container_starts_leaves_nothing() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        for (pattern, branch) in [
            ("POST /containers/create", "one"),
            ("POST /containers/*/start", "two"),
        ] {
            let rule = Rule {
                pattern: pattern.to_owned(),
                nth: 1,
                moment: Moment::Before,
                act: Act::Hold,
            };
            let fired = dayfly.relay.fired();
            dayfly.relay.arm(rule);
            let pull = dayfly.open(branch, &App::page("brief")).await?;
            eventually("the call is held", async || {
                ensure!(dayfly.relay.fired() > fired, "not yet");
                Ok(())
            })
            .await?;
            dayfly.close(&pull)?;
            dayfly.phase(&pull.id, "closing").await?;
            dayfly.relay.release();
            dayfly.gone(&pull.id).await?;
            let left = dayfly.docker.left().await?;
            ensure!(left.is_empty(), "{left:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_base_changes_nothing_else() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        let files = App::page("next")
            .files()
            .into_iter()
            .map(|(p, file)| (p, Some(file)));
        dayfly
            .forge
            .push(&pull.repo, "next", "main", &files.collect(), "Next")
            .await?;
        let running = dayfly.docker.running(&pull.id).await?;
        let builds = dayfly.relay.count("POST /session");
        dayfly.forge.retarget(&pull.repo, pull.number, "next")?;
        eventually("the webhook is taken", async || {
            let deliveries = dayfly.api.get("/api/v1/deliveries").await?;
            let edited = deliveries
                .as_array()
                .is_some_and(|all| all.iter().any(|delivery| delivery["action"] == "edited"));
            ensure!(edited, "{deliveries}");
            Ok(())
        })
        .await?;
        dayfly.live(&pull, &pull.commit).await?;
        ensure!(visitor.text("/").await? == "steady");
        ensure!(dayfly.docker.running(&pull.id).await? == running);
        ensure!(
            dayfly.relay.count("POST /session") == builds,
            "it was built again"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_was_removed_by_hand_stays_away_until_it_is_asked_for() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("back")).await?;
        let path = format!("/api/v1/previews/{}", pull.id);
        let removed = dayfly.api.send(http::Method::DELETE, &path, None).await?;
        ensure!(removed.status == 202, "{removed:?}");
        dayfly.gone(&pull.id).await?;
        let left = dayfly.docker.left().await?;
        ensure!(left.is_empty(), "{left:?}");
        ensure!(visitor.browse("/").await?.status == 410);
        let body = serde_json::json!({ "repository": "acme/shop", "number": pull.number.0 });
        let asked = dayfly
            .api
            .send(http::Method::POST, "/api/v1/previews", Some(&body))
            .await?;
        ensure!(asked.status == 202, "{asked:?}");
        dayfly.live(&pull, &pull.commit).await?;
        ensure!(visitor.text("/").await? == "back");
        Ok(())
    })
    .await
}
