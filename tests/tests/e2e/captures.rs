//! Frozen states, and copies of them.

use anyhow::{Context as _, ensure};
use harness::{App, Browser, Dayfly, Options};
use http::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_opens_the_same_state_each_time_whatever_became_of_its_source()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        visitor.post("/notes", "seen").await?;
        let capture = dayfly.capture(&pull.id).await?;
        ensure!(
            dayfly.docker.running(&capture.id).await?.is_empty(),
            "a capture runs"
        );
        visitor.post("/notes", "later").await?;
        let second = dayfly.push(&pull, &App::notes("second")).await?;
        dayfly.live(&pull, &second).await?;
        dayfly.reset(&pull.id).await?;
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        for _ in 0..3 {
            let copy = dayfly.fork(&capture.id).await?;
            let opened = dayfly.visitor(copy.url()?);
            ensure!(opened.text("/").await? == "first");
            ensure!(opened.notes().await? == ["seeded", "seen"]);
            dayfly.remove(&copy.id).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captures_link_opens_a_copy_of_its_own_for_whoever_presses() -> anyhow::Result<()> {
    Dayfly::play_with(Options::at("previews.test"), async |dayfly| {
        let toml = "[services.web]\nbuild = \".\"\nmain = true\n\n\
                    [services.second]\nbuild = \".\"\n";
        let app = App::page("text").with("dayfly.toml", toml);
        let (pull, _) = dayfly.open_live("change", &app).await?;
        let at = json!({ "note": "the total is wrong", "path": "/env?total=7" });
        let capture = dayfly.capture_as(&pull.id, &at).await?;
        let link = capture.url()?.to_owned();
        let (base, query) = link.split_once("/.dayfly/open").context("no link")?;
        let visitor = dayfly.visitor(base);
        let page = visitor.browse(&format!("/.dayfly/open{query}")).await?;
        ensure!(
            page.status == 200 && page.body.contains("Open a fresh copy"),
            "{page:?}"
        );
        ensure!(page.body.contains("the total is wrong"), "{page:?}");
        let nobody = visitor.browse("/").await?;
        ensure!(nobody.status == 403, "{nobody:?}");
        let wrong = visitor
            .send(Method::POST, "/.dayfly/fork?token=wrong", "", &[])
            .await?;
        ensure!(wrong.status == 403, "{wrong:?}");
        let pressed = visitor
            .send(Method::POST, &format!("/.dayfly/fork{query}"), "", &[])
            .await?;
        ensure!(pressed.status == 303, "{pressed:?}");
        let copy = pressed.headers["location"].to_str()?;
        ensure!(copy.contains("//f-") && copy.contains("token="), "{copy}");
        let all = dayfly.api.previews().await?;
        let fork = all.iter().find(|preview| preview.id.starts_with("shop-f"));
        let fork = dayfly.settled(&fork.context("no fork")?.id, "live").await?;
        let second = fork
            .services
            .iter()
            .find(|service| service["name"] == "second");
        let second = second.and_then(|service| service["url"].as_str());
        let links = [(copy, "/env?total=7"), (second.context("no URL")?, "/")];
        for (link, into) in links {
            let (base, _) = link.split_once("/.dayfly/open").context("no link")?;
            let (way, _) = Browser::new(dayfly.proxy).open(link).await?;
            let end = format!("{base}{into}");
            ensure!(way.last() == Some(&end), "{way:?}");
        }
        let refused = [
            ("//elsewhere.test", "one `/`"),
            ("cart", "one `/`"),
            ("/.dayfly/fork", "Dayfly itself"),
        ];
        for (path, why) in refused {
            let refused = dayfly.capture_as(&pull.id, &json!({ "path": path })).await;
            let said = refused.err().context("it was taken")?.to_string();
            ensure!(said.contains(why), "{path}: {said}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_a_copy_is_shown_how_far_it_is_until_it_serves() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::page("text")).await?;
        let capture = dayfly.capture(&pull.id).await?;
        let visitor = dayfly.visitor(capture.url()?);
        for _ in 0..4 {
            let pressed = visitor.send(Method::POST, "/.dayfly/fork", "", &[]).await?;
            ensure!(pressed.status == 303, "{pressed:?}");
            let copy = dayfly.visitor(pressed.headers["location"].to_str()?);
            // At once, as a browser follows.
            let page = copy.browse("/").await?;
            let comes_up = page.status == 503 && page.body.contains("refreshes automatically");
            ensure!(comes_up || page.status == 200, "{page:?}");
            let program = copy.get("/").await?;
            ensure!(
                program.status == 200 && program.body == "text",
                "{program:?}"
            );
        }
        Ok(())
    })
    .await
}
