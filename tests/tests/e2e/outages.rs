//! The engine: away, back, and full of other people's things.

use anyhow::ensure;
use deploy::labels;
use harness::{Act, App, Crowd, Dayfly, Docker, Moment, Rule, eventually};

/// The image that the applications of the tests begin with.
const BASE: &str = "dayfly-test/base:1";

#[tokio::test(flavor = "multi_thread")]
async fn while_the_engine_is_away_visitors_are_served_and_afterwards_all_goes_on()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("first")).await?;
        let crowd = Crowd::gather(visitor.clone(), "/");
        dayfly.relay.refuse();
        let commit = dayfly.push(&pull, &App::page("second")).await?;
        crowd.more(50).await?;
        dayfly.relay.accept()?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == "second");
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stopped_while_the_engine_was_away_is_started_again() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("text")).await?;
        ensure!(visitor.post("/notes", "kept").await?.status == 201);
        dayfly.relay.refuse();
        for container in dayfly.docker.left().await?.containers {
            Docker::run(&["stop", "--time", "1", &container]).await?;
        }
        dayfly.relay.accept()?;
        eventually("it answers with its data", async || {
            let notes = visitor.text("/notes").await?;
            ensure!(notes == "[\"kept\", \"seeded\"]", "{notes}");
            Ok(())
        })
        .await?;
        dayfly.live(&pull, &pull.commit).await?;
        ensure!(
            dayfly.relay.count("POST /session") == 1,
            "it was built again"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_somebody_removed_comes_back() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("text")).await?;
        for container in dayfly.docker.running(&pull.id).await? {
            Docker::run(&["rm", "--force", &container]).await?;
        }
        eventually("it answers again", async || {
            ensure!(visitor.text("/").await? == "text");
            Ok(())
        })
        .await?;
        dayfly.live(&pull, &pull.commit).await?;
        ensure!(
            dayfly.relay.count("POST /session") == 1,
            "it was built again"
        );
        Ok(())
    })
    .await
}

/// Objects that are not ours; they go when they are dropped, whatever happens.
struct Strangers {
    objects: Vec<[String; 3]>,
}

impl Strangers {
    fn name(&self, kind: &str) -> String {
        format!(
            "dayfly-test-stranger-{}-{kind}-{}",
            std::process::id(),
            self.objects.len()
        )
    }

    async fn make(&mut self, kind: &'static str, arguments: &[&str]) -> anyhow::Result<String> {
        let name = self.name(kind);
        let (command, mut words): (Vec<&str>, Vec<&str>) = match kind {
            "container" => (vec!["run", "--detach", "--name", &name], arguments.to_vec()),
            "image" => (vec!["tag"], arguments.to_vec()),
            _ => (vec![kind, "create"], arguments.to_vec()),
        };
        if kind != "container" {
            words.push(&name);
        }
        Docker::run(&[command, words].concat()).await?;
        self.objects
            .push([kind.to_owned(), "inspect".to_owned(), name.clone()]);
        Ok(name)
    }

    async fn are_there(&self) -> anyhow::Result<()> {
        for [kind, inspect, name] in &self.objects {
            Docker::run(&[kind, inspect, name]).await?;
        }
        Ok(())
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        for [kind, _, name] in self.objects.iter().rev() {
            let flags: &[&str] = if kind == "network" { &[] } else { &["--force"] };
            let mut command = std::process::Command::new("docker");
            // One that is gone already is what the test complained about.
            let _ = command.arg(kind).arg("rm").args(flags).arg(name).output();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_others_is_never_touched() -> anyhow::Result<()> {
    let mut strangers = Strangers {
        objects: Vec::new(),
    };
    Dayfly::play(async |dayfly| {
        let other = format!("{}=ffffffff", labels::INSTANCE);
        let preview = format!("{}=shop-1", labels::PREVIEW);
        let marks = ["--label", &other, "--label", &preview];
        let sleep = ["busybox", "sleep", "600"];
        strangers
            .make("container", &[&[BASE], &sleep[..]].concat())
            .await?;
        strangers
            .make("container", &[&marks[..], &[BASE], &sleep].concat())
            .await?;
        strangers.make("network", &[]).await?;
        strangers.make("network", &marks).await?;
        strangers.make("volume", &[]).await?;
        strangers.make("volume", &marks).await?;
        strangers.make("image", &[BASE]).await?;

        let (pull, _) = dayfly.open_live("change", &App::notes("text")).await?;
        // Somebody runs one of our images by hand: the container inherits our labels.
        let service = dayfly.docker.containers(labels::NAME, "web").await?;
        let image = Docker::inspect(&service[0]).await?["Image"]
            .as_str()
            .map(str::to_owned);
        let image = image.ok_or_else(|| anyhow::anyhow!("no image"))?;
        let by_hand = strangers
            .make("container", &[&[&*image], &sleep[..]].concat())
            .await?;
        let commit = dayfly.push(&pull, &App::notes("more")).await?;
        dayfly.live(&pull, &commit).await?;
        strangers.are_there().await?;
        let running = Docker::inspect(&by_hand).await?["State"]["Running"].clone();
        ensure!(
            running == true,
            "the container that was run by hand was stopped"
        );
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        strangers.are_there().await?;
        // Its image has lost our name, and is theirs for as long as they use it.
        let known = Docker::inspect(&image).await?;
        ensure!(
            known["RepoTags"].as_array().is_none_or(Vec::is_empty),
            "{}",
            known["RepoTags"]
        );
        Docker::run(&["rm", "--force", &by_hand]).await?;
        Docker::run(&["image", "rm", &image]).await?;
        strangers.objects.retain(|[_, _, name]| *name != by_hand);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_whose_dockerfile_carries_our_labels_gains_nothing() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (victim, visitor) = dayfly.open_live("victim", &App::page("victim")).await?;
        let instance = dayfly.instance().await?;
        let mut evil = App::page("evil");
        for (key, value) in [
            (labels::INSTANCE, instance.as_str()),
            (labels::PREVIEW, &victim.id),
            (labels::REVISION, "1"),
            (labels::KIND, "service"),
            (labels::NAME, "web"),
            (labels::FORMAT, labels::FORMAT_VERSION),
            (labels::PORT, "8080"),
        ] {
            evil = evil.then(&format!("LABEL {key}={value}"));
        }
        let (pull, other) = dayfly.open_live("evil", &evil).await?;
        ensure!(other.text("/").await? == "evil");
        ensure!(visitor.text("/").await? == "victim");
        let running = dayfly.docker.running(&victim.id).await?;
        ensure!(running.len() == 1, "{running:?}");
        let ours = dayfly.docker.running(&pull.id).await?;
        ensure!(
            ours.len() == 1,
            "the labels of a container are ours, whatever its image says"
        );
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        ensure!(visitor.text("/").await? == "victim");
        ensure!(dayfly.docker.running(&victim.id).await? == running);
        Ok(())
    })
    .await
}

/// The calls that make and unmake a preview.
const CALLS: [&str; 8] = [
    "POST /networks/create",
    "POST /session",
    "POST /containers/create",
    "POST /containers/*/start",
    "POST /containers/*/stop",
    "DELETE /containers/*",
    "DELETE /networks/*",
    "DELETE /images/**",
];

async fn broken(moment: Moment) -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        for pattern in CALLS {
            let pattern = pattern.to_owned();
            dayfly.relay.arm(Rule {
                pattern,
                nth: 1,
                moment,
                act: Act::Cut,
            });
        }
        let (pull, visitor) = dayfly.open_live("change", &App::page("first")).await?;
        ensure!(visitor.text("/").await? == "first");
        let commit = dayfly.push(&pull, &App::page("second")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == "second");
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        ensure!(
            dayfly.relay.fired() == CALLS.len(),
            "{} calls broke",
            dayfly.relay.fired()
        );
        let left = dayfly.docker.left().await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_never_reach_the_engine_are_made_again() -> anyhow::Result<()> {
    broken(Moment::Before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_whose_answer_is_lost_leave_nothing_twice_and_nothing_behind() -> anyhow::Result<()> {
    broken(Moment::After).await
}

#[tokio::test(flavor = "multi_thread")]
async fn firewall_rules_that_somebody_flushed_are_put_back() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::page("text")).await?;
        if !dayfly.docker.is_fenced() {
            return Ok(());
        }
        dayfly.docker.unfence();
        ensure!(!dayfly.docker.is_fenced());
        let commit = dayfly.push(&pull, &App::page("next")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(
            dayfly.docker.is_fenced(),
            "the new revision runs without firewall rules"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_engine_do_not_see_each_other() -> anyhow::Result<()> {
    Dayfly::play(async |mine| {
        Dayfly::play(async |theirs| {
            let (one, two) = (App::page("mine"), App::page("theirs"));
            let ((pull, my_visitor), (_, their_visitor)) = tokio::try_join!(
                mine.open_live("change", &one),
                theirs.open_live("change", &two)
            )?;
            let running = theirs.docker.running("shop-1").await?;
            ensure!(my_visitor.text("/").await? == "mine");
            ensure!(their_visitor.text("/").await? == "theirs");
            mine.close(&pull)?;
            mine.gone(&pull.id).await?;
            ensure!(their_visitor.text("/").await? == "theirs");
            ensure!(theirs.docker.running("shop-1").await? == running);
            Ok(())
        })
        .await
    })
    .await
}
