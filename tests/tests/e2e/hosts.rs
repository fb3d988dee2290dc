//! A preview with several public services, each at a host of its own, behind one link.

use anyhow::{Context as _, ensure};
use harness::{Answer, App, Browser, Dayfly, Options, Preview, eventually};
use http::Method;

/// The address of a service, without the link's token, and whether it has one.
fn host_of(preview: &Preview, name: &str) -> anyhow::Result<String> {
    let mut services = preview.services.iter();
    let service = services.find(|service| service["name"] == name);
    let url = service.and_then(|service| service["url"].as_str());
    let url = url.with_context(|| format!("{name} of {preview:?}"))?;
    let host = url.split("/.dayfly/").next().unwrap_or(url);
    Ok(host.to_owned())
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer
        .headers
        .get(name)
        .and_then(|value| value.to_str().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_link_opens_every_host_of_a_preview_and_no_code_works_twice() -> anyhow::Result<()> {
    Dayfly::play_with(Options::at("previews.example"), async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::two_hosts()).await?;
        let preview = dayfly.api.preview(&pull.id).await?;
        let (link, web, api) = (
            preview.url()?,
            host_of(&preview, "web")?,
            host_of(&preview, "api")?,
        );
        let mut browser = Browser::new(dayfly.proxy);
        let refused = browser.open(&format!("{api}/")).await?.1;
        ensure!(refused.status == 403, "{refused:?}");
        let (way, page) = browser.open(link).await?;
        ensure!(page.status == 200 && page.body == "web", "{page:?}");
        ensure!(way.last() == Some(&format!("{web}/")), "{way:?}");
        let token = link.rsplit("token=").next().unwrap_or_default();
        let with_token = way.iter().filter(|address| address.contains(token));
        ensure!(with_token.count() == 1, "the token is in {way:?}");
        let (_, second) = browser.open(&format!("{api}/")).await?;
        ensure!(
            second.status == 200 && second.body == "api",
            "the other host: {second:?}"
        );
        let called = browser
            .call(Method::PUT, &format!("{api}/hello"), &web)
            .await?;
        ensure!(called.body == "api took this", "{called:?}");
        // The code that let this browser in lets no other in.
        let code = way.iter().find(|address| address.contains("code="));
        let code = code.with_context(|| format!("no code in {way:?}"))?;
        ensure!(code.starts_with(&api), "{way:?}");
        let mut thief = Browser::new(dayfly.proxy);
        let (_, stopped) = thief.open(code).await?;
        ensure!(stopped.status == 403, "a code worked twice: {stopped:?}");
        let elsewhere = code.replace(&api, &web);
        let (_, stopped) = thief.open(&elsewhere).await?;
        ensure!(stopped.status == 403, "{stopped:?}");
        // The link of the other service leads there, and opens the first one too.
        let link = format!("{api}/.dayfly/open?token={token}");
        let mut other = Browser::new(dayfly.proxy);
        let (way, page) = other.open(&link).await?;
        ensure!(page.body == "api" && way.len() == 3, "{way:?}: {page:?}");
        ensure!(other.open(&format!("{web}/")).await?.1.body == "web");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_ask_its_own_preview_without_a_session_and_no_other_page_may()
-> anyhow::Result<()> {
    Dayfly::play_with(Options::at("previews.example"), async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::two_hosts()).await?;
        let preview = dayfly.api.preview(&pull.id).await?;
        let (web, api) = (host_of(&preview, "web")?, host_of(&preview, "api")?);
        let hello = format!("{api}/hello");
        let stranger = Browser::new(dayfly.proxy);
        let asked = stranger.call(Method::OPTIONS, &hello, &web).await?;
        let origin = header(&asked, "access-control-allow-origin");
        ensure!(
            asked.status == 204 && origin == Some(web.as_str()),
            "{asked:?}"
        );
        let refused = stranger.call(Method::PUT, &hello, &web).await?;
        let origin = header(&refused, "access-control-allow-origin");
        ensure!(
            refused.status == 403 && origin == Some(web.as_str()),
            "{refused:?}"
        );
        let credentials = header(&refused, "access-control-allow-credentials");
        ensure!(credentials == Some("true"), "{refused:?}");
        ensure!(header(&refused, "vary") == Some("Origin"), "{refused:?}");
        ensure!(refused.body.contains("opens by link"), "{refused:?}");
        let foreign = ["http://evil.example", "http://previews.example", "null"];
        for foreign in foreign {
            for method in [Method::OPTIONS, Method::PUT] {
                let answer = stranger.call(method, &hello, foreign).await?;
                let origin = header(&answer, "access-control-allow-origin");
                ensure!(
                    answer.status == 403 && origin.is_none(),
                    "{foreign}: {answer:?}"
                );
                ensure!(header(&answer, "vary") == Some("Origin"), "{answer:?}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_opened_early_opens_every_host_once_they_are_there() -> anyhow::Result<()> {
    Dayfly::play_with(Options::at("previews.example"), async |dayfly| {
        let app = App::two_hosts().that_builds_for(3);
        let pull = dayfly.open("change", &app).await?;
        let link = eventually("a link", async || {
            Ok(dayfly.api.preview(&pull.id).await?.url()?.to_owned())
        })
        .await?;
        let mut browser = Browser::new(dayfly.proxy);
        let page = eventually("a page that waits", async || {
            let page = browser.clone().open(&link).await?.1;
            ensure!(page.status == 503, "{page:?}");
            Ok(page)
        })
        .await?;
        ensure!(page.body.contains("url=/.dayfly/wait?to=/"), "{page:?}");
        browser.open(&link).await?;
        let preview = dayfly.live(&pull, &pull.commit).await?;
        let (web, api) = (host_of(&preview, "web")?, host_of(&preview, "api")?);
        let closed = browser.open(&format!("{api}/")).await?.1;
        ensure!(closed.status == 403, "{closed:?}");
        let (way, page) = browser.open(&format!("{web}/.dayfly/wait?to=/x")).await?;
        ensure!(page.status == 200 && page.body == "web", "{page:?}");
        ensure!(way.last() == Some(&format!("{web}/x")), "{way:?}");
        ensure!(browser.open(&format!("{api}/")).await?.1.body == "api");
        for evil in [
            "//evil.example/",
            "/\\evil.example/",
            "http://evil.example/",
        ] {
            let stopped = browser.open(&format!("{web}/.dayfly/wait?to={evil}")).await;
            let leads = stopped.is_ok_and(|(way, _)| way.len() > 1);
            ensure!(!leads, "{evil} is led to");
        }
        let (_, stranger) = Browser::new(dayfly.proxy)
            .open(&format!("{web}/.dayfly/wait?to=/"))
            .await?;
        ensure!(stranger.status == 403, "{stranger:?}");
        Ok(())
    })
    .await
}
