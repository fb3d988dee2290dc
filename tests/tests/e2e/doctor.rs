//! What `dayfly doctor` finds, and what is said at the start.

use anyhow::{Context as _, ensure};
use harness::{Alone, App, Dayfly, Options, dayfly, eventually};
use tokio::process::Command;

/// What `doctor` prints with the server's own configuration.
async fn examined(dayfly: &Dayfly) -> anyhow::Result<String> {
    let config = dayfly.data().join("dayfly.server.toml");
    let config = config.to_str().context("a path")?;
    let ran = dayfly
        .command(dayfly.data(), &["doctor", "--config", config])
        .await?;
    Ok(format!("{}{}", ran.stdout, ran.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_the_engine_the_forge_and_whether_webhooks_come() -> anyhow::Result<()> {
    let options = Options {
        webhook: true,
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let said = examined(dayfly).await?;
        ensure!(said.contains("acme/shop can be read"), "{said}");
        ensure!(said.contains("Docker sees"), "{said}");
        ensure!(said.contains("no webhook from acme/shop"), "{said}");
        ensure!(said.contains("/webhooks/github"), "{said}");
        dayfly.open("change", &App::page("one")).await?;
        eventually("a webhook is known to have come", async || {
            let said = examined(dayfly).await?;
            ensure!(said.contains("the last webhook arrived"), "{said}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_opens_nothing_is_found() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let config = dayfly.data().join("dayfly.server.toml");
        let right = std::fs::read_to_string(&config)?;
        let wrong = right.replace(dayfly.token(), "ghp_nobody");
        ensure!(right != wrong, "{right}");
        std::fs::write(&config, wrong)?;
        let said = examined(dayfly).await?;
        ensure!(said.contains("bad     forge"), "{said}");
        ensure!(said.contains("check github.token"), "{said}");
        ensure!(!said.contains("ghp_nobody"), "{said}");
        Ok(())
    })
    .await
}

/// Runs `dayfly` where another file system stands at the data directory, as an engine on another host
/// would have it.
async fn elsewhere(alone: &Alone, arguments: &str) -> anyhow::Result<String> {
    let data = alone.home().join("data");
    std::fs::create_dir_all(&data)?;
    let script =
        format!("mount -t tmpfs -o mode=700 none \"$1\" && exec \"$2\" {arguments} --data \"$1\"");
    let ran = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--", "sh", "-c"])
        .args([script.as_str(), "sh"])
        .arg(&data)
        .arg(dayfly()?.as_std().get_program())
        .output()
        .await?;
    let text = [ran.stdout, ran.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_see_our_files_is_found_by_doctor_and_at_the_start()
-> anyhow::Result<()> {
    let alone = Alone::new()?;
    let said = elsewhere(&alone, "doctor").await?;
    ensure!(said.contains("Docker cannot see"), "{said}");
    ensure!(said.contains("at the same path"), "{said}");
    let said = elsewhere(&alone, "serve --local").await?;
    ensure!(
        said.contains("does not see") && said.contains("at the same path"),
        "{said}"
    );
    Ok(())
}
