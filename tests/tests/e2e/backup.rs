//! Backups: taken of what runs, and brought back where nothing is.

use std::path::Path;

use anyhow::{Context as _, ensure};
use harness::{App, Crowd, Dayfly, Ran, Visitor, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_what_runs_comes_back_with_its_data_after_everything_was_lost()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        visitor.note("before").await?;
        dayfly.save(&pull.id, "main", "kept").await?;
        let capture = dayfly.capture(&pull.id).await?;
        let elsewhere = tempfile::tempdir()?;
        let crowd = Crowd::gather(visitor.clone(), "/notes");
        let folder = elsewhere.path();
        let whole = dayfly.command(folder, &["backup", "whole.tar"]).await?;
        whole.printed()?;
        let small = ["backup", "--without-data", "small.tar"];
        dayfly.command(folder, &small).await?.printed()?;
        crowd.expect_no_failure().await?;
        visitor.note("after").await?;
        let again = dayfly.command(folder, &["backup", "whole.tar"]).await?;
        ensure!(again.stderr.contains("already exists"), "{again:?}");
        let elsewhere = folder.join("data");
        let elsewhere = elsewhere.to_str().context("a path that is no text")?;
        let copy = ["restore", "small.tar", "--data", elsewhere];
        dayfly.command(folder, &copy).await?.printed()?;
        let second = ["serve", "--local", "--data", elsewhere];
        let second = dayfly.command(folder, &second).await?;
        ensure!(
            second.stderr.contains("uses the same records"),
            "{second:?}"
        );

        check_in_place(dayfly, folder).await?;
        dayfly.lose_host().await?;
        let damaged = folder.join("damaged.tar");
        let whole = std::fs::read(folder.join("whole.tar"))?;
        std::fs::write(&damaged, &whole[..whole.len() / 2])?;
        let refused = restore(dayfly, folder, "damaged.tar").await?;
        let why = &refused.stderr;
        ensure!(
            why.contains("cannot unpack") || why.contains("damaged"),
            "{refused:?}"
        );
        let restored = restore(dayfly, folder, "whole.tar").await?.printed()?;
        ensure!(
            restored.contains("with 4 snapshots and databases"),
            "{restored}"
        );
        let twice = restore(dayfly, folder, "whole.tar").await?;
        ensure!(twice.stderr.contains("already exists"), "{twice:?}");

        dayfly.restart().await?;
        dayfly.live(&pull, &pull.commit).await?;
        let visitor = at_its_new_port(dayfly, &visitor).await?;
        ensure!(visitor.notes().await? == ["before", "seeded"]);
        let named = dayfly.api.get("/api/v1/snapshots").await?.to_string();
        ensure!(named.contains("kept"), "{named}");

        dayfly.lose_host().await?;
        restore(dayfly, folder, "small.tar").await?.printed()?;
        dayfly.restart().await?;
        dayfly.live(&pull, &pull.commit).await?;
        let visitor = at_its_new_port(dayfly, &visitor).await?;
        ensure!(visitor.notes().await? == ["seeded"]);
        let named = dayfly.api.get("/api/v1/snapshots").await?.to_string();
        ensure!(!named.contains("kept"), "{named}");
        dayfly.gone(&capture.id).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_served_while_its_newest_commit_had_failed_serves_again_after_a_restore()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("older")).await?;
        visitor.note("mine").await?;
        let broken = App::notes("newer").then("CMD [\"false\"]");
        let broken = dayfly.push(&pull, &broken).await?;
        dayfly.failed(&pull, &broken).await?;
        let elsewhere = tempfile::tempdir()?;
        let begin = ["backup", "whole.tar"];
        dayfly.command(elsewhere.path(), &begin).await?.printed()?;
        dayfly.lose_host().await?;
        let restored = restore(dayfly, elsewhere.path(), "whole.tar").await?;
        restored.printed()?;
        dayfly.restart().await?;
        let visitor = at_its_new_port(dayfly, &visitor).await?;
        eventually("the older commit serves its data again", async || {
            ensure!(visitor.notes().await? == ["mine", "seeded"]);
            ensure!(visitor.text("/").await? == "older");
            Ok(())
        })
        .await?;
        dayfly.failed(&pull, &broken).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_is_refused_and_leaves_nothing() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let elsewhere = tempfile::tempdir()?;
        let folder = elsewhere.path();
        let begin = ["backup", "--without-data", "good.tar"];
        dayfly.command(folder, &begin).await?.printed()?;
        let mut good = tar::Archive::new(std::fs::File::open(folder.join("good.tar"))?);
        let mut first = good.entries()?.next().context("an empty backup")??;
        let mut manifest = Vec::new();
        std::io::Read::read_to_end(&mut first, &mut manifest)?;
        let newer = String::from_utf8(manifest.clone())?.replace("\"format\": 2", "\"format\": 9");
        let broken: [(Vec<Entry<'_>>, &str); 3] = [
            (vec![], "not a Dayfly backup"),
            (vec![("dayfly.db", b"x")], "not a Dayfly backup"),
            (vec![("backup.json", newer.as_bytes())], "in format 9"),
        ];
        let begun = |(entry, words)| (vec![("backup.json", &manifest[..]), entry], words);
        let cases = broken.into_iter().chain(hostile().map(begun));
        dayfly.lose_host().await?;
        for (entries, words) in cases {
            std::fs::write(folder.join("case.tar"), archive_of(&entries)?)?;
            let refused = restore(dayfly, folder, "case.tar").await?;
            ensure!(
                !refused.success && refused.stderr.contains(words),
                "{refused:?}"
            );
            let left = ["dayfly.db", "mirrors", "restoring", "pool.xfs", "restored"];
            for name in left {
                ensure!(
                    !dayfly.data().join(name).exists(),
                    "{words}: {name} is left"
                );
            }
        }
        ensure!(!folder.join("escaped").exists());
        // Records may be lost and data not.
        let precious = dayfly.data().join("pool/previews/shop-1");
        std::fs::create_dir_all(&precious)?;
        let refused = restore(dayfly, folder, "good.tar").await?;
        ensure!(refused.stderr.contains("is not empty"), "{refused:?}");
        ensure!(precious.exists(), "data that were there are gone");
        std::fs::remove_dir_all(dayfly.data().join("pool"))?;
        restore(dayfly, folder, "good.tar").await?.printed()?;
        dayfly.restart().await
    })
    .await
}

/// Stands for a link out of the archive.
const LINK: &[u8] = b"a link";

/// Stands for a file whose content is the name of the next.
const LONG_NAME: &str = "././@LongLink";

/// A name and a content.
type Entry<'a> = (&'a str, &'a [u8]);

/// What no backup has, and what is said of it.
fn hostile() -> [(Entry<'static>, &'static str); 7] {
    const LONG: &[u8] = &[b'n'; 9 << 20];
    [
        (("logs/../../escaped", b"x"), "points outside"),
        (("proxy/table.json", b"x"), "which no backup has"),
        (("dayfly.db", b"x"), "its end is missing"),
        (("mirrors", LINK), "a Symlink, which no backup has"),
        (
            ("mirrors/local-a.git/hooks/post-update", b"x"),
            "post-update, a Regular, which no backup has",
        ),
        (
            ("mirrors/local-a.git/config", b"[core]\n\tsshCommand = x\n"),
            "settings for",
        ),
        ((LONG_NAME, LONG), "a name that is too long"),
    ]
}

/// An archive with just these files, whatever their names are.
fn archive_of(entries: &[Entry<'_>]) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        let field = header.as_gnu_mut().context("a header of another kind")?;
        field.name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        if *name == LONG_NAME {
            header.set_entry_type(tar::EntryType::GNULongName);
        }
        if *content == LINK {
            header.set_size(0);
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_link_name("/etc")?;
        }
        header.set_cksum();
        let content = if *content == LINK { b"" } else { *content };
        archive.append(&header, content)?;
    }
    Ok(archive.into_inner()?)
}

/// A whole archive is told as one while its server runs on, and one with a damaged byte is not.
async fn check_in_place(dayfly: &Dayfly, folder: &Path) -> anyhow::Result<()> {
    let check = ["restore", "whole.tar", "--check"];
    let said = dayfly.command(folder, &check).await?.printed()?;
    ensure!(
        said.contains("can be restored") && said.contains("4 snapshots and databases"),
        "{said}"
    );
    let mut bytes = std::fs::read(folder.join("whole.tar"))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.join("bent.tar"), bytes)?;
    let refused = dayfly
        .command(folder, &["restore", "bent.tar", "--check"])
        .await?;
    ensure!(
        !refused.success && refused.stderr.contains("damaged"),
        "{refused:?}"
    );
    Ok(())
}

pub(crate) async fn restore(dayfly: &Dayfly, folder: &Path, file: &str) -> anyhow::Result<Ran> {
    let config = dayfly.data().join("dayfly.server.toml");
    let config = config.to_str().context("a path that is no text")?;
    dayfly
        .command(folder, &["restore", file, "--config", config])
        .await
}

pub(crate) async fn at_its_new_port(dayfly: &Dayfly, before: &Visitor) -> anyhow::Result<Visitor> {
    let health = dayfly.api.get("/healthz").await?;
    let listen = health["listen"][0].as_str().context("it listens nowhere")?;
    let host = before.authority().split(':').next().unwrap_or_default();
    Ok(Visitor::new(listen.parse()?, &format!("http://{host}")))
}
