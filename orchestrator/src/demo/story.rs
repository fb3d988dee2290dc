//! The story: two pull requests open, visitors come, one gets a push, both close.

use std::{io::IsTerminal as _, time::Duration};

use anyhow::Context as _;
use tokio::time::Instant;
use webhook::names::PullRequestNumber;

use super::{crowd::Crowd, files, proof, stage::Stage, tell::Teller};
use crate::api::{Phase, PreviewView as Preview};

/// How long a preview may take until it is live: its first build installs packages.
const LIVE_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// How long a preview may take until it is gone.
const GONE_DEADLINE: Duration = Duration::from_secs(120);
/// How often to poll a preview.
const POLL_EVERY: Duration = Duration::from_millis(50);
/// Plays the demo.
pub async fn run() -> anyhow::Result<()> {
    let teller = Teller::new();
    teller.at("starting a simulated GitHub and the server");
    let stage = Stage::set().await?;
    let played = tokio::select! {
        played = play(&stage, &teller) => played,
        ended = end_asked_for() => ended.and_then(|()| {
            teller.at("ending the demo: removing everything that it created");
            anyhow::ensure!(is_watched(), "the demo was stopped before its end");
            Ok(())
        }),
    };
    if played.is_err() {
        teller.say(&format!("the server's log: {}", stage.log().display()));
        let log = std::fs::read_to_string(stage.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        teller.quote(&lines[lines.len().saturating_sub(40)..].join("\n"));
    }
    let cleared = close_everything(&stage, &teller).await;
    let instance = instance(&stage)?;
    stage.strike().await?;
    played?;
    cleared?;
    teller.part("Proof that nothing is left");
    proof::nothing_is_left(&teller, &instance).await?;
    teller.part("The demo went well.");
    Ok(())
}

/// Opens and shows the previews. Then waits for Ctrl-C in a terminal, or plays on.
async fn play(stage: &Stage, teller: &Teller) -> anyhow::Result<()> {
    let (one, two) = open_both(stage, teller).await?;
    show(stage, teller, &one).await?;
    show(stage, teller, &two).await?;
    what_to_try(stage, teller, &one, &two);
    if is_watched() {
        teller.part("Press Ctrl-C to end the demo and to remove everything that it created.");
        return std::future::pending().await;
    }
    visit_both(stage, teller, &one, &two).await?;
    push_under_load(stage, teller, &one).await
}

/// Whether the demo runs in a terminal.
fn is_watched() -> bool {
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

/// Returns on SIGTERM or Ctrl-C.
async fn end_asked_for() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

async fn open_both(stage: &Stage, teller: &Teller) -> anyhow::Result<(Preview, Preview)> {
    teller.part("Two pull requests open");
    for (branch, change, title, author) in [
        ("moods", "pull-1", "Guests say how they feel", "ada"),
        ("new-colours", "pull-2", "A warmer colour", "grace"),
    ] {
        let changes = files::change(change);
        stage
            .model
            .push(&stage.repo, branch, "main", &changes, title)
            .await?;
        let number = stage
            .model
            .open_pull_request(&stage.repo, branch, "main", title, author)
            .await?;
        teller.at(&format!("{author} opens {number} from branch {branch}"));
    }
    let one = wait_for(stage, teller, "guestbook-1", Phase::Live, LIVE_DEADLINE);
    let two = wait_for(stage, teller, "guestbook-2", Phase::Live, LIVE_DEADLINE);
    tokio::try_join!(one, two)
}

/// Waits until a preview is in a phase, and prints each phase on the way.
async fn wait_for(
    stage: &Stage,
    teller: &Teller,
    id: &str,
    phase: Phase,
    deadline: Duration,
) -> anyhow::Result<Preview> {
    let end = Instant::now() + deadline;
    let mut told = None;
    loop {
        let found = stage
            .client
            .get::<Preview>(&format!("/api/v1/previews/{id}"))
            .await
            .ok();
        if let Some(preview) = found {
            if told != Some(preview.phase) {
                teller.at(&format!("{id} is {}", preview.phase));
                told = Some(preview.phase);
            }
            if preview.phase == phase {
                return Ok(preview);
            }
            if let (Phase::Failed, Some(diagnosis)) = (preview.phase, &preview.diagnosis) {
                teller.quote(&diagnosis.evidence.join("\n"));
                anyhow::bail!("{id} failed: {} {}", diagnosis.code, diagnosis.sentence);
            }
        }
        anyhow::ensure!(
            Instant::now() < end,
            "{id} did not become {phase} in {deadline:?}"
        );
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Prints the timeline of a preview, and the comment on its pull request.
async fn show(stage: &Stage, teller: &Teller, preview: &Preview) -> anyhow::Result<()> {
    teller.part(&format!(
        "{}: {}",
        preview.id,
        preview.url.as_deref().unwrap_or("no address")
    ));
    let events: Vec<crate::api::EventView> = stage
        .client
        .get(&format!("/api/v1/previews/{}/events", preview.id))
        .await?;
    for event in events {
        let seconds = event.took_ms as f64 / 1000.0;
        let note = event
            .note
            .map_or_else(String::new, |note| format!("  {note}"));
        teller.say(&format!("  {:<24} {seconds:>6.2} s{note}", event.step));
    }
    let number = PullRequestNumber(preview.number.context("the preview has no number")?);
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let comments = stage.model.comments(&stage.repo, number);
        anyhow::ensure!(
            comments.len() <= 1,
            "{} comments on one pull request",
            comments.len()
        );
        if let Some(comment) = comments
            .first()
            .filter(|comment| comment.body.contains("live"))
        {
            teller.say(&format!(
                "  the comment on {number}, edited {} times:",
                comment.edits
            ));
            teller.quote(&comment.body);
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < end,
            "no comment on {number} says that it is live"
        );
        tokio::time::sleep(POLL_EVERY).await;
    }
}

fn what_to_try(stage: &Stage, teller: &Teller, one: &Preview, two: &Preview) {
    teller.part("What to try");
    for preview in [one, two] {
        teller.say(&format!("  open {}", preview.url.as_deref().unwrap_or("-")));
    }
    let data = stage.data.path().display();
    for command in [
        "ls",
        "show guestbook-1",
        "logs guestbook-1 web",
        "fork guestbook-1",
        "capture guestbook-1 --note \"before lunch\"",
        "db guestbook-1",
        "doctor",
    ] {
        teller.say(&format!("  dayfly --data {data} {command}"));
    }
}

/// Checks that each preview sees only its own data.
async fn visit_both(
    stage: &Stage,
    teller: &Teller,
    one: &Preview,
    two: &Preview,
) -> anyhow::Result<()> {
    teller.part("Each preview has its own database");
    let url = |preview: &Preview| preview.url.clone().context("no address");
    let (first, second) = (stage.visitor(&url(one)?), stage.visitor(&url(two)?));
    for (visitor, change) in [(&first, "pull-1"), (&second, "pull-2")] {
        let page = visitor.get("/").await?;
        let headline = files::headline(change);
        anyhow::ensure!(
            page.status.is_success(),
            "{} answered {}",
            visitor.authority,
            page.status
        );
        anyhow::ensure!(
            page.body.contains(&escape(&headline)),
            "{} does not say {headline:?}",
            visitor.authority
        );
        anyhow::ensure!(
            page.body.contains("Ada"),
            "{} does not show its seed",
            visitor.authority
        );
    }
    let signed = first
        .post(
            "/entries",
            "author=Barbara&message=only+in+the+first&mood=happy",
        )
        .await?;
    anyhow::ensure!(
        signed.status.is_redirection(),
        "signing answered {}: {}",
        signed.status,
        signed.body
    );
    let (mine, theirs) = (
        first.get("/entries.json").await?,
        second.get("/entries.json").await?,
    );
    anyhow::ensure!(
        mine.body.contains("only in the first"),
        "the first preview lost an entry"
    );
    anyhow::ensure!(
        !theirs.body.contains("only in the first"),
        "the second preview sees the first one's data"
    );
    teller.at("signed the first guestbook: the entry is there, and not in the second");
    Ok(())
}

/// The page escapes what it shows; so does the comparison.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('\'', "&#x27;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

/// A push while people visit: no request fails, and the entry signed before is still there.
async fn push_under_load(stage: &Stage, teller: &Teller, one: &Preview) -> anyhow::Result<()> {
    teller.part("A push while people visit");
    let visitor = stage.visitor(one.url.as_deref().context("no address")?);
    let crowd = Crowd::gather(visitor.clone());
    let changes = files::change("push-1");
    let commit = stage
        .model
        .push(&stage.repo, "moods", "main", &changes, "Say it better")
        .await?;
    let end = Instant::now() + LIVE_DEADLINE;
    loop {
        let preview: Preview = stage.client.get("/api/v1/previews/guestbook-1").await?;
        if preview.phase == Phase::Live
            && preview
                .serving_commit
                .as_ref()
                .is_some_and(|c| c.as_str() == commit.as_str())
        {
            break;
        }
        if let (Phase::Failed, Some(diagnosis)) = (preview.phase, &preview.diagnosis) {
            anyhow::bail!("the push failed: {} {}", diagnosis.code, diagnosis.sentence);
        }
        anyhow::ensure!(Instant::now() < end, "the pushed commit does not serve");
        tokio::time::sleep(POLL_EVERY).await;
    }
    teller.at("the pushed commit serves");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (visits, slowest, failures) = crowd.disperse().await;
    teller.at(&format!(
        "{visits} requests during the switch, {} failed, the slowest took {:.2} s",
        failures.len(),
        slowest.as_secs_f64()
    ));
    for failure in failures.iter().take(5) {
        teller.say(&format!("           {failure}"));
    }
    anyhow::ensure!(failures.is_empty(), "requests failed during the switch");
    let page = visitor.get("/").await?;
    anyhow::ensure!(
        page.body.contains(&escape(&files::headline("push-1"))),
        "the new headline is not there"
    );
    let entries = visitor.get("/entries.json").await?;
    anyhow::ensure!(
        entries.body.contains("only in the first"),
        "the push lost an entry"
    );
    teller.at("the new headline is there, and so is the entry signed before the push");
    Ok(())
}

/// Merges one pull request, closes the other, and waits until nothing is left of either.
async fn close_everything(stage: &Stage, teller: &Teller) -> anyhow::Result<()> {
    teller.part("One pull request is merged, the other closed");
    // If the story stopped early, a pull request may not be open.
    let (first, second) = (PullRequestNumber(1), PullRequestNumber(2));
    let opened = [
        (
            "guestbook-1",
            stage.model.merge(&stage.repo, first).await.is_ok(),
        ),
        (
            "guestbook-2",
            stage.model.close(&stage.repo, second).is_ok(),
        ),
    ];
    for (id, _) in opened.iter().filter(|(_, opened)| *opened) {
        wait_for(stage, teller, id, Phase::Gone, GONE_DEADLINE).await?;
    }
    let records = stage.model.deployments(&stage.repo);
    anyhow::ensure!(
        records.is_empty(),
        "{} deployment records are left",
        records.len()
    );
    teller.at("both previews are gone, and so are their deployment records");
    Ok(())
}

/// The label that everything of this server carries.
fn instance(stage: &Stage) -> anyhow::Result<String> {
    let store = crate::store::Store::open(&stage.data.path().join("dayfly.db"))?;
    Ok(store.instance().to_string())
}
