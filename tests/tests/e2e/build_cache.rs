//! What builds leave in the builder's cache.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::ensure;
use deploy::{
    builder::{BuildEvent, BuildRequest, Builder as _},
    docker::{Docker, DockerConfig},
    names::{ImageId, Instance, PreviewId, RevisionNumber, ServiceName},
    source::{MirrorId, Mirrors},
};
use harness::{Dayfly, Options, eventually, eventually_within};
use rusqlite::{Connection, OpenFlags};

use crate::builds::page;

#[tokio::test(flavor = "multi_thread")]
async fn the_builders_cache_of_ours_stays_within_its_budget_and_others_keep_theirs()
-> anyhow::Result<()> {
    let options = Options {
        limits: vec!["build_cache_mib_max = 1".to_owned()],
        ..Options::default()
    };
    let somebody = somebody_elses_build().await?;
    Dayfly::play_with(options, async |dayfly| {
        // What a run before this one left in the builder's cache would be nobody's here.
        let run = std::process::id();
        let blob = |n: u32| {
            let line = format!("RUN echo {run} && head -c 400000{n} /dev/urandom > /blob");
            page('a').then(&line)
        };
        let pull = dayfly.open("change", &blob(0)).await?;
        dayfly.live(&pull, &pull.commit).await?;
        let first = eventually("records are ours", async || {
            let noted = ours(dayfly)?;
            ensure!(!noted.is_empty(), "none is");
            Ok(noted)
        })
        .await?;
        ensure!(
            first.is_disjoint(&somebody.1),
            "somebody else's records count as ours"
        );
        for number in 1..3 {
            let commit = dayfly.push(&pull, &blob(number)).await?;
            dayfly.live(&pull, &commit).await?;
        }
        // The house is kept once a minute.
        let minutes = Duration::from_secs(130);
        eventually_within(minutes, "our records are within the budget", async || {
            let noted = ours(dayfly)?;
            let records = somebody.0.cache().await?;
            let bytes: u64 = records
                .iter()
                .filter(|record| noted.contains(&record.id))
                .filter(|record| !record.in_use && !record.shared)
                .map(|record| record.bytes)
                .sum();
            ensure!(bytes <= 1 << 20, "{bytes} bytes");
            // What the first push left is in no image any more, and more than the budget.
            let there = |id: &String| records.iter().any(|record| record.id == *id);
            ensure!(!first.iter().all(there), "nothing was removed");
            for id in &somebody.1 {
                let there = records.iter().any(|record| record.id == *id);
                ensure!(there, "somebody else's record {id} is gone");
            }
            Ok(())
        })
        .await
    })
    .await?;
    somebody
        .0
        .remove(&PreviewId::parse("theirs-1")?, &somebody.2)
        .await?;
    let theirs: Vec<String> = somebody.1.into_iter().collect();
    Ok(somebody.0.forget_cache(&theirs).await?)
}

/// The records of the builder's cache that a server holds for its own.
fn ours(dayfly: &Dayfly) -> anyhow::Result<BTreeSet<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = Connection::open_with_flags(dayfly.data().join("dayfly.db"), flags)?;
    let mut rows = store.prepare("SELECT id FROM cache_records")?;
    let ids = rows.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// What somebody else's command writes.
const BLOB_BYTES: u64 = 3_000_000;

/// Somebody who builds on the same engine, the record that its command left, and its image.
async fn somebody_elses_build() -> anyhow::Result<(Docker, BTreeSet<String>, ImageId)> {
    let folder = tempfile::tempdir()?;
    let instance = Instance::parse(&format!("{:08x}", std::process::id()))?;
    let docker = Docker::connect(DockerConfig::new(instance))?;
    let mirrors = Mirrors::new(folder.path().join("mirrors"));
    let dockerfile = format!(
        "FROM dayfly-test/base:1\nRUN echo {} > /own && head -c {BLOB_BYTES} /dev/urandom > /blob\n",
        std::process::id()
    );
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(dockerfile.len() as u64);
    archive.append_data(&mut header, "Dockerfile", dockerfile.as_bytes())?;
    let archive = archive.into_inner()?;
    let mirror = MirrorId::parse("somebody")?;
    let request = BuildRequest {
        preview: PreviewId::parse("theirs-1")?,
        revision: RevisionNumber(1),
        service: ServiceName::parse("web")?,
        tree: mirrors.import(&mirror, archive.as_slice()).await?,
        context: String::new(),
        dockerfile: "Dockerfile".to_owned(),
        target: None,
        args: Default::default(),
        facts: Default::default(),
        secrets: Default::default(),
        scope: "somebody".to_owned(),
    };
    let left = Arc::new(Mutex::new(BTreeSet::new()));
    let into = Arc::clone(&left);
    let sink = move |event| {
        if let BuildEvent::Cached { records } = event {
            into.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(records);
        }
    };
    let image = docker.build(&request, Arc::new(sink)).await?;
    let left = eventually("the other build's records are told", async || {
        let left = left.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ensure!(!left.is_empty(), "not yet");
        Ok(left)
    })
    .await?;
    // Its context and its Dockerfile leave what any other build at the same moment leaves, and may be
    // told as that one's. Nobody else runs its command.
    let records = docker.cache().await?.into_iter();
    let large = records.filter(|record| left.contains(&record.id) && record.bytes >= BLOB_BYTES);
    let command: BTreeSet<String> = large.map(|record| record.id).collect();
    ensure!(
        command.len() == 1,
        "of {left:?} its command left {command:?}"
    );
    Ok((docker, command, image))
}
