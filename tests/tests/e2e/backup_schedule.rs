//! Backups that nobody asks for.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use harness::{App, Dayfly, Options, eventually};

use crate::backup::{at_its_new_port, restore};

/// Backups every minute; the first one is due at the start.
fn scheduled(directory: &Path) -> Options {
    Options {
        top: vec![
            "backup.every = \"1m\"".to_owned(),
            "backup.keep = 2".to_owned(),
            format!("backup.directory = \"{}\"", directory.display()),
        ],
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_made_by_schedule_and_only_the_newest_of_ours_are_kept() -> anyhow::Result<()> {
    let elsewhere = tempfile::tempdir()?;
    let folder = elsewhere.path().join("backups");
    Dayfly::play_with(scheduled(&folder), async |dayfly| {
        let first = made(&folder, 1).await?.remove(0);
        let (pull, visitor) = dayfly.open_live("change", &App::page("steady")).await?;
        // As if time had passed: what was made is old, and there are older ones.
        let instance = dayfly.instance().await?;
        dayfly.kill9().await?;
        let old = |year: u32| folder.join(format!("dayfly-{instance}-{year}0101T000000Z.tar"));
        for year in [2021, 2022] {
            std::fs::copy(&first, old(year))?;
        }
        std::fs::rename(&first, old(2023))?;
        let strangers = ["dayfly-ffffffff-20200101T000000Z.tar", "mine.tar"];
        for name in strangers {
            std::fs::write(folder.join(name), "of somebody")?;
        }
        dayfly.restart().await?;
        let newest = eventually("a new backup, and the older ones gone", async || {
            let mut ours = listed(&folder)?;
            ours.retain(|path| path.to_string_lossy().contains(&instance));
            ensure!(ours.len() == 2 && ours[0] == old(2023), "{ours:?}");
            Ok(ours.remove(1))
        })
        .await?;
        for name in strangers {
            ensure!(folder.join(name).exists(), "{name} is gone");
        }
        let config = dayfly.data().join("dayfly.server.toml");
        let doctor = ["doctor", "--config", &config.display().to_string()];
        let said = dayfly.command(&folder, &doctor).await?.stdout;
        ensure!(said.contains("the last good backup was made"), "{said}");
        dayfly.live(&pull, &pull.commit).await?;
        dayfly.lose_host().await?;
        restore(dayfly, &folder, &newest.display().to_string())
            .await?
            .printed()?;
        dayfly.restart().await?;
        dayfly.live(&pull, &pull.commit).await?;
        let visitor = at_its_new_port(dayfly, &visitor).await?;
        ensure!(visitor.text("/").await? == "steady");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_cannot_write_is_told_by_log_and_doctor() -> anyhow::Result<()> {
    let elsewhere = tempfile::tempdir()?;
    let folder = elsewhere.path().join("backups");
    std::fs::write(&folder, "a file where the folder should be")?;
    Dayfly::play_with(scheduled(&folder.join("below")), async |dayfly| {
        eventually("the failure in the log", async || {
            ensure!(dayfly.log().contains("scheduled backup failed"));
            Ok(())
        })
        .await?;
        let config = dayfly.data().join("dayfly.server.toml");
        let doctor = ["doctor", "--config", &config.display().to_string()];
        let said = dayfly.command(elsewhere.path(), &doctor).await?.stdout;
        ensure!(
            said.contains("backups") && said.contains("Not a directory"),
            "{said}"
        );
        Ok(())
    })
    .await
}

/// Waits until so many files are there under their own names.
async fn made(folder: &Path, count: usize) -> anyhow::Result<Vec<PathBuf>> {
    eventually("backups by schedule", async || {
        let found = listed(folder)?;
        ensure!(found.len() == count, "{found:?}");
        Ok(found)
    })
    .await
}

/// The archives in a folder, sorted; not what is still written.
fn listed(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "tar"))
        .collect();
    found.sort();
    Ok(found)
}
