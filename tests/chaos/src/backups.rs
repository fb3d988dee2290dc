//! Backups that are taken while everything dies around them, each restored into nothing.
//!
//! A round: while `dayfly backup` runs, a `dayfly up` is killed, commits are fetched and built, data are
//! seeded and forked, and the server itself may be killed. A backup that says "wrote" must come back,
//! with every preview that was live and its data; one that fails must leave no file under its name.

use std::{
    fmt,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use futures_util::future::{join, join_all};
use http::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    backup_plan::{Plan, die},
    dice::Dice,
    options::Options,
};
use harness::{self, App, Dayfly, Pull, Ran, Visitor, eventually_within};

/// Rounds that one server is for, and one with a Postgres, which takes longer.
const ROUNDS_PER_SERVER: u64 = 5;
const ROUNDS_WITH_POSTGRES: u64 = 2;
/// One server in so many has a Postgres too.
const POSTGRES_SERVERS: u64 = 3;
/// How much an upload that is killed sends.
const UPLOAD_BYTES: u64 = 24 << 20;
/// How long a preview may take until it is as it was.
const BACK_MAX: Duration = Duration::from_secs(120);

/// What a run found.
#[derive(Debug, Default)]
pub struct BackupsReport {
    /// Where all choices came from.
    pub seed: u64,
    /// Backups that were restored.
    pub rounds: u64,
    /// Backups that failed since something died, and left nothing.
    pub failed: u64,
    /// Kills of the server, and of uploads.
    pub kills: (u64, u64),
    /// Pushes, openings and forks that went on meanwhile.
    pub deeds: (u64, u64, u64),
    /// Previews that came back as they were.
    pub compared: u64,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for BackupsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} backups restored in {} s (--seed {})",
            self.rounds,
            self.took.as_secs(),
            self.seed
        )?;
        writeln!(
            f,
            "  killed the server {} times and uploads {} times; {} backups failed and left nothing",
            self.kills.0, self.kills.1, self.failed
        )?;
        let (pushes, openings, forks) = self.deeds;
        writeln!(
            f,
            "  meanwhile: {pushes} pushes, {openings} openings, {forks} forks"
        )?;
        write!(
            f,
            "  {} previews came back live, their data with the same checksum",
            self.compared
        )
    }
}

/// Takes and restores so many backups, or as many as there is time for.
///
/// # Errors
/// With the first thing that is wrong.
pub async fn run(rounds: u64, options: &Options) -> anyhow::Result<BackupsReport> {
    let mut report = BackupsReport {
        seed: options.seed,
        ..BackupsReport::default()
    };
    let mut dice = Dice::new(options.seed);
    let began = Instant::now();
    let is_over = || options.time_max.is_some_and(|most| began.elapsed() > most);
    let mut server = 0;
    while report.rounds < rounds && !is_over() {
        let settings = harness::Options {
            // After a restore the server listens elsewhere, where no webhook comes.
            webhook: false,
            start_seconds_max: 120,
            limits: vec!["forks_max = 50".to_owned()],
            ..harness::Options::polling(1)
        };
        let has_postgres = server % POSTGRES_SERVERS == POSTGRES_SERVERS - 1;
        let most = match has_postgres {
            true => ROUNDS_WITH_POSTGRES,
            false => ROUNDS_PER_SERVER,
        };
        let target = rounds.min(report.rounds + most);
        let (report, dice) = (&mut report, &mut dice);
        Dayfly::play_with(settings, async |dayfly| {
            let mut stage = Stage::set(dayfly, has_postgres, dice, report).await?;
            while stage.report.rounds < target && !is_over() {
                let round = stage.report.rounds;
                let played = stage.round().await;
                played.with_context(|| format!("round {round}, --seed {}", options.seed))?;
            }
            Ok(())
        })
        .await?;
        server += 1;
        let _ = writeln!(
            std::io::stdout(),
            "  {:>5} s  {} backups restored",
            began.elapsed().as_secs(),
            report.rounds
        );
    }
    report.took = began.elapsed();
    Ok(report)
}

/// A preview that is live and keeps notes.
struct Kept {
    pull: Pull,
    visitor: Visitor,
    has_postgres: bool,
    text: String,
    commit: String,
}

impl Kept {
    fn app(has_postgres: bool, text: &str) -> App {
        match has_postgres {
            true => App::notes(text),
            false => App::tally(text),
        }
    }

    async fn open(dayfly: &Dayfly, branch: &str, has_postgres: bool) -> anyhow::Result<Self> {
        let app = Self::app(has_postgres, branch);
        let (pull, visitor) = dayfly.open_live(branch, &app).await?;
        Ok(Self {
            text: branch.to_owned(),
            commit: pull.commit.to_string(),
            pull,
            visitor,
            has_postgres,
        })
    }

    /// A checksum of its data, as its visitors see them.
    async fn data(&self) -> anyhow::Result<String> {
        let notes = self.visitor.notes().await?;
        Ok(hex::encode(Sha256::digest(notes.join("\n"))))
    }
}

struct Stage<'a> {
    dayfly: &'a Dayfly,
    dice: &'a mut Dice,
    kept: Vec<Kept>,
    home: tempfile::TempDir,
    report: &'a mut BackupsReport,
}

impl<'a> Stage<'a> {
    async fn set(
        dayfly: &'a Dayfly,
        has_postgres: bool,
        dice: &'a mut Dice,
        report: &'a mut BackupsReport,
    ) -> anyhow::Result<Self> {
        let mut kept = vec![Kept::open(dayfly, "tally", false).await?];
        if has_postgres {
            kept.push(Kept::open(dayfly, "notes", true).await?);
        }
        let home = tempfile::tempdir()?;
        let checkout = home.path().join("tool");
        std::fs::create_dir(&checkout)?;
        std::fs::write(checkout.join("Dockerfile"), "FROM dayfly-test/base:1\n")?;
        let noise = std::fs::File::open("/dev/urandom")?;
        let mut noise = std::io::Read::take(noise, UPLOAD_BYTES);
        std::io::copy(
            &mut noise,
            &mut std::fs::File::create(checkout.join("noise"))?,
        )?;
        Ok(Self {
            dayfly,
            dice,
            kept,
            home,
            report,
        })
    }

    /// One backup amid whatever happens, the loss of everything, and the way back.
    async fn round(&mut self) -> anyhow::Result<()> {
        let (round, dayfly) = (self.report.rounds, self.dayfly);
        let mut before = Vec::new();
        for kept in &self.kept {
            kept.visitor.note(&format!("note {round}")).await?;
            before.push(kept.data().await?);
        }
        let file = format!("round-{round}.tar");
        let passing = self.amid_everything(&file).await?;
        self.report.rounds += 1;
        dayfly.lose_host().await?;
        let config = dayfly.data().join("dayfly.server.toml");
        let words = ["restore", &file, "--config", &config.display().to_string()];
        let home = self.home.path();
        dayfly.command(home, &words).await?.printed()?;
        std::fs::remove_file(home.join(&file))?;
        dayfly.restart().await?;
        let listen = listen(dayfly).await?;
        for (kept, before) in self.kept.iter_mut().zip(before) {
            let url = format!("http://{}", host(&kept.visitor));
            kept.visitor = Visitor::new(listen, &url);
            is_back(dayfly, kept, &before).await?;
            self.report.compared += 1;
        }
        if let Some(pull) = passing {
            is_known(dayfly, &pull).await?;
            dayfly.close(&pull)?;
        }
        self.remove_passing().await
    }

    /// Takes a backup while what was drawn happens; where it fails, another one once all is quiet.
    /// Answers the pull request that was opened meanwhile.
    async fn amid_everything(&mut self, file: &str) -> anyhow::Result<Option<Pull>> {
        let (plan, round, dayfly) = (Plan::draw(self.dice), self.report.rounds, self.dayfly);
        let home = self.home.path().to_owned();
        let backup = async {
            tokio::time::sleep(plan.backup_at).await;
            dayfly.command(&home, &["backup", file]).await
        };
        let source = self.kept[0].pull.id.clone();
        let fork = async {
            let Some(at) = plan.fork_at else { return };
            tokio::time::sleep(at).await;
            let path = format!("/api/v1/previews/{source}/forks");
            // The server may be away.
            let _asked = dayfly.api.send(Method::POST, &path, Some(&json!({}))).await;
        };
        let open = async {
            let at = plan.open_at?;
            tokio::time::sleep(at).await;
            let app = App::tally("passing");
            Some(dayfly.open(&format!("passing-{round}"), &app).await)
        };
        let deaths = die(dayfly, &plan, &home);
        let push = push(dayfly, &mut self.kept[0], plan.push_at, round);
        let others = async { tokio::join!(fork, open, deaths, push) };
        let (ran, ((), opened, died, pushed)) = join(backup, others).await;
        died?;
        pushed?;
        let count = |happened: bool| u64::from(happened);
        self.report.kills.0 += count(plan.kill_at.is_some());
        self.report.kills.1 += count(plan.up.is_some());
        self.report.deeds.0 += count(plan.push_at.is_some());
        self.report.deeds.1 += count(plan.open_at.is_some());
        self.report.deeds.2 += count(plan.fork_at.is_some());
        let ran = ran?;
        if !is_whole_or_absent(&home, file, &ran, plan.kill_at.is_some())? {
            self.report.failed += 1;
            let again = dayfly.command(&home, &["backup", file]).await?;
            ensure!(is_whole_or_absent(&home, file, &again, false)?);
        }
        opened.transpose()
    }

    /// Removes what was forked and sent, so that rounds stay alike.
    async fn remove_passing(&self) -> anyhow::Result<()> {
        let (dayfly, kept) = (self.dayfly, &self.kept);
        let previews = dayfly.api.previews().await?;
        let passing = previews.into_iter().filter(|preview| {
            let is_kept = kept.iter().any(|kept| kept.pull.id == preview.id);
            !is_kept && preview.phase != "gone"
        });
        let removed = passing.map(async |preview| dayfly.remove(&preview.id).await);
        join_all(removed).await.into_iter().collect()
    }
}

/// Whether a backup was written; where it was not there may be nothing of it, and a reason for it.
fn is_whole_or_absent(home: &Path, file: &str, ran: &Ran, may_fail: bool) -> anyhow::Result<bool> {
    let is_there = home.join(file).exists();
    ensure!(
        ran.success == is_there && !home.join(format!("{file}.part")).exists(),
        "a backup ended so, and its file is there: {is_there}: {ran:?}"
    );
    ensure!(ran.success || may_fail, "a backup failed: {ran:?}");
    Ok(ran.success)
}

async fn push(
    dayfly: &Dayfly,
    kept: &mut Kept,
    at: Option<Duration>,
    round: u64,
) -> anyhow::Result<()> {
    let Some(at) = at else { return Ok(()) };
    tokio::time::sleep(at).await;
    let text = format!("text {round}");
    let app = Kept::app(kept.has_postgres, &text);
    kept.commit = dayfly.push(&kept.pull, &app).await?.to_string();
    kept.text = text;
    Ok(())
}

/// Waits until the server that came back knows a pull request that may be younger than the backup. Were it
/// closed before that, nobody would be left who knows of its records on the forge.
async fn is_known(dayfly: &Dayfly, pull: &Pull) -> anyhow::Result<()> {
    let what = format!("{} is known again", pull.id);
    eventually_within(BACK_MAX, &what, async || {
        let preview = dayfly.api.preview(&pull.id).await?;
        ensure!(preview.phase != "gone", "{preview:?}");
        Ok(())
    })
    .await
}

/// Waits until a preview serves its newest commit, with the data of before.
async fn is_back(dayfly: &Dayfly, kept: &Kept, before: &str) -> anyhow::Result<()> {
    let what = format!("{} as it was", kept.pull.id);
    eventually_within(BACK_MAX, &what, async || {
        let preview = dayfly.api.preview(&kept.pull.id).await?;
        let serves = preview.serving_commit.as_deref() == Some(kept.commit.as_str());
        ensure!(preview.phase == "live" && serves, "{preview:?}");
        ensure!(kept.visitor.text("/").await? == kept.text);
        Ok(())
    })
    .await?;
    let after = kept.data().await?;
    let notes = kept.visitor.notes().await?;
    ensure!(after == before, "{} came back with {notes:?}", kept.pull.id);
    Ok(())
}

async fn listen(dayfly: &Dayfly) -> anyhow::Result<SocketAddr> {
    let health = dayfly.api.get("/healthz").await?;
    let listen = health["listen"][0].as_str().context("it listens nowhere")?;
    Ok(listen.parse()?)
}

fn host(visitor: &Visitor) -> String {
    let host = visitor.authority().split(':').next();
    host.unwrap_or_default().to_owned()
}
