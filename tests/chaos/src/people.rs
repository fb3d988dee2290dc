//! People who work on pull requests: they open, push, wait, close and open again.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use webhook::names::CommitSha;

use super::{audience::Audience, dice::Dice};
use harness::{App, Dayfly, Pull};

/// How long somebody waits for a preview before doing the next thing anyway.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often somebody looks.
const POLL_EVERY: Duration = Duration::from_millis(100);
/// What somebody does between two things, in milliseconds.
const THINK_MS: std::ops::Range<u64> = 50..2_000;
/// The verdict on a piece of work that the server died in too often. Whoever kills it so often
/// may ask again; every other verdict is wrong, for all these applications work.
const DIED_TOO_OFTEN: &str = "DF901";

/// What one person did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deeds {
    pub(super) pushes: u64,
    pub(super) closes: u64,
    pub(super) asked_again: u64,
}

/// Somebody with one pull request.
pub(super) struct Person<'a> {
    dayfly: &'a Dayfly,
    audience: &'a Audience,
    dice: Dice,
    pull: Pull,
    app: fn(&str) -> App,
    greeting: String,
    /// Of the commit that was pushed last.
    version: u64,
    tip: CommitSha,
    /// Whether the pull request is open.
    pub(super) open: bool,
    /// Whether it is closed at times.
    closes: bool,
    pub(super) deeds: Deeds,
}

/// What somebody sees of a preview.
enum Seen {
    /// At this address.
    Live(String),
    Failed(String),
    Gone,
    NotYet,
}

impl<'a> Person<'a> {
    /// Opens a pull request. The first is never closed; every third has a Postgres.
    pub(super) async fn arrive(
        dayfly: &'a Dayfly,
        audience: &'a Audience,
        dice: Dice,
        place: u64,
    ) -> anyhow::Result<Self> {
        let app = if place % 3 == 2 {
            App::notes
        } else {
            App::page
        };
        let greeting = format!("change {place} version ");
        let pull = dayfly
            .open(&format!("change-{place}"), &app(&format!("{greeting}1")))
            .await?;
        let tip = pull.commit.clone();
        let closes = place > 0;
        let deeds = Deeds::default();
        let version = 1;
        Ok(Self {
            dayfly,
            audience,
            dice,
            pull,
            app,
            greeting,
            version,
            tip,
            open: true,
            closes,
            deeds,
        })
    }

    /// Works until it is told to stop.
    pub(super) async fn work(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            match self.dice.below(10) {
                0..3 => self.push().await?,
                3 if self.closes => self.close_and_reopen(stop).await?,
                _ => self.wait(stop).await?,
            }
            pause(self.dice.pause(THINK_MS), stop).await;
        }
        // Some go home with their work done.
        if self.closes && self.dice.one_in(3) {
            self.close().await
        } else {
            Ok(())
        }
    }

    /// One look at a preview that should settle: an error until it has.
    pub(super) async fn has_settled(&mut self) -> anyhow::Result<()> {
        match (self.observe().await?, self.open) {
            (Seen::Live(_), true) | (Seen::Gone, false) => Ok(()),
            (Seen::Failed(diagnosis), true) => {
                self.ask_again(&diagnosis).await?;
                anyhow::bail!(
                    "{} failed and was asked for again: {diagnosis}",
                    self.pull.id
                )
            }
            _ => anyhow::bail!("{:?}", self.dayfly.api.preview(&self.pull.id).await?),
        }
    }

    /// Closes the pull request, after the last visitor has left.
    pub(super) async fn close(&mut self) -> anyhow::Result<()> {
        if self.open {
            self.audience.dismiss(&self.pull.id).await;
            self.dayfly.close(&self.pull)?;
            self.open = false;
            self.deeds.closes += 1;
        }
        Ok(())
    }

    async fn push(&mut self) -> anyhow::Result<()> {
        self.version += 1;
        let app = (self.app)(&format!("{}{}", self.greeting, self.version));
        self.tip = self.dayfly.push(&self.pull, &app).await?;
        self.deeds.pushes += 1;
        Ok(())
    }

    async fn close_and_reopen(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        self.close().await?;
        if self.dice.one_in(2) {
            self.wait(stop).await?;
        }
        pause(self.dice.pause(THINK_MS), stop).await;
        self.dayfly
            .forge
            .reopen(&self.pull.repo, self.pull.number)?;
        self.open = true;
        // A new commit tells the life that begins from the one that ends.
        self.push().await
    }

    /// Waits for what should come, and shows the preview to visitors once it is live.
    async fn wait(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && !stop.is_cancelled() {
            match (self.observe().await.unwrap_or(Seen::NotYet), self.open) {
                (Seen::Live(url), true) => {
                    let visitor = self.dayfly.visitor(&url);
                    self.audience
                        .admit(&self.pull.id, visitor, &self.greeting, self.version);
                    return Ok(());
                }
                (Seen::Gone, false) => return Ok(()),
                (Seen::Failed(diagnosis), true) => self.ask_again(&diagnosis).await?,
                _ => {}
            }
            pause(POLL_EVERY, stop).await;
        }
        Ok(())
    }

    /// What is to be seen; an error while the server is away.
    async fn observe(&self) -> anyhow::Result<Seen> {
        let preview = self.dayfly.api.preview(&self.pull.id).await?;
        let is_tip = |commit: &Option<String>| commit.as_deref() == Some(self.tip.as_str());
        Ok(match preview.phase.as_str() {
            "live" if is_tip(&preview.serving_commit) => Seen::Live(preview.url()?.to_owned()),
            "failed" if is_tip(&preview.commit) => Seen::Failed(preview.diagnosed()),
            "gone" => Seen::Gone,
            _ => Seen::NotYet,
        })
    }

    async fn ask_again(&mut self, diagnosis: &str) -> anyhow::Result<()> {
        anyhow::ensure!(
            diagnosis.contains(DIED_TOO_OFTEN),
            "{} failed although it works: {diagnosis}",
            self.pull.id
        );
        self.deeds.asked_again += 1;
        let asked = json!({ "repository": self.pull.repo, "number": self.pull.number.0 });
        // Where the server is away it is asked at the next look.
        let _ = self
            .dayfly
            .api
            .send(Method::POST, "/api/v1/previews", Some(&asked))
            .await;
        Ok(())
    }

    /// The first wait, before anything is killed.
    pub(super) async fn settle_in(&mut self) -> anyhow::Result<()> {
        let preview = self.dayfly.live(&self.pull, &self.tip).await?;
        let visitor = self.dayfly.visitor(preview.url()?);
        let first = visitor.text("/").await.context("the first visit")?;
        anyhow::ensure!(
            first.starts_with(&self.greeting),
            "the first visit found {first:?}"
        );
        self.audience
            .admit(&self.pull.id, visitor, &self.greeting, self.version);
        Ok(())
    }
}

async fn pause(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
