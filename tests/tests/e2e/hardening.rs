//! What the code of a pull request may do, told from inside.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use harness::{
    Act, App, Dayfly, Docker, Moment, Neighbour, Options, Rule, Visitor, eventually,
    files_that_hold,
};

fn field(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.map(|rest| rest.trim_start_matches(':').trim().to_owned())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_runs_in_the_hardened_form() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::probe("text")).await?;
        let status = visitor.text("/read?path=/proc/self/status").await?;
        // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE, SYS_CHROOT.
        ensure!(field(&status, "CapBnd") == "00000000000404fb", "{status}");
        ensure!(field(&status, "NoNewPrivs") == "1", "{status}");
        ensure!(field(&status, "Seccomp") == "2", "{status}");
        let mounts = visitor.text("/read?path=/proc/self/mounts").await?;
        ensure!(!mounts.contains("docker.sock"), "{mounts}");

        let running = dayfly.docker.running(&pull.id).await?;
        let known = Docker::inspect(&running[0]).await?;
        let host = &known["HostConfig"];
        ensure!(host["PidsLimit"] == 256, "{host}");
        ensure!(
            host["Privileged"] == false && host["Init"] == false,
            "{host}"
        );
        ensure!(
            host["Memory"] == 512 << 20 && host["MemorySwap"] == host["Memory"],
            "{host}"
        );
        ensure!(host["CpuQuota"].as_u64().is_some_and(|n| n > 0), "{host}");
        ensure!(host["CapDrop"][0] == "ALL", "{host}");
        ensure!(host["Binds"].as_array().is_none_or(Vec::is_empty), "{host}");
        ensure!(
            host["PortBindings"]
                .as_object()
                .is_none_or(serde_json::Map::is_empty),
            "{host}"
        );
        ensure!(
            host["NetworkMode"] != "host" && host["PidMode"] == "",
            "{host}"
        );
        ensure!(
            host["LogConfig"]["Config"]["max-size"].is_string(),
            "{host}"
        );
        let security = host["SecurityOpt"].to_string();
        ensure!(security.contains("no-new-privileges"), "{security}");
        ensure!(!security.contains("unconfined"), "{security}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_root_holds_no_capability_at_all() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let app = App::probe("text").then("USER nobody");
        let (_, visitor) = dayfly.open_live("change", &app).await?;
        let status = visitor.text("/read?path=/proc/self/status").await?;
        for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            ensure!(field(&status, set) == "0000000000000000", "{status}");
        }
        // What a file may ask for without failing; it gains none of them.
        ensure!(field(&status, "CapBnd") == "0000000000040430", "{status}");
        Ok(())
    })
    .await
}

async fn addresses(visitor: &Visitor) -> anyhow::Result<Vec<String>> {
    let mut all: Vec<String> = serde_json::from_str(&visitor.text("/addresses").await?)?;
    all.retain(|address| !address.starts_with("127."));
    Ok(all)
}

/// Whether rules are set. Where none can be, `doctor` has to say so.
async fn is_fenced(dayfly: &Dayfly) -> anyhow::Result<bool> {
    if dayfly.docker.is_fenced() {
        return Ok(true);
    }
    let doctor = dayfly.command(dayfly.data(), &["doctor"]).await?;
    let said = format!("{}{}", doctor.stdout, doctor.stderr);
    ensure!(
        said.contains("firewall"),
        "no rules, and nobody says so: {said}"
    );
    Ok(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_reaches_neither_the_host_nor_another_preview_nor_metadata() -> anyhow::Result<()>
{
    Dayfly::play_with(Options::everywhere(), async |dayfly| {
        let (one, two) = (App::probe("one"), App::notes("two"));
        let ((_, one), (two, victim)) =
            tokio::try_join!(dayfly.open_live("one", &one), dayfly.open_live("two", &two))?;
        if !is_fenced(dayfly).await? {
            return Ok(());
        }
        let reach = async |host: &str, port: u16| {
            one.text(&format!("/reach?host={host}&port={port}")).await
        };
        ensure!(
            reach("127.0.0.1", 8080).await? == "open",
            "the question itself is broken"
        );
        for address in addresses(&victim).await? {
            ensure!(
                reach(&address, 8080).await? != "open",
                "{address} of another preview"
            );
        }
        for container in dayfly.docker.left().await?.containers {
            let known = Docker::inspect(&container).await?;
            if known["Config"]["Labels"]["dev.dayfly.kind"] != "database" {
                continue;
            }
            let networks = known["NetworkSettings"]["Networks"].as_object().cloned();
            for network in networks.unwrap_or_default().values() {
                let address = network["IPAddress"].as_str().context("an address")?;
                ensure!(
                    reach(address, 5432).await? != "open",
                    "{address} of another's database"
                );
            }
        }
        let gateway = gateway_of(&one).await?;
        ensure!(
            reach(&gateway, dayfly.proxy.port()).await? != "open",
            "the host's port"
        );
        ensure!(reach("169.254.169.254", 80).await? != "open", "metadata");
        ensure!(
            victim.text("/notes").await? == "[\"seeded\"]",
            "{} lost its own",
            two.id
        );
        Ok(())
    })
    .await
}

/// The host's own address in the network of a preview.
async fn gateway_of(visitor: &Visitor) -> anyhow::Result<String> {
    let own = addresses(visitor).await?;
    let own = own.first().context("no address")?;
    let gateway = own.rsplit_once('.').map(|(net, host)| {
        let host: u8 = host.parse().unwrap_or_default();
        format!("{net}.{}", (host & 0xf0) + 1)
    });
    gateway.context("no gateway")
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_somebody_flushed_are_back_within_two_seconds() -> anyhow::Result<()> {
    const BACK_WITHIN: Duration = Duration::from_secs(2);
    const WATCHED: Duration = Duration::from_secs(4);
    let host = std::net::TcpListener::bind("0.0.0.0:0")?;
    let port = host.local_addr()?.port();
    Dayfly::play(async |dayfly| {
        let (_, visitor) = dayfly.open_live("change", &App::probe("text")).await?;
        if !is_fenced(dayfly).await? {
            return Ok(());
        }
        let gateway = gateway_of(&visitor).await?;
        let asks = format!("/reach?host={gateway}&port={port}");
        ensure!(visitor.text(&asks).await? != "open", "it was open before");
        for _ in 0..2 {
            dayfly.docker.flush()?;
            let flushed = Instant::now();
            let (mut asked, mut last_open) = (flushed.elapsed(), None);
            while asked < WATCHED {
                if visitor.text(&asks).await? == "open" {
                    last_open = Some(asked);
                }
                asked = flushed.elapsed();
            }
            ensure!(
                last_open.is_none_or(|at| at < BACK_WITHIN),
                "open {last_open:?} after the flush"
            );
            ensure!(visitor.text(&asks).await? != "open", "it stays open");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_reaches_neither_reserved_ranges_nor_public_networks_that_the_host_is_in()
-> anyhow::Result<()> {
    // One machine in the host's own public network, which also stands for a range that is reserved.
    let (near, far) = ("11.22.33.2", "198.51.100.7");
    let neighbour = Neighbour::make("11.22.33.1/24", "11.22.33.2/24", "198.51.100.0/24", far);
    let _neighbour = neighbour.await?;
    Dayfly::play(async |dayfly| {
        let (_, visitor) = dayfly.open_live("change", &App::probe("text")).await?;
        if !is_fenced(dayfly).await? {
            return Ok(());
        }
        for address in [near, far] {
            ensure!(
                Docker::reaches(address, 8080).await?,
                "the question itself is broken: other containers do not reach {address}"
            );
            let asks = format!("/reach?host={address}&port=8080");
            let found = visitor.text(&asks).await?;
            ensure!(found != "open", "a preview reaches {address}");
        }
        Ok(())
    })
    .await
}

/// Whoever makes a network makes the engine take its own rules out of the kernel's and put them back.
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_that_knocks_all_the_time_is_not_let_in_while_networks_are_made()
-> anyhow::Result<()> {
    const KNOCK_SECONDS: u64 = 6;
    Dayfly::play(async |dayfly| {
        let (one, two) = (App::probe("one"), App::probe("two"));
        let ((_, one), (_, two)) =
            tokio::try_join!(dayfly.open_live("one", &one), dayfly.open_live("two", &two))?;
        if !is_fenced(dayfly).await? {
            return Ok(());
        }
        let own = addresses(&one).await?;
        let own = own.first().context("no address")?;
        let itself = one
            .text(&format!("/knock?host={own}&port=8080&seconds=1"))
            .await?;
        ensure!(itself != "0", "the question itself is broken");

        let victim = addresses(&two).await?;
        let victim = victim.first().context("no address")?;
        let path = format!("/knock?host={victim}&port=8080&seconds={KNOCK_SECONDS}");
        let knocking = Cell::new(true);
        let knocks = async {
            let opened = one.text(&path).await;
            knocking.set(false);
            opened
        };
        let networks = async {
            let mut made = 0_u32;
            while knocking.get() {
                dayfly.docker.make_and_remove_network().await?;
                made += 1;
            }
            anyhow::Ok(made)
        };
        let (opened, made) = tokio::try_join!(knocks, networks)?;
        ensure!(made > 3, "only {made} networks were made meanwhile");
        ensure!(
            opened == "0",
            "{victim} of another preview took {opened} connections"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn services_of_two_revisions_never_find_each_other() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("old")).await?;
        let old = dayfly.docker.running(&pull.id).await?;
        let old_addresses = addresses(&visitor).await?;
        // The old revision stays for as long as its end is held.
        let pattern = "POST /containers/*/stop".to_owned();
        dayfly.relay.arm(Rule {
            pattern,
            nth: 1,
            moment: Moment::Before,
            act: Act::Hold,
        });
        let commit = dayfly.push(&pull, &App::notes("new")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == "new");
        let new_addresses = addresses(&visitor).await?;
        let both = dayfly.docker.running(&pull.id).await?;
        ensure!(both.len() == 2 && both.contains(&old[0]), "{both:?}");
        for _ in 0..20 {
            let found: Vec<String> =
                serde_json::from_str(&visitor.text("/resolve?name=web").await?)?;
            let own = found.iter().all(|address| new_addresses.contains(address));
            ensure!(own && !found.is_empty(), "the new one finds {found:?}");
            let seen = Docker::run(&["exec", &old[0], "getent", "hosts", "web"]).await?;
            let address = seen.split_ascii_whitespace().next().context("an address")?;
            ensure!(
                old_addresses.iter().any(|own| own == address),
                "the old one finds {seen}"
            );
        }
        dayfly.relay.release();
        eventually("the old one goes", async || {
            let running = dayfly.docker.running(&pull.id).await?;
            ensure!(running.len() == 1, "{running:?}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_the_forge_is_in_the_configuration_and_nowhere_else() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("text")).await?;
        let comment = dayfly.comment(&pull, "**Preview live**").await?;
        let password = {
            let environment = visitor.text("/environment").await?;
            let known: serde_json::Value = serde_json::from_str(&environment)?;
            let url = known["DATABASE_URL"]
                .as_str()
                .context("no DATABASE_URL")?
                .to_owned();
            let secret = url.split(['/', ':', '@']).find(|part| part.len() >= 20);
            secret.context("the password is short")?.to_owned()
        };
        let mut texts = vec![("the comment", comment), ("the log", dayfly.log())];
        let left = dayfly.docker.left().await?;
        for image in &left.images {
            texts.push(("an image", Docker::inspect(image).await?.to_string()));
            let history = Docker::run(&["history", "--no-trunc", image]).await?;
            texts.push(("the history of an image", history));
        }
        let previews = dayfly.api.get("/api/v1/previews").await?.to_string();
        texts.push(("the API", previews));
        for (place, text) in &texts {
            ensure!(
                !text.contains(&password),
                "the database's password is in {place}"
            );
        }
        for container in &left.containers {
            texts.push(("a container", Docker::inspect(container).await?.to_string()));
            texts.push((
                "a container's log",
                Docker::run(&["logs", container]).await?,
            ));
        }
        for (place, text) in &texts {
            ensure!(
                !text.contains(dayfly.token()),
                "the token is in {place}: {text}"
            );
        }
        let files = files_that_hold(dayfly.data(), &[dayfly.token().as_bytes()])?;
        ensure!(
            files == [dayfly.data().join("dayfly.server.toml")],
            "{files:?}"
        );
        Ok(())
    })
    .await
}
