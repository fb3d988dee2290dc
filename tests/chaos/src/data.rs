//! Cycles of fork, reset, undo, capture and removal, while the server and the databases are killed.
//!
//! The application books every visit in Postgres and, once that is certain, in Redis. So at any
//! moment Redis has booked no more than Postgres, and behind it only by what was under way or
//! failed. That must hold in every copy; a capture must be the same each time; and no snapshot may
//! ever change.

use std::{
    collections::BTreeMap,
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use http::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    dice::Dice,
    ledger::{self, UNDER_WAY},
    options::Options,
};
use harness::{self, App, Crowd, Dayfly, Docker, Preview, eventually_within};

/// One kill of the server in so many cycles, and one of a database.
const SERVER_KILLS: u64 = 4;
const DATABASE_KILLS: u64 = 5;
/// Copies that are kept at once.
const COPIES_MAX: usize = 4;
/// How long a copy may take while everything is killed around it.
const COPY_MAX: std::time::Duration = std::time::Duration::from_secs(180);

/// What a run found.
#[derive(Debug, Default)]
pub struct DataReport {
    /// Where all choices came from.
    pub seed: u64,
    /// How many cycles were played.
    pub cycles: u64,
    /// Kills of the server, and of databases.
    pub kills: (u64, u64),
    /// What was done, by name.
    pub done: BTreeMap<&'static str, u64>,
    /// Copies whose books were looked at.
    pub looked_at: u64,
    /// How long it took.
    pub took: std::time::Duration,
}

impl fmt::Display for DataReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} cycles in {} s (--seed {})",
            self.cycles,
            self.took.as_secs(),
            self.seed
        )?;
        writeln!(
            f,
            "  killed the server {} times, databases {} times",
            self.kills.0, self.kills.1
        )?;
        for (name, count) in &self.done {
            writeln!(f, "  {name}: {count}")?;
        }
        write!(
            f,
            "  the books of {} copies were right, no snapshot changed, nothing is left",
            self.looked_at
        )
    }
}

/// Plays this many cycles.
///
/// # Errors
/// With the first thing that is wrong.
pub async fn run(cycles: u64, options: &Options) -> anyhow::Result<DataReport> {
    let mut report = DataReport {
        seed: options.seed,
        ..DataReport::default()
    };
    let settings = harness::Options {
        start_seconds_max: 120,
        limits: vec!["forks_max = 20".to_owned()],
        ..harness::Options::default()
    };
    Dayfly::play_with(settings, async |dayfly| {
        let began = Instant::now();
        let (pull, visitor) = dayfly.open_live("ledger", &App::ledger()).await?;
        let crowd = Crowd::gather(visitor, "/book");
        crowd.more(20).await?;
        let mut stage = Stage {
            dayfly,
            source: pull.id.clone(),
            dice: Dice::new(options.seed),
            copies: Vec::new(),
            captured: None,
            report: &mut report,
        };
        let before = stage.snapshots()?;
        for cycle in 0..cycles {
            stage
                .cycle()
                .await
                .with_context(|| format!("cycle {cycle}"))?;
            stage.report.cycles += 1;
            if cycle % 10 == 9 {
                let _ = writeln!(
                    std::io::stdout(),
                    "  {:>5} s  cycle {}",
                    began.elapsed().as_secs(),
                    cycle + 1
                );
            }
        }
        ensure!(stage.snapshots()? == before, "a snapshot was changed");
        crowd.disperse().await?;
        report.took = began.elapsed();
        Ok(())
    })
    .await?;
    Ok(report)
}

struct Stage<'a> {
    dayfly: &'a Dayfly,
    source: String,
    dice: Dice,
    copies: Vec<String>,
    /// A capture, and what its books say.
    captured: Option<(String, (u64, u64))>,
    report: &'a mut DataReport,
}

impl Stage<'_> {
    /// One deed, with a death in the middle of it now and then.
    async fn cycle(&mut self) -> anyhow::Result<()> {
        let kills_server = self.dice.one_in(SERVER_KILLS);
        let kills_database = self.dice.one_in(DATABASE_KILLS);
        let pause = self.dice.pause(0..1_500);
        let deed = self.dice.below(5);
        let asked = self.ask(deed).await?;
        if kills_database {
            self.kill_a_database().await?;
        }
        if kills_server {
            tokio::time::sleep(pause).await;
            self.dayfly.kill9().await?;
            self.dayfly.restart().await?;
            self.report.kills.0 += 1;
        }
        if let Some(asked) = asked {
            self.check_copy(&asked).await?;
        }
        Ok(())
    }

    /// Does something; answers a copy whose books are to be looked at.
    async fn ask(&mut self, deed: u64) -> anyhow::Result<Option<String>> {
        let dayfly = self.dayfly;
        let source = self.source.clone();
        let (name, path) = match deed {
            0 if self.copies.len() < COPIES_MAX => {
                ("fork", format!("/api/v1/previews/{source}/forks"))
            }
            1 => ("reset", format!("/api/v1/previews/{source}/reset")),
            2 => ("undo", format!("/api/v1/previews/{source}/undo")),
            3 => return self.capture().await.map(|()| None),
            _ => {
                return match self.copies.pop() {
                    Some(copy) => {
                        self.count("remove");
                        dayfly
                            .api
                            .send(Method::DELETE, &format!("/api/v1/previews/{copy}"), None)
                            .await?;
                        Ok(None)
                    }
                    None => Ok(None),
                };
            }
        };
        let answer = dayfly
            .api
            .send(Method::POST, &path, Some(&json!({})))
            .await?;
        // What is on its way cannot be gone back from, and nothing may be kept to go back to.
        if answer.status == 409 {
            return Ok(None);
        }
        ensure!(
            answer.status == 202,
            "{name}: {} {}",
            answer.status,
            answer.body
        );
        self.count(name);
        let preview: Preview = serde_json::from_value(answer.json()?)?;
        if name == "fork" {
            self.copies.push(preview.id.clone());
            return Ok(Some(preview.id));
        }
        self.live(&source).await?;
        Ok(None)
    }

    /// Captures the source, or opens what was captured once more.
    async fn capture(&mut self) -> anyhow::Result<()> {
        if let Some((id, wanted)) = self.captured.clone() {
            self.count("open a capture");
            let fork = self
                .dayfly
                .ask(&format!("/api/v1/previews/{id}/forks"), &json!({}))
                .await?;
            let found = self.books(&fork.id).await?;
            ensure!(
                found == wanted,
                "a capture opened as {found:?} and was {wanted:?}"
            );
            self.dayfly.remove(&fork.id).await?;
            if self.dice.one_in(3) {
                self.captured = None;
                self.dayfly.remove(&id).await?;
            }
            return Ok(());
        }
        let path = format!("/api/v1/previews/{}/captures", self.source);
        let answer = self
            .dayfly
            .api
            .send(Method::POST, &path, Some(&json!({})))
            .await?;
        if answer.status == 409 {
            return Ok(());
        }
        self.count("capture");
        let capture: Preview = serde_json::from_value(answer.json()?)?;
        self.dayfly.settled(&capture.id, "captured").await?;
        let fork = self
            .dayfly
            .ask(
                &format!("/api/v1/previews/{}/forks", capture.id),
                &json!({}),
            )
            .await?;
        let books = self.books(&fork.id).await?;
        self.check(books)?;
        self.dayfly.remove(&fork.id).await?;
        self.captured = Some((capture.id, books));
        Ok(())
    }

    async fn check_copy(&mut self, copy: &str) -> anyhow::Result<()> {
        let books = self.books(copy).await?;
        self.check(books)
    }

    fn check(&mut self, (postgres, redis): (u64, u64)) -> anyhow::Result<()> {
        // Each killed database may cost the visits that were under way their second booking.
        let lost = UNDER_WAY * (self.report.kills.1 + 1);
        ensure!(
            redis <= postgres && postgres - redis <= lost,
            "Postgres has {postgres} visits and Redis {redis}; killed {:?}, done {:?}",
            self.report.kills,
            self.report.done
        );
        self.report.looked_at += 1;
        Ok(())
    }

    /// What a copy has booked, once it is live.
    async fn books(&self, id: &str) -> anyhow::Result<(u64, u64)> {
        let preview = self.live(id).await?;
        ledger::books(self.dayfly, &preview).await
    }

    async fn live(&self, id: &str) -> anyhow::Result<Preview> {
        eventually_within(COPY_MAX, &format!("{id} live"), async || {
            let preview = self.dayfly.api.preview(id).await?;
            ensure!(
                preview.phase != "failed",
                "{id} failed: {}",
                preview.diagnosed()
            );
            ensure!(preview.phase == "live", "{preview:?}");
            Ok(preview)
        })
        .await
    }

    async fn kill_a_database(&mut self) -> anyhow::Result<()> {
        let label = (deploy::labels::KIND, "database");
        let all = self.dayfly.docker.containers(label.0, label.1).await?;
        if all.is_empty() {
            return Ok(());
        }
        let one = self.dice.below(all.len() as u64) as usize;
        // It may be gone, or not yet started.
        if Docker::run(&["kill", &all[one]]).await.is_ok() {
            self.report.kills.1 += 1;
        }
        Ok(())
    }

    fn count(&mut self, name: &'static str) {
        *self.report.done.entry(name).or_default() += 1;
    }

    /// A digest of every snapshot's files.
    fn snapshots(&self) -> anyhow::Result<Vec<String>> {
        let root = self.dayfly.data().join("pool/snapshots");
        let mut digests = Vec::new();
        for snapshot in entries(&root)? {
            let mut digest = Sha256::new();
            add(&snapshot.join("data"), &mut digest)?;
            digests.push(format!(
                "{} {}",
                snapshot.display(),
                hex::encode(digest.finalize())
            ));
        }
        Ok(digests)
    }
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder)?;
    let mut all = read
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    all.sort();
    Ok(all)
}

fn add(folder: &Path, digest: &mut Sha256) -> anyhow::Result<()> {
    for path in entries(folder)? {
        digest.update(path.display().to_string());
        let facts = path.symlink_metadata()?;
        if facts.is_dir() {
            add(&path, digest)?;
        } else if facts.is_file() {
            digest.update(std::fs::read(&path)?);
        }
    }
    Ok(())
}
