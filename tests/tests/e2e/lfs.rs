//! Files whose content is in Git LFS.

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly, Options};
use tokio::process::Command;
use webhook::{
    model::{Files, lfs_pointer},
    names::RepoName,
};

use super::local::write;

/// What leads files to Git LFS.
const ATTRIBUTES: &str = "*.bin filter=lfs diff=lfs merge=lfs -text\nseed.sql filter=lfs\n";

/// The same with a file of which only the pointer is committed.
fn with_pointer(app: App, path: &str, content: &str) -> App {
    app.with(".gitattributes", ATTRIBUTES)
        .with(path, &lfs_pointer(content.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_git_lfs_is_built_and_one_that_the_forge_lacks_is_named() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        dayfly.forge.push_lfs(&dayfly.repo, b"a picture")?;
        let app = with_pointer(App::page("a shop"), "site/logo.bin", "a picture");
        let app = with_pointer(app, "site/lost.bin", "never pushed");
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        ensure!(visitor.text("/logo.bin").await? == "a picture");
        ensure!(visitor.get("/lost.bin").await?.status == 404);
        let words = "the Git LFS file site/lost.bin was not fetched: the forge does not have it";
        let comment = dayfly.comment(&pull, words).await?;
        ensure!(!comment.contains("logo.bin"), "{comment}");
        let page = dayfly.command(dayfly.data(), &["show", &pull.id]).await?;
        let page = page.printed()?;
        ensure!(page.contains(words), "{page}");

        // What is here is not asked for again, and an object that changes is.
        dayfly.forge.push_lfs(&dayfly.repo, b"another one")?;
        let app = with_pointer(app, "site/other.bin", "another one");
        let next = dayfly.push(&pull, &app).await?;
        dayfly.live(&pull, &next).await?;
        ensure!(visitor.text("/other.bin").await? == "another one");
        let asked = dayfly.forge.requests();
        let objects = asked.iter().filter(|one| one.path.starts_with("/lfs/"));
        ensure!(objects.count() == 2, "{asked:?}");

        // What can be fetched again is in no backup.
        let file = dayfly.data().join("all.tar");
        let backup = file.to_str().context("a path")?;
        let backup = ["backup", "--without-data", backup];
        dayfly.command(dayfly.data(), &backup).await?.printed()?;
        let held = Command::new("tar").arg("-tf").arg(&file).output().await?;
        let held = String::from_utf8(held.stdout)?;
        ensure!(held.contains("/objects/pack/"), "{held}");
        ensure!(!held.contains(".lfs/"), "{held}");

        let bad = dayfly
            .push(&pull, &app.then("COPY site/lost.bin /site/found.bin"))
            .await?;
        let said = dayfly.failed(&pull, &bad).await?.diagnosed();
        ensure!(said.contains("DF207") && said.contains(words), "{said}");
        ensure!(!said.contains(".dockerignore"), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_in_git_lfs_is_run_and_one_that_is_not_to_be_had_says_so() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let seed = "create table notes (text text not null);\n\
                    insert into notes values ('from large files');\n";
        let app = with_pointer(App::notes("text"), "seed.sql", seed);
        let pull = dayfly.open("change", &app).await?;
        let said = dayfly.failed(&pull, &pull.commit).await?.diagnosed();
        let words = "seed.sql: it is in Git LFS and was not fetched: the forge does not have it";
        ensure!(said.contains(words), "{said}");
        dayfly.forge.push_lfs(&dayfly.repo, seed.as_bytes())?;
        let next = dayfly.push(&pull, &app.with("more", "")).await?;
        let preview = dayfly.live(&pull, &next).await?;
        let visitor = dayfly.visitor(preview.url()?);
        ensure!(visitor.notes().await? == ["from large files"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_submodules_files_in_git_lfs_come_from_its_own_repository() -> anyhow::Result<()> {
    let options = Options {
        github: vec!["submodules = [\"acme/shop:acme/theme\"]".to_owned()],
        limits: vec!["lfs_mib_max = 1".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let theme = RepoName::parse("acme/theme")?;
        let of = |content: &str| lfs_pointer(content.as_bytes());
        // It fits alone, and not beside the shop's own.
        let large = "x".repeat((1 << 20) - 5);
        let files = Files::from([
            (".gitattributes".to_owned(), ATTRIBUTES.into()),
            ("theirs.bin".to_owned(), of("of the theme").as_str().into()),
            ("ours.bin".to_owned(), of("of the shop").as_str().into()),
            ("large.bin".to_owned(), of(&large).as_str().into()),
        ]);
        dayfly.forge.create_repository(&theme, files).await?;
        let commit = dayfly.forge.tip(&theme, "main").context("no commit")?;
        dayfly.forge.push_lfs(&theme, b"of the theme")?;
        dayfly.forge.push_lfs(&theme, large.as_bytes())?;
        dayfly.forge.push_lfs(&dayfly.repo, b"of the shop")?;
        let modules = "[submodule \"theme\"]\n\tpath = site/theme\n\turl = ../theme.git\n";
        let app = with_pointer(App::page("a shop"), "site/logo.bin", "of the shop")
            .with(".gitmodules", modules)
            .with_submodule("site/theme", &commit);
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        ensure!(visitor.text("/logo.bin").await? == "of the shop");
        ensure!(visitor.text("/theme/theirs.bin").await? == "of the theme");
        // A digest opens nothing of another repository.
        ensure!(visitor.get("/theme/ours.bin").await?.status == 404);
        let words = "the Git LFS file site/theme/ours.bin was not fetched";
        let comment = dayfly.comment(&pull, words).await?;
        let words = "the Git LFS file site/theme/large.bin was not fetched: with it";
        ensure!(comment.contains(words), "{comment}");
        ensure!(visitor.get("/theme/large.bin").await?.status == 404);
        let asked = dayfly.forge.requests();
        let objects = asked.iter().filter(|one| one.path.starts_with("/lfs/"));
        ensure!(objects.count() == 2, "{asked:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn up_sends_the_content_that_is_there_and_names_a_pointer() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let home = tempfile::tempdir()?;
        let folder = home.path().join("my-shop");
        std::fs::create_dir(&folder)?;
        let app = with_pointer(App::page("a shop"), "site/pulled.bin", "")
            .with("site/pulled.bin", "the content");
        write(&folder, &with_pointer(app, "site/lost.bin", "elsewhere"))?;
        let said = dayfly.command(&folder, &["up"]).await?.printed()?;
        let words = "the Git LFS file site/lost.bin was not fetched: the checkout has only its \
                     pointer; run `git lfs pull`";
        ensure!(said.contains(words), "{said}");
        let preview = dayfly.api.preview("my-shop-up").await?;
        let visitor = dayfly.visitor(preview.url()?);
        ensure!(visitor.text("/pulled.bin").await? == "the content");
        ensure!(visitor.get("/lost.bin").await?.status == 404);
        Ok(())
    })
    .await
}
