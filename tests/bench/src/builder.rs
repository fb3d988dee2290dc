//! The way we ask the engine's builder, beside the archive of the whole context and the plain
//! command.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion};
use deploy::{
    builder::{BuildEvent, BuildRequest, Builder as _, silence},
    docker::{Docker, DockerConfig},
    names::{ImageId, Instance, PreviewId, RevisionNumber, ServiceName},
    source::{MirrorId, Mirrors, Tree},
};
use futures_util::StreamExt as _;
use tempfile::TempDir;

use super::{
    numbers::{median, ms},
    row::Row,
};
use harness::{Docker as Plain, eventually, runs};

/// The context: so many files of so many bytes, and one small file that changes.
const FILES: u64 = 300;
const FILE_BYTES: usize = 100 * 1024;
/// What changes seldom is copied first, as people write it.
const DOCKERFILE: &str =
    "FROM dayfly-test/base:1\nWORKDIR /app\nCOPY assets /app/assets\nCOPY small.txt /app/\n";
/// The file that changes is not in the image, so that the engine has nothing to write into it: what
/// is left is the context and what is asked about it.
const APART: &str = "FROM dayfly-test/base:1\nWORKDIR /app\nCOPY assets /app/assets\n";
/// Rounds of what takes long.
const ROUNDS: usize = 5;

const BYTES_GOAL: f64 = 0.01;
const WALL_GOAL: f64 = 0.6;
const GROWTH_GOAL: f64 = 0.5;
const CACHED_GOAL: f64 = 1.2;
const CANCEL_MS_GOAL: f64 = 200.0;

/// The engine as we ask it and as anybody may, and somewhere for sources.
struct Bench {
    direct: Docker,
    plain: bollard::Docker,
    mirrors: Mirrors,
    mirror: MirrorId,
    folder: TempDir,
    files: BTreeMap<String, Vec<u8>>,
}

/// What one way took.
#[derive(Default)]
struct Costs {
    wall: Vec<Duration>,
    growth: Vec<f64>,
    bytes: Vec<f64>,
}

/// Measures builds past everything but the builder's port.
pub(super) async fn measure() -> anyhow::Result<Vec<Row>> {
    let bench = Bench::set_up()?;
    let mut rows = bench
        .contexts(DOCKERFILE, "copied by the last step")
        .await?;
    let apart = bench.contexts(APART, "that no step copies").await?;
    let wall = apart.into_iter().find(|row| row.id == "context_wall_ratio");
    rows.extend(wall.map(|row| {
        let id = "context_wall_alone";
        Row { id, ..row }.without_goal()
    }));
    rows.push(bench.cached().await?);
    rows.push(bench.cancel().await?);
    Ok(rows)
}

/// Whose images they are.
fn preview() -> anyhow::Result<PreviewId> {
    Ok(PreviewId::parse("bench-1")?)
}

impl Bench {
    fn set_up() -> anyhow::Result<Self> {
        let number = RandomState::new().hash_one("bench").to_be_bytes();
        let instance = Instance::parse(&hex::encode(&number[..4]))?;
        let mut config = DockerConfig::new(instance);
        config.firewall = false;
        let folder = tempfile::Builder::new().prefix("dayfly-bench-").tempdir()?;
        let mut files = BTreeMap::from([("Dockerfile".to_owned(), DOCKERFILE.into())]);
        for number in 0..FILES {
            files.insert(format!("assets/{number}.bin"), noise(number));
        }
        Ok(Self {
            direct: Docker::connect(config)?,
            plain: bollard::Docker::connect_with_local_defaults()?,
            mirrors: Mirrors::new(folder.path().join("mirrors")),
            mirror: MirrorId::parse("bench")?,
            folder,
            files,
        })
    }

    /// The context with this text in its small file, as an archive.
    fn archive(&self, small: &str, dockerfile: &str) -> anyhow::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut files = self.files.clone();
        // The engine remembers what runs before this one built.
        let small = format!("{small} of {}", self.direct.config().instance);
        files.insert("small.txt".to_owned(), small.into());
        files.insert("Dockerfile".to_owned(), dockerfile.into());
        for (path, content) in &files {
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_slice())?;
        }
        Ok(archive.into_inner()?)
    }

    /// The same in a mirror.
    async fn tree(&self, small: &str, dockerfile: &str) -> anyhow::Result<Tree> {
        let archive = self.archive(small, dockerfile)?;
        let tree = self.mirrors.import(&self.mirror, archive.as_slice()).await;
        Ok(tree?)
    }

    fn request(tree: Tree) -> anyhow::Result<BuildRequest> {
        Ok(BuildRequest {
            preview: preview()?,
            revision: RevisionNumber(1),
            service: ServiceName::parse("web")?,
            tree,
            context: String::new(),
            dockerfile: "Dockerfile".to_owned(),
            target: None,
            args: BTreeMap::new(),
            facts: BTreeMap::new(),
            secrets: BTreeMap::new(),
            scope: "bench".to_owned(),
        })
    }

    async fn cache_bytes(&self) -> anyhow::Result<f64> {
        let records = self.direct.cache().await?;
        Ok(records.iter().map(|record| record.bytes as f64).sum())
    }

    /// Builds once, and adds what it took. The image before goes after the one that replaces it, so
    /// that its layers stay in the cache.
    async fn build(
        &self,
        tree: Tree,
        costs: &mut Costs,
        before: &mut Option<ImageId>,
    ) -> anyhow::Result<()> {
        let cache = self.cache_bytes().await?;
        let sent = Arc::new(Mutex::new(0));
        let counts = Arc::clone(&sent);
        let request = Self::request(tree)?;
        let began = Instant::now();
        let image = self
            .direct
            .build(
                &request,
                Arc::new(move |event| {
                    if let BuildEvent::Context { bytes_sent, .. } = event {
                        *counts.lock().unwrap_or_else(PoisonError::into_inner) = bytes_sent;
                    }
                }),
            )
            .await?;
        costs.wall.push(began.elapsed());
        costs.growth.push(self.cache_bytes().await? - cache);
        let sent = *sent.lock().unwrap_or_else(PoisonError::into_inner);
        costs.bytes.push(sent as f64);
        if let Some(before) = before.replace(image) {
            self.direct.remove(&preview()?, &before).await?;
        }
        Ok(())
    }

    /// The same in one call of the engine, with the whole context. The image before goes afterwards.
    async fn build_archive(
        &self,
        archive: Vec<u8>,
        costs: &mut Costs,
        before: &mut Option<String>,
    ) -> anyhow::Result<()> {
        let cache = self.cache_bytes().await?;
        costs.bytes.push(archive.len() as f64);
        let tag = format!("dayfly-bench-{}:{}", std::process::id(), costs.bytes.len());
        let options = BuildImageOptionsBuilder::new()
            .t(&tag)
            .rm(true)
            .version(BuilderVersion::BuilderBuildKit)
            .session(&hex::encode(
                RandomState::new().hash_one(&tag).to_be_bytes(),
            ))
            .build();
        let body = bollard::body_full(archive.into());
        let began = Instant::now();
        let mut answers = self.plain.build_image(options, None, Some(body));
        while let Some(answer) = answers.next().await {
            answer?;
        }
        costs.wall.push(began.elapsed());
        costs.growth.push(self.cache_bytes().await? - cache);
        if let Some(before) = before.replace(tag) {
            Plain::run(&["image", "rm", &before]).await?;
        }
        Ok(())
    }

    /// 30 MB of which one small file changes.
    async fn contexts(&self, dockerfile: &str, how: &str) -> anyhow::Result<Vec<Row>> {
        let (mut direct, mut archive) = (Costs::default(), Costs::default());
        let (mut ours, mut theirs) = (None, None);
        // The first time everything is new to both.
        let tree = self.tree("at first", dockerfile).await?;
        self.build(tree, &mut Costs::default(), &mut ours).await?;
        let whole = self.archive("at first", dockerfile)?;
        self.build_archive(whole, &mut archive, &mut theirs).await?;
        archive = Costs {
            bytes: archive.bytes,
            ..Costs::default()
        };
        for round in 0..ROUNDS {
            let small = format!("direct {how} {round}");
            let tree = self.tree(&small, dockerfile).await?;
            self.build(tree, &mut direct, &mut ours).await?;
            let small = format!("archive {how} {round}");
            let whole = self.archive(&small, dockerfile)?;
            self.build_archive(whole, &mut archive, &mut theirs).await?;
        }
        if let Some(image) = ours {
            self.direct.remove(&preview()?, &image).await?;
        }
        if let Some(tag) = theirs {
            Plain::run(&["image", "rm", &tag]).await?;
        }
        let what = format!(
            "a context of {FILES} files of {} KiB of which one small file, {how}, changed, medians of \
             {ROUNDS} interleaved rounds; beside the same as an archive in one call of the engine",
            FILE_BYTES / 1024
        );
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let walls = (ms(median(&direct.wall)), ms(median(&archive.wall)));
        let growth = (mean(&direct.growth), mean(&archive.growth));
        let bytes = (mean(&direct.bytes), mean(&archive.bytes));
        Ok(vec![
            Row::compared("context_bytes_ratio", bytes, what.clone(), BYTES_GOAL).in_unit("bytes"),
            Row::compared("context_wall_ratio", walls, what.clone(), WALL_GOAL),
            Row::compared("cache_growth_ratio", growth, what, GROWTH_GOAL).in_unit("bytes"),
        ])
    }

    /// Everything is in the cache.
    async fn cached(&self) -> anyhow::Result<Row> {
        let checkout = self.folder.path().join("checkout");
        let mut files = self.files.clone();
        let small = format!("cached of {}", self.direct.config().instance);
        files.insert("small.txt".to_owned(), small.into());
        for (path, content) in &files {
            let path = checkout.join(path);
            std::fs::create_dir_all(path.parent().context("a folder")?)?;
            std::fs::write(path, content)?;
        }
        let buildkit = Plain::run(&["buildx", "version"]).await.is_ok();
        let tag = format!("dayfly-bench-{}:cached", std::process::id());
        let folder = checkout.to_str().context("a path")?.to_owned();
        let (mut ours, mut plain, mut last) = (Vec::new(), Vec::new(), None);
        for round in 0..=2 * ROUNDS {
            let mut costs = Costs::default();
            let tree = self.tree("cached", DOCKERFILE).await?;
            self.build(tree, &mut costs, &mut last).await?;
            let began = Instant::now();
            Plain::run(&["build", "--quiet", "--tag", &tag, "--", &folder]).await?;
            // The first round fills both caches.
            if round > 0 {
                plain.push(began.elapsed());
                ours.extend(costs.wall);
            }
        }
        Plain::run(&["image", "rm", &tag]).await?;
        if let Some(image) = last {
            self.direct.remove(&preview()?, &image).await?;
        }
        let builder = if buildkit {
            "BuildKit, by buildx"
        } else {
            "classic, no buildx"
        };
        let what = format!(
            "docker build ({builder}) of the same folder with everything cached, medians of {} \
             interleaved rounds",
            ours.len()
        );
        let medians = (ms(median(&ours)), ms(median(&plain)));
        Ok(Row::compared(
            "build_cached_ratio",
            medians,
            what,
            CACHED_GOAL,
        ))
    }

    /// From dropping a build to the death of what it ran; the slowest of all rounds.
    async fn cancel(&self) -> anyhow::Result<Row> {
        let mut slowest = Duration::ZERO;
        for round in 0..ROUNDS {
            let mark = format!("dayfly_cancel_{}_{round}", std::process::id());
            let line = format!(
                "{DOCKERFILE}RUN [\"python3\", \"-c\", \"import time; {mark} = time.sleep(600)\"]"
            );
            let request = Self::request(self.tree("cancel", &line).await?)?;
            {
                let begun = eventually("the build runs", async || {
                    ensure!(runs(&mark)?, "not yet");
                    Ok(())
                });
                tokio::select! {
                    begun = begun => begun?,
                    built = self.direct.build(&request, silence()) => {
                        anyhow::bail!("a build that sleeps ended: {built:?}");
                    }
                }
            }
            let dropped = Instant::now();
            eventually("the build is dead", async || {
                ensure!(!runs(&mark)?, "it runs");
                Ok(())
            })
            .await?;
            slowest = slowest.max(dropped.elapsed());
        }
        Ok(Row::alone(
            "cancel_ms",
            ms(slowest),
            "ms",
            Some(CANCEL_MS_GOAL),
        ))
    }
}

/// Bytes that no compression would shrink, the same for the same number.
fn noise(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    while bytes.len() < FILE_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}
