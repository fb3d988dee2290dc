//! What dies while it writes to a mirror never keeps a backup from being restored.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use harness::{self, App, Dayfly, eventually, files_below};

use crate::{
    backup::{at_its_new_port, restore},
    local::write,
};

/// So much is sent that an upload can be met on its way.
const LARGE_BYTES: usize = 96 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_died_in_a_mirror_is_swept_or_left_out_and_named_and_the_backup_comes_back()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        let elsewhere = tempfile::tempdir()?;
        let folder = elsewhere.path();
        kill_an_up(dayfly, folder).await?;
        let mirror = mirror_of(dayfly, "github-")?;
        for name in ["fast_import_crash_4711", "shallow.lock"] {
            std::fs::write(mirror.join(name), "left by a death")?;
        }
        // As a fetch that is under way has it.
        let lock = File::open(mirror.with_extension("lock"))?;
        lock.lock()?;
        let said = backup(dayfly, folder, "busy.tar").await?;
        for name in ["fast_import_crash_4711", "shallow.lock"] {
            let named = format!("left out: {}/{name}", shown(&mirror));
            ensure!(said.contains(&named), "{said}");
        }
        lock.unlock()?;
        let said = backup(dayfly, folder, "calm.tar").await?;
        ensure!(!said.contains("left out"), "{said}");
        ensure!(!mirror.join("shallow.lock").exists(), "it was not swept");
        let early = as_earlier(folder, "calm.tar", &shown(&mirror))?;

        dayfly.lose_host().await?;
        for name in ["busy.tar", "calm.tar"] {
            let check = ["restore", name, "--check"];
            dayfly.command(folder, &check).await?.printed()?;
        }
        let said = restore(dayfly, folder, &early).await?.printed()?;
        for name in ["fast_import_crash_1", "objects/pack/tmp_pack_x"] {
            let named = format!("needs it: {}/{name}", shown(&mirror));
            ensure!(said.contains(&named), "{said}");
        }
        let files = files_below(&mirror)?;
        ensure!(
            !files
                .iter()
                .any(|path| path.ends_with("fast_import_crash_1")),
            "{files:?}"
        );
        dayfly.restart().await?;
        dayfly.live(&pull, &pull.commit).await?;
        let visitor = at_its_new_port(dayfly, &visitor).await?;
        ensure!(visitor.text("/").await? == "steady");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_removes_what_deaths_left_in_mirrors() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::page("steady")).await?;
        let mirror = mirror_of(dayfly, "github-")?;
        dayfly.kill9().await?;
        let left =
            ["fast_import_crash_4711", "objects/pack/tmp_pack_x"].map(|name| mirror.join(name));
        for path in &left {
            std::fs::write(path, "left by a death")?;
        }
        dayfly.restart().await?;
        for path in &left {
            ensure!(!path.exists(), "{} is still there", path.display());
        }
        dayfly.live(&pull, &pull.commit).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_restore_left_is_unmounted_and_no_server_begins_anew_on_it()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let elsewhere = tempfile::tempdir()?;
        let folder = elsewhere.path();
        dayfly.kill9().await?;
        // As a killed restore leaves it: the pool is mounted, and there are no records.
        let (records, aside) = (
            dayfly.data().join("dayfly.db"),
            dayfly.data().join("aside.db"),
        );
        std::fs::rename(&records, &aside)?;
        dayfly.command(folder, &["down"]).await?.printed()?;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let pool = dayfly.data().join("pool").display().to_string();
        ensure!(!mounts.contains(&pool), "{pool} is still mounted");

        let restoring = dayfly.data().join("restoring");
        std::fs::create_dir(&restoring)?;
        let config = dayfly.data().join("dayfly.server.toml");
        let serve = ["serve", "--config", &config.display().to_string()];
        let refused = dayfly.command(folder, &serve).await?;
        ensure!(
            !refused.success && refused.stderr.contains("did not finish"),
            "{refused:?}"
        );
        ensure!(!records.exists(), "the server made new records");
        std::fs::rename(&aside, &records)?;
        // With records, the restore had finished.
        dayfly.restart().await?;
        ensure!(!restoring.exists(), "the start kept {restoring:?}");
        Ok(())
    })
    .await
}

async fn backup(dayfly: &Dayfly, folder: &Path, file: &str) -> anyhow::Result<String> {
    dayfly.command(folder, &["backup", file]).await?.printed()
}

/// Kills a `dayfly up` while its files arrive, and waits until nothing of it is left in its mirror.
async fn kill_an_up(dayfly: &Dayfly, folder: &Path) -> anyhow::Result<()> {
    let checkout = folder.join("tool");
    std::fs::create_dir(&checkout)?;
    write(&checkout, &App::page("mine"))?;
    let mut noise = std::io::Read::take(File::open("/dev/urandom")?, LARGE_BYTES as u64);
    std::io::copy(&mut noise, &mut File::create(checkout.join("noise"))?)?;
    let mut up = harness::dayfly()?
        .arg("up")
        .env("DAYFLY_DATA", dayfly.data())
        .current_dir(&checkout)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let half_done = || -> anyhow::Result<usize> {
        let mirror = mirror_of(dayfly, "local-tool")?;
        let files = files_below(&mirror)?;
        let is_left = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("tmp_") || name.starts_with("fast_import_crash_")
        };
        Ok(files.iter().filter(is_left).count())
    };
    eventually("an upload on its way", async || {
        ensure!(half_done()? > 0, "nothing arrives yet");
        Ok(())
    })
    .await?;
    up.kill().await?;
    eventually("nothing left of the upload", async || {
        ensure!(half_done()? == 0, "something is left");
        Ok(())
    })
    .await
}

/// The mirror whose name begins so.
fn mirror_of(dayfly: &Dayfly, begin: &str) -> anyhow::Result<PathBuf> {
    let entries = std::fs::read_dir(dayfly.data().join("mirrors"))?;
    let mut mirrors = entries.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains(begin) && name.ends_with(".git")
    });
    mirrors.next().context("no such mirror")
}

/// A mirror as the command line names it.
fn shown(mirror: &Path) -> String {
    let name = mirror.file_name().unwrap_or_default().to_string_lossy();
    format!("mirrors/{name}")
}

/// An archive as earlier versions wrote it: without checksums, and with what deaths left in a mirror.
fn as_earlier(folder: &Path, file: &str, mirror: &str) -> anyhow::Result<String> {
    let mut whole = tar::Archive::new(File::open(folder.join(file))?);
    let mut early = tar::Builder::new(File::create(folder.join("early.tar"))?);
    for entry in whole.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mut header = entry.header().clone();
        if path.starts_with("checksums") {
            continue;
        }
        if path == Path::new("end.json") {
            for name in ["fast_import_crash_1", "objects/pack/tmp_pack_x"] {
                let mut left = tar::Header::new_gnu();
                left.set_mode(0o600);
                left.set_size(4);
                early.append_data(&mut left, format!("{mirror}/{name}"), &b"left"[..])?;
            }
        }
        if path == Path::new("backup.json") {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut entry, &mut text)?;
            let text = text.replace("\"format\": 2", "\"format\": 1");
            header.set_size(text.len() as u64);
            early.append_data(&mut header, &path, text.as_bytes())?;
            continue;
        }
        early.append_data(&mut header, &path, &mut entry)?;
    }
    early.into_inner()?;
    Ok("early.tar".to_owned())
}
