//! A pull request opens.

use anyhow::ensure;
use harness::{App, Dayfly, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_opened_pull_request_gets_a_live_preview_and_the_forge_is_told() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("hello")).await?;
        ensure!(
            visitor.authority().starts_with("pr-1--shop.localhost:"),
            "{visitor:?}"
        );
        ensure!(visitor.text("/").await? == "hello");

        let comment = dayfly.comment(&pull, "**Preview live**").await?;
        let url = format!("http://{}", visitor.authority());
        ensure!(comment.contains(&url), "no address in {comment}");
        ensure!(
            comment.contains(&pull.commit.as_str()[..7]),
            "no commit in {comment}"
        );

        eventually("one deployment with its address", async || {
            let deployments = dayfly.forge.deployments(&pull.repo);
            let [deployment] = deployments.as_slice() else {
                anyhow::bail!("{deployments:?}")
            };
            ensure!(deployment.sha == pull.commit.as_str());
            let asked = &deployment.request;
            ensure!(asked["auto_merge"] == false && asked["transient_environment"] == true);
            ensure!(
                asked["required_contexts"] == serde_json::json!([]),
                "{asked}"
            );
            let last = deployment.statuses.last();
            let last = last.ok_or_else(|| anyhow::anyhow!("no status"))?;
            ensure!(last["state"] == "success", "{last}");
            let leads_there = last["environment_url"]
                .as_str()
                .is_some_and(|u| u.starts_with(&url));
            ensure!(leads_there, "{last}");
            Ok(())
        })
        .await?;
        eventually("the commit's mark", async || {
            let marks = dayfly.forge.commit_statuses(&pull.repo);
            let ours = marks
                .iter()
                .rev()
                .find(|mark| mark.sha == pull.commit.as_str());
            ensure!(
                ours.is_some_and(|mark| mark.state == "success"),
                "{marks:?}"
            );
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_visits_early_sees_a_page_that_looks_again_and_a_program_is_held()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let pull = dayfly
            .open("change", &App::page("hello").that_builds_for(2))
            .await?;
        let preview = dayfly.phase(&pull.id, "building").await?;
        let visitor = dayfly.visitor(preview.url()?);
        let page = visitor.browse("/").await?;
        ensure!(page.status == 503, "{page:?}");
        let refreshes = page.body.contains("http-equiv=\"refresh\"");
        ensure!(
            refreshes || page.headers.contains_key("refresh"),
            "{}",
            page.body
        );
        ensure!(
            visitor.text("/").await? == "hello",
            "a program is answered once it is live"
        );
        dayfly.live(&pull, &pull.commit).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_gets_no_preview_and_is_told_why() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let changes = App::page("evil")
            .files()
            .into_iter()
            .map(|(p, file)| (p, Some(file)));
        let fork = webhook::names::RepoName::parse("mallory/shop")?;
        let number = dayfly
            .forge
            .open_fork_pull_request(&dayfly.repo, Some(&fork), "x", &changes.collect(), "Please")
            .await?;
        eventually("the comment says why", async || {
            let comments = dayfly.forge.comments(&dayfly.repo, number);
            let told = comments
                .iter()
                .any(|comment| comment.body.contains("comes from a fork"));
            ensure!(told && comments.len() == 1, "{comments:?}");
            Ok(())
        })
        .await?;
        let preview = dayfly.gone("shop-1").await?;
        ensure!(preview.ended() == "fork", "{preview:?}");
        let left = dayfly.docker.left().await?;
        ensure!(
            left.is_empty() && dayfly.relay.count("POST /session") == 0,
            "{left:?}"
        );
        dayfly.forge.close(&dayfly.repo, number)?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_previews_live_side_by_side() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (one, two) = (App::page("one"), App::page("two"));
        let (one, two) =
            tokio::try_join!(dayfly.open_live("one", &one), dayfly.open_live("two", &two))?;
        ensure!(one.1.text("/").await? == "one");
        ensure!(two.1.text("/").await? == "two");
        dayfly.close(&one.0)?;
        dayfly.gone(&one.0.id).await?;
        ensure!(
            two.1.text("/").await? == "two",
            "the other one's end does it no harm"
        );
        let page = one.1.browse("/").await?;
        ensure!(page.status == 410, "{page:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn services_find_each_other_and_only_public_ones_have_an_address() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\
                    [services.api]\nbuild = \".\"\nhealth = \"/healthz\"\n\
                    [services.inner]\nbuild = \".\"\npublic = false\n";
        let app = App::probe("text").with("dayfly.toml", toml);
        let (pull, web) = dayfly.open_live("change", &app).await?;
        let preview = dayfly.api.preview(&pull.id).await?;
        let url_of = |name: &str| {
            let service = preview
                .services
                .iter()
                .find(|service| service["name"] == name);
            service.and_then(|service| service["url"].as_str().map(str::to_owned))
        };
        ensure!(url_of("inner").is_none(), "{preview:?}");
        let api = url_of("api").ok_or_else(|| anyhow::anyhow!("{preview:?}"))?;
        ensure!(api.contains("pr-1--api--shop.localhost"), "{api}");
        ensure!(dayfly.visitor(&api).text("/").await? == "text");
        let guess = api.replace("--api--", "--inner--");
        let refused = dayfly.visitor(&guess).get("/").await?;
        ensure!(refused.status == 404, "{refused:?}");
        let found = web.text("/reach?host=inner&port=8080").await?;
        ensure!(found == "open", "the private service: {found}");
        Ok(())
    })
    .await
}
