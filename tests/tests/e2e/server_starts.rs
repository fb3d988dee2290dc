//! Starts of the server that fail, and ends that were none of its own.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use harness::{Alone, App, Dayfly, dayfly as program, eventually};

/// How long a start may take until it has failed.
const FAILS_WITHIN: Duration = Duration::from_secs(60);

/// Starts a server that has to fail, and answers what it says.
async fn fails(data: &Path, arguments: &[&str], engine: Option<&Path>) -> anyhow::Result<String> {
    let mut command = program()?;
    command.arg("serve").args(arguments).arg("--data").arg(data);
    if let Some(engine) = engine {
        command.env("DAYFLY_ENGINE_SOCKET", engine);
    }
    if !arguments.contains(&"--config") {
        command.env("DAYFLY_LISTEN", "127.0.0.1:0");
    }
    let command = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let ended = tokio::time::timeout(FAILS_WITHIN, command);
    let output = ended.await.context("the server runs")??;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "{said}");
    Ok(said)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_had_is_told_before_the_running_proxy_is_touched()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        let proxy = dayfly.proxy_pid().await?;
        dayfly.terminate().await?;
        let held = std::net::TcpListener::bind("127.0.0.1:0")?;
        let taken = held.local_addr()?.to_string();
        let config = dayfly.data().join("dayfly.server.toml");
        let before = std::fs::read_to_string(&config)?;
        let named = config.to_str().context("a path")?;
        for (address, why) in [
            (taken.as_str(), "another program uses it"),
            ("203.0.113.9:8080", "no interface of this host has it"),
        ] {
            let after = before.replace("127.0.0.1:0", address);
            ensure!(after != before, "{before}");
            std::fs::write(&config, after)?;
            let said = fails(dayfly.data(), &["--config", named], None).await?;
            ensure!(said.contains(address) && said.contains(why), "{said}");
            ensure!(said.lines().count() == 1, "{said}");
            ensure!(dayfly.proxy_pid().await? == proxy, "the proxy was touched");
            ensure!(visitor.text("/").await? == "steady");
        }
        // What the proxy itself has is not taken.
        let own = before.replace("127.0.0.1:0", &dayfly.proxy.to_string());
        for config_text in [own, before] {
            std::fs::write(&config, config_text)?;
            dayfly.restart().await?;
            dayfly.live(&pull, &pull.commit).await?;
            ensure!(dayfly.proxy_pid().await? == proxy, "the proxy was replaced");
            dayfly.terminate().await?;
        }
        drop(held);
        dayfly.restart().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_write_its_log_works_on() -> anyhow::Result<()> {
    let alone = Alone::new()?;
    // Every write to it fails as on a full disk.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full")?;
    let mut server = program()?
        .args(["serve", "--local", "--data"])
        .arg(alone.data())
        .env("DAYFLY_LISTEN", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(full.try_clone()?)
        .stderr(full)
        .kill_on_drop(true)
        .spawn()?;
    eventually("the server answers", async || {
        alone.api.get("/healthz").await.map(drop)
    })
    .await?;
    let said = alone.command(alone.home(), &["doctor"]).await?;
    ensure!(said.stdout.contains("server"), "{said:?}");
    ensure!(server.try_wait()?.is_none(), "the server ended");
    alone.command(alone.home(), &["down"]).await?.printed()?;
    let ended = tokio::time::timeout(FAILS_WITHIN, server.wait()).await??;
    ensure!(ended.success(), "{ended}");
    nothing_is_left(&alone)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_nothing_behind() -> anyhow::Result<()> {
    let alone = Alone::new()?;
    let data = alone.data();
    let nothing = alone.home().join("no-engine.sock");
    let said = fails(&data, &["--local"], Some(&nothing)).await?;
    ensure!(said.contains("is Docker running?"), "{said}");
    nothing_is_left(&alone)?;

    // Fails late: rules are set, the pool is mounted, the proxy runs.
    std::fs::create_dir_all(data.join("proxy/gate.sock/full"))?;
    let said = fails(&data, &["--local"], None).await?;
    ensure!(said.contains("gate.sock"), "{said}");
    nothing_is_left(&alone)
}

fn nothing_is_left(alone: &Alone) -> anyhow::Result<()> {
    let docker = alone.docker_of_records()?;
    ensure!(!docker.is_fenced(), "rules are left in the host's firewall");
    let lock = format!("/run/dayfly/{}.lock", docker.instance());
    ensure!(!Path::new(&lock).exists(), "{lock} is left");
    let (mounts, processes) = (alone.mounts(), alone.processes());
    ensure!(mounts.is_empty(), "still mounted: {mounts:?}");
    ensure!(processes.is_empty(), "still running: {processes:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn down_takes_away_what_a_server_left_that_was_killed() -> anyhow::Result<()> {
    let alone = Alone::new()?;
    let folder = alone.home().join("blog");
    std::fs::create_dir(&folder)?;
    crate::local::write(&folder, &App::page("local"))?;
    let down = async || alone.command(&folder, &["down"]).await?.printed();
    ensure!(down().await?.contains("no server runs here"));
    ensure!(!alone.data().exists(), "down made something");

    alone.command(&folder, &["up"]).await?.printed()?;
    let docker = alone.docker().await?;
    alone.kill9_server().await?;
    let mounted = !alone.mounts().is_empty();
    let said = down().await?;
    for words in ["stopped a leftover proxy", "still exist", "dayfly rm ID"] {
        ensure!(said.contains(words), "no {words:?} in {said}");
    }
    ensure!(docker.is_fenced(), "a preview runs without its rules");
    ensure!(alone.mounts().is_empty() != mounted, "the pool went");

    docker.remove_containers().await?;
    ensure!(
        !docker.left().await?.networks.is_empty(),
        "no network to remove"
    );
    let said = down().await?;
    ensure!(said.contains("network"), "{said}");
    ensure!(said.contains("removed the firewall rules"), "{said}");
    ensure!(said.contains("unmounted the pool") == mounted, "{said}");
    let left = docker.left().await?.networks;
    ensure!(left.is_empty(), "{left:?}");
    eventually("nothing is left", async || nothing_is_left(&alone)).await?;
    ensure!(down().await?.contains("no server runs here"));
    Ok(())
}
