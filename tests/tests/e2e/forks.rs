//! Copies of previews that run.

use anyhow::{Context as _, ensure};
use harness::{App, Crowd, Dayfly, Docker, Visitor, eventually};
use http::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_has_the_data_and_an_address_of_its_own() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, source) = dayfly.open_live("change", &App::notes("text")).await?;
        source.note("before").await?;
        let fork = dayfly.fork(&pull.id).await?;
        ensure!(fork.id.starts_with("shop-f"), "{}", fork.id);
        let copy = dayfly.visitor(fork.url()?);
        ensure!(copy.authority().starts_with("f-"), "{}", copy.authority());
        ensure!(copy.notes().await? == ["before", "seeded"]);
        copy.note("in the fork").await?;
        source.note("in the source").await?;
        ensure!(copy.notes().await? == ["before", "in the fork", "seeded"]);
        ensure!(source.notes().await? == ["before", "in the source", "seeded"]);
        let url = |visitor: &Visitor| {
            let visitor = visitor.clone();
            async move {
                let environment: Value =
                    serde_json::from_str(&visitor.text("/environment").await?)?;
                anyhow::Ok(
                    environment["DATABASE_URL"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                )
            }
        };
        ensure!(
            url(&copy).await? != url(&source).await?,
            "both have one password"
        );
        // It outlives what it was taken of, image and all.
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        ensure!(copy.notes().await? == ["before", "in the fork", "seeded"]);
        for id in dayfly.docker.running(&fork.id).await? {
            Docker::run(&["rm", "--force", &id]).await?;
        }
        eventually("the fork runs again", async || copy.notes().await.map(drop)).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_under_another_commit_has_the_data_and_that_code() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        visitor.note("of the first").await?;
        let second = dayfly.push(&pull, &App::notes("second")).await?;
        dayfly.live(&pull, &second).await?;
        let path = format!("/api/v1/previews/{}/forks", pull.id);
        let body = json!({ "commit": &pull.commit.as_str()[..8] });
        let fork = dayfly.ask(&path, &body).await?;
        let fork = dayfly.settled(&fork.id, "live").await?;
        let copy = dayfly.visitor(fork.url()?);
        ensure!(copy.text("/").await? == "first");
        ensure!(copy.notes().await? == ["of the first", "seeded"]);
        let body = json!({ "commit": "0123abc" });
        let refused = dayfly.api.send(Method::POST, &path, Some(&body)).await?;
        ensure!(
            refused.status == 400 && refused.body.contains("no commit"),
            "{refused:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_of_two_databases_is_taken_at_one_moment_while_visitors_come() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::ledger()).await?;
        let crowd = Crowd::gather(visitor.clone(), "/book");
        crowd.more(50).await?;
        for _ in 0..5 {
            let fork = dayfly.fork(&pull.id).await?;
            let books: Value =
                serde_json::from_str(&dayfly.visitor(fork.url()?).text("/books").await?)?;
            let count = |name: &str| books[name].as_u64().context("no number");
            let (first, then) = (count("postgres")?, count("redis")?);
            // A visit that was under way is in neither, in both, or in the first alone.
            ensure!(
                first >= 50 && then <= first && first - then <= u64::from(Crowd::OPEN_MAX),
                "{books}"
            );
            dayfly.remove(&fork.id).await?;
            crowd.more(10).await?;
        }
        crowd.expect_no_failure().await?;
        let books: Value = serde_json::from_str(&visitor.text("/books").await?)?;
        ensure!(books["postgres"] == books["redis"], "{books}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_goes_on_when_the_server_dies_while_it_is_taken() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("text")).await?;
        let path = format!("/api/v1/previews/{}/forks", pull.id);
        let fork = dayfly.ask(&path, &json!({})).await?;
        dayfly.kill9().await?;
        dayfly.restart().await?;
        // Whatever stood still goes on.
        ensure!(visitor.notes().await? == ["seeded"]);
        let fork = dayfly.settled(&fork.id, "live").await?;
        ensure!(dayfly.visitor(fork.url()?).notes().await? == ["seeded"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_serve_cannot_be_forked_and_there_are_only_so_many() -> anyhow::Result<()> {
    let options = harness::Options {
        limits: vec!["forks_max = 1".to_owned()],
        ..harness::Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let broken = App::notes("text").with("seed.sql", "select nonsense;\n");
        let failed = dayfly.open("broken", &broken).await?;
        dayfly.failed(&failed, &failed.commit).await?;
        let post = async |path: String| {
            let answer = dayfly
                .api
                .send(Method::POST, &path, Some(&json!({})))
                .await?;
            anyhow::Ok((answer.status.as_u16(), answer.body))
        };
        let (status, said) = post(format!("/api/v1/previews/{}/forks", failed.id)).await?;
        ensure!(
            status == 409 && said.contains("it does not serve yet"),
            "{status} {said}"
        );
        let (status, said) = post(format!("/api/v1/previews/{}/undo", failed.id)).await?;
        ensure!(status == 409, "{status} {said}");
        let (pull, _) = dayfly.open_live("change", &App::page("text")).await?;
        dayfly.fork(&pull.id).await?;
        let (status, said) = post(format!("/api/v1/previews/{}/forks", pull.id)).await?;
        ensure!(
            status == 429 && said.contains("forks_max"),
            "{status} {said}"
        );
        Ok(())
    })
    .await
}
