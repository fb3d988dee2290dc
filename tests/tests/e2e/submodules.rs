//! Files of a commit that lie in other repositories.

use std::path::Path;

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly, Options};
use webhook::{
    model::Files,
    names::{CommitSha, RepoName},
};

use crate::local::{git, write};

/// Makes a repository with a style sheet, and answers its newest commit.
async fn theme(dayfly: &Dayfly, name: &str) -> anyhow::Result<CommitSha> {
    let repo = RepoName::parse(name)?;
    let files = Files::from([("style.css".to_owned(), "of the theme".into())]);
    dayfly.forge.create_repository(&repo, files).await?;
    dayfly.forge.tip(&repo, "main").context("no commit")
}

/// A shop with a submodule that the server may read and one that it may not.
fn shop(plain: &CommitSha, hidden: &CommitSha) -> App {
    let section =
        |path: &str, url: &str| format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
    let modules =
        section("themes/plain", "../plain.git") + &section("themes/hidden", "../hidden.git");
    App::page("a shop")
        .with(".gitmodules", &modules)
        .with_submodule("themes/plain", plain)
        .with_submodule("themes/hidden", hidden)
        .then("COPY themes/plain /site/theme")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_submodule_is_built_and_every_other_is_named_with_the_reason() -> anyhow::Result<()>
{
    let options = Options {
        github: vec!["submodules = [\"acme/shop:acme/plain\"]".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let plain = theme(dayfly, "acme/plain").await?;
        let hidden = theme(dayfly, "acme/hidden").await?;
        let shop = shop(&plain, &hidden);
        let (pull, visitor) = dayfly.open_live("change", &shop).await?;
        ensure!(visitor.text("/theme/style.css").await? == "of the theme");
        let words = "the submodule themes/hidden was not fetched";
        let comment = dayfly.comment(&pull, words).await?;
        ensure!(!comment.contains("submodule themes/plain"), "{comment}");
        let page = dayfly.command(dayfly.data(), &["show", &pull.id]).await?;
        let page = page.printed()?;
        ensure!(page.contains(words), "{page}");

        let bad = dayfly
            .push(&pull, &shop.then("COPY themes/hidden /site/hidden"))
            .await?;
        let said = dayfly.failed(&pull, &bad).await?.diagnosed();
        let words = "themes/hidden is in the submodule themes/hidden, which was not fetched";
        ensure!(said.contains("DF207") && said.contains(words), "{said}");
        ensure!(!said.contains(".dockerignore"), "{said}");
        ensure!(visitor.text("/theme/style.css").await? == "of the theme");
        Ok(())
    })
    .await
}

/// A checkout of a shop whose theme is a submodule that nobody got.
async fn checkout(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(folder)?;
    write(
        folder,
        &App::page("a shop").then("COPY themes/plain /site/theme"),
    )?;
    git(folder, &["init", "--quiet", "-b", "main"]).await?;
    let submodule = format!("160000,{},themes/plain", "2".repeat(40));
    git(
        folder,
        &["update-index", "--add", "--cacheinfo", &submodule],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submodule_that_up_does_not_find_is_named_with_the_way_to_get_it() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let home = tempfile::tempdir()?;
        let folder = home.path().join("my-shop");
        checkout(&folder).await?;
        let theme = folder.join("themes/plain");
        for is_there in [false, true] {
            if is_there {
                std::fs::create_dir_all(&theme)?;
            }
            let said = dayfly.command(&folder, &["up"]).await?;
            let note = "themes/plain is a submodule that is not checked out here";
            ensure!(!said.success && said.stdout.contains(note), "{said:?}");
            let diagnosed = dayfly.api.preview("my-shop-up").await?.diagnosed();
            for words in [
                "DF207",
                "is in the submodule themes/plain, which was not sent",
                "`git submodule update --init`",
                "`dayfly up` again",
            ] {
                ensure!(diagnosed.contains(words), "{words}: {diagnosed}");
            }
            for words in [".dockerignore", "ommit", "push", "github.submodules"] {
                ensure!(!diagnosed.contains(words), "{words}: {diagnosed}");
            }
            let page = dayfly.command(&folder, &["show", "my-shop-up"]).await?;
            let page = page.printed()?;
            ensure!(
                page.contains("the submodule themes/plain was not sent"),
                "{page}"
            );
        }
        std::fs::write(theme.join("style.css"), "of the theme")?;
        git(&theme, &["init", "--quiet", "-b", "main"]).await?;
        dayfly.command(&folder, &["up"]).await?.printed()?;
        let preview = dayfly.api.preview("my-shop-up").await?;
        let visitor = dayfly.visitor(preview.url()?);
        ensure!(visitor.text("/theme/style.css").await? == "of the theme");
        Ok(())
    })
    .await
}
