//! Builds stay within what they may take of time, room, turns and network.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly, Docker, Options, eventually, eventually_within};
use webhook::names::RepoName;

use crate::builds::page;

/// How long thirteen builds may take, one after the other, on a busy machine.
const BUILT_MAX: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_takes_too_long_is_stopped_and_says_so() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["build_seconds_max = 3".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let slow = page('a').that_builds_for(600);
        let pull = dayfly.open("change", &slow).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(preview.diagnosed().contains("DF204"), "{preview:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_too_large_is_refused_and_goes() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["image_mib_max = 10".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let pull = dayfly.open("change", &page('a')).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(preview.diagnosed().contains("DF212"), "{preview:?}");
        eventually("the image is gone", async || {
            let left = dayfly.docker.left().await?;
            ensure!(left.images.is_empty(), "{left:?}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_build_begins_on_a_full_disk_and_the_pull_request_says_why() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["build_disk_percent_max = 1".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let pull = dayfly.open("change", &page('a')).await?;
        let comment = dayfly
            .comment(&pull, "of the engine's disk is in use")
            .await?;
        ensure!(comment.contains("builds start below 1 %"), "{comment}");
        let preview = dayfly.api.preview(&pull.id).await?;
        ensure!(preview.phase == "building", "{preview:?}");
        Ok(())
    })
    .await
}

/// Tries to connect, and ends with 0 only where it cannot.
const KEPT_OUT: &str = "import socket, struct, sys
host, port = sys.argv[1:]
if host == 'gateway':
    routes = [line.split() for line in open('/proc/net/route')]
    way = next(route[2] for route in routes if route[1] == '00000000')
    host = socket.inet_ntoa(struct.pack('<L', int(way, 16)))
try:
    socket.create_connection((host, int(port)), 3)
except OSError as error:
    sys.exit(print('kept out:', error))
sys.exit('it got through')
";

/// Whether the kernel's firewall sees what goes from one container to another on the same bridge.
fn bridged_packets_are_shown() -> bool {
    let shown = std::fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables");
    shown.is_ok_and(|text| text.trim() == "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_isolated_build_reaches_neither_the_host_nor_its_neighbours() -> anyhow::Result<()> {
    let host = std::net::TcpListener::bind("0.0.0.0:0")?;
    let port = host.local_addr()?.port();
    let tries = |all: &[(&str, u16)], salt: &str| {
        let all = all
            .iter()
            .map(|(host, port)| format!(" && python3 /kept_out.py {host} {port}"));
        let run = format!(
            "COPY kept_out.py /\nRUN echo {salt}{}",
            all.collect::<String>()
        );
        page('a').with("kept_out.py", KEPT_OUT).then(&run)
    };
    // Without isolation the host and the neighbour are there, so that their absence shows something.
    Dayfly::play(async |dayfly| {
        let (neighbour, address) = dayfly.docker.serve_beside().await?;
        for one in [("gateway", port), (&address, 8080)] {
            let pull = dayfly.open(one.0, &tries(&[one], "open")).await?;
            let preview = dayfly.failed(&pull, &pull.commit).await?;
            ensure!(
                preview.diagnosed().contains("it got through"),
                "{preview:?}"
            );
        }
        Docker::run(&["rm", "--force", &neighbour]).await.map(drop)
    })
    .await?;
    let options = Options {
        engine: vec!["isolate_builds = true".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let (neighbour, address) = dayfly.docker.serve_beside().await?;
        let mut all = vec![("gateway", port), ("169.254.169.254", 80)];
        if bridged_packets_are_shown() {
            all.push((&address, 8080));
        }
        dayfly.open_live("change", &tries(&all, "isolated")).await?;
        Docker::run(&["rm", "--force", &neighbour]).await?;
        // The engine itself would fetch it, from where no rule holds it back.
        let fetch = page('b').then(&format!("ADD http://127.0.0.1:{port}/ /fetched"));
        let pull = dayfly.open("fetch", &fetch).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        let diagnosed = preview.diagnosed();
        ensure!(
            diagnosed.contains("the engine itself would fetch it"),
            "{diagnosed}"
        );
        Ok(())
    })
    .await
}

fn modest(number: usize) -> anyhow::Result<RepoName> {
    Ok(RepoName::parse(&format!("acme/modest{number}"))?)
}

/// Opens a pull request of a repository of its own; answers the preview's id.
async fn open_modest(dayfly: &Dayfly, number: usize) -> anyhow::Result<String> {
    let repo = modest(number)?;
    dayfly
        .forge
        .create_repository(&repo, page('m').files())
        .await?;
    let app = App::page(&format!("modest {number}")).that_builds_for(1);
    let changes = app
        .files()
        .into_iter()
        .map(|(path, file)| (path, Some(file)));
    let changes: webhook::model::Changes = changes.collect();
    dayfly
        .forge
        .push(&repo, "change", "main", &changes, "Go")
        .await?;
    let opened = dayfly
        .forge
        .open_pull_request(&repo, "change", "main", "A change", "ada")
        .await?;
    Ok(format!("{}-{}", repo.name(), opened.0))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_repositories_on_one_build_slot_take_turns_and_see_their_place() -> anyhow::Result<()> {
    let options = Options {
        builds_max: 1,
        repositories: (0..9).map(modest).collect::<Result<_, _>>()?,
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let slow = |text: &str| App::page(text).that_builds_for(1);
        dayfly.forge.deliver(webhook::model::Policy::Hold);
        let mut greedy = Vec::new();
        for number in 0..4 {
            let branch = format!("greedy-{number}");
            greedy.push(dayfly.open(&branch, &slow(&branch)).await?.id);
        }
        let mut modest = Vec::new();
        for number in 0..9 {
            modest.push(open_modest(dayfly, number).await?);
        }
        dayfly.forge.deliver(webhook::model::Policy::Send);
        dayfly.forge.release_held(|_| {});
        eventually("somebody sees a place in the line", async || {
            let all = dayfly.api.get("/api/v1/previews").await?;
            ensure!(all.to_string().contains("its turn to build ("), "{all}");
            Ok(())
        })
        .await?;
        // The greedy ones' last is built after all others.
        let all: Vec<&String> = greedy.iter().chain(&modest).collect();
        eventually_within(BUILT_MAX, "all are live", async || {
            for id in &all {
                let preview = dayfly.api.preview(id).await?;
                ensure!(preview.phase == "live", "{preview:?}");
            }
            Ok(())
        })
        .await?;
        let mut built = Vec::new();
        for id in all {
            let events = dayfly
                .api
                .get(&format!("/api/v1/previews/{id}/events"))
                .await?;
            let events = events.as_array().context("no events")?;
            let build = events.iter().find(|event| event["step"] == "build web");
            let at = build
                .and_then(|event| event["at"].as_str())
                .context("no build")?;
            built.push((at.parse::<jiff::Timestamp>()?, id.clone()));
        }
        built.sort();
        let order: Vec<&String> = built.iter().map(|(_, id)| id).collect();
        // Whoever came first has the first turn, perhaps the second; never the third before others.
        let early = order
            .iter()
            .take(11)
            .filter(|id| greedy.contains(id))
            .count();
        ensure!(early <= 2, "{order:?}");
        Ok(())
    })
    .await
}
