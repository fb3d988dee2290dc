//! Local checkouts, and the command line.

use std::path::Path;

use anyhow::{Context as _, ensure};
use harness::{Alone, App, Dayfly};
use tokio::process::Command;
use webhook::model::File;

/// Writes an application into a folder, as an editor does.
pub(crate) fn write(folder: &Path, app: &App) -> anyhow::Result<()> {
    for (path, file) in app.files() {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        match file {
            File::Regular(bytes) | File::Executable(bytes) => std::fs::write(path, bytes)?,
            File::Symlink(target) => std::os::unix::fs::symlink(target, path)?,
            File::Submodule(_) => anyhow::bail!("a submodule is another checkout"),
        }
    }
    Ok(())
}

pub(crate) async fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn up_previews_a_dirty_checkout_again_updates_it_and_rm_removes_it() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let home = tempfile::tempdir()?;
        let folder = home.path().join("my-shop");
        std::fs::create_dir(&folder)?;
        write(
            &folder,
            &App::page("committed").with(".gitignore", "secret.txt\n"),
        )?;
        git(&folder, &["init", "--quiet", "-b", "topic"]).await?;
        git(&folder, &["add", "."]).await?;
        git(&folder, &["commit", "--quiet", "-m", "First"]).await?;
        std::fs::write(folder.join("site/index.html"), "changed")?;
        std::fs::write(folder.join("site/new.txt"), "not yet added")?;

        let said = dayfly.command(&folder, &["up"]).await?.printed()?;
        let preview = dayfly.api.preview("my-shop-up").await?;
        ensure!(
            preview.phase == "live" && said.contains(preview.url()?),
            "{said}"
        );
        let visitor = dayfly.visitor(preview.url()?);
        ensure!(visitor.text("/").await? == "changed");
        ensure!(visitor.text("/new.txt").await? == "not yet added");

        std::fs::write(folder.join("site/index.html"), "changed again")?;
        dayfly
            .command(home.path(), &["up", "my-shop"])
            .await?
            .printed()?;
        ensure!(visitor.text("/").await? == "changed again");
        ensure!(
            dayfly.api.previews().await?.len() == 1,
            "again is an update"
        );

        // A removal that is under way takes nothing of what comes after it.
        for words in [&["rm", "my-shop-up", "--detach"][..], &["up", "my-shop"]] {
            dayfly.command(home.path(), words).await?.printed()?;
        }
        ensure!(visitor.text("/").await? == "changed again");

        std::fs::write(
            folder.join("Dockerfile"),
            "FROM dayfly-test/base:1\nRUN exit 7\n",
        )?;
        let failed = dayfly.command(&folder, &["up"]).await?;
        ensure!(
            !failed.success && failed.stdout.contains("DF201"),
            "{failed:?}"
        );
        ensure!(visitor.text("/").await? == "changed again");

        let removed = dayfly
            .command(&folder, &["rm", "my-shop-up"])
            .await?
            .printed()?;
        ensure!(removed.contains("gone"), "{removed}");
        let left = dayfly.docker.left().await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn up_sends_links_as_links_and_submodules_as_they_lie_there() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let home = tempfile::tempdir()?;
        let folder = home.path().join("my-shop");
        std::fs::create_dir(&folder)?;
        std::fs::write(home.path().join("canary"), "of the host")?;
        let app = App::page("a shop")
            .with_link("site/canary", "../../canary")
            .with_link(
                "site/host",
                home.path().join("canary").to_str().context("a path")?,
            )
            .with_link("site/storage", "/srv/storage")
            .then("RUN mkdir /srv/storage && echo stored >/srv/storage/note.txt");
        write(&folder, &app)?;
        let theme = folder.join("site/theme");
        std::fs::create_dir(&theme)?;
        std::fs::write(theme.join("style.css"), "of the theme")?;
        for checkout in [&theme, &folder] {
            git(checkout, &["init", "--quiet", "-b", "main"]).await?;
            git(checkout, &["add", "."]).await?;
            git(checkout, &["commit", "--quiet", "-m", "First"]).await?;
        }
        std::fs::write(theme.join("new.css"), "not yet added")?;
        dayfly.command(&folder, &["up"]).await?.printed()?;
        let preview = dayfly.api.preview("my-shop-up").await?;
        let visitor = dayfly.visitor(preview.url()?);
        for (path, text) in [
            ("/", "a shop"),
            ("/storage/note.txt", "stored\n"),
            ("/theme/style.css", "of the theme"),
            ("/theme/new.css", "not yet added"),
        ] {
            ensure!(visitor.text(path).await? == text, "{path}");
        }
        for path in ["/canary", "/host"] {
            ensure!(visitor.get(path).await?.status == 404, "{path}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_tell_what_there_is() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let here = dayfly.data();
        let none = dayfly.command(here, &["ls"]).await?.printed()?;
        ensure!(none.contains("there are no previews"), "{none}");
        let app = App::probe("text").then("RUN echo said-while-building");
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        visitor.text("/healthz").await?;
        let url = format!("http://{}", visitor.authority());

        let table = dayfly.command(here, &["ls"]).await?.printed()?;
        for word in [
            pull.id.as_str(),
            "live",
            &url,
            &pull.commit.as_str()[..7],
            "acme/shop#1",
        ] {
            ensure!(table.contains(word), "no {word} in\n{table}");
        }
        let json = dayfly.command(here, &["ls", "--json"]).await?.printed()?;
        let json: serde_json::Value = serde_json::from_str(&json)?;
        ensure!(
            json[0]["id"] == *pull.id && json[0]["phase"] == "live",
            "{json}"
        );

        let page = dayfly.command(here, &["show", &pull.id]).await?.printed()?;
        for word in [pull.id.as_str(), "live", &url, "web", "change"] {
            ensure!(page.contains(word), "no {word} in\n{page}");
        }
        let json = dayfly
            .command(here, &["show", &pull.id, "--json"])
            .await?
            .printed()?;
        let json: serde_json::Value = serde_json::from_str(&json)?;
        for key in [
            "id",
            "repository",
            "number",
            "branch",
            "commit",
            "serving_commit",
            "phase",
            "url",
            "services",
            "databases",
            "diagnosis",
            "created_at",
            "updated_at",
            "expires_at",
        ] {
            ensure!(json.get(key).is_some(), "no {key} in {json}");
        }
        ensure!(json["serving_commit"] == pull.commit.as_str(), "{json}");

        let log = dayfly
            .command(here, &["logs", &pull.id, "web"])
            .await?
            .printed()?;
        ensure!(log.contains("begin /healthz"), "{log}");
        let log = dayfly
            .command(here, &["logs", &pull.id, "--build"])
            .await?
            .printed()?;
        ensure!(log.contains("said-while-building"), "{log}");

        let unknown = dayfly.command(here, &["show", "nothing-9"]).await?;
        ensure!(
            !unknown.success && unknown.stderr.contains("nothing-9"),
            "{unknown:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn up_starts_a_server_of_its_own_where_none_runs_and_down_ends_it() -> anyhow::Result<()> {
    let alone = Alone::new()?;
    let folder = alone.home().join("blog");
    std::fs::create_dir(&folder)?;
    write(&folder, &App::page("local"))?;
    let said = alone.command(&folder, &["up"]).await?.printed()?;
    let preview = alone.api.preview("blog-up").await?;
    ensure!(
        preview.phase == "live" && said.contains(preview.url()?),
        "{said}"
    );
    let visitor = alone.visitor(preview.url()?).await?;
    ensure!(visitor.text("/").await? == "local");
    let docker = alone.docker().await?;
    alone
        .command(&folder, &["rm", "blog-up", "--wait"])
        .await?
        .printed()?;
    let left = docker.left().await?;
    ensure!(left.is_empty(), "{left:?}");
    alone.command(&folder, &["down"]).await?.printed()?;
    ensure!(
        alone.api.get("/healthz").await.is_err(),
        "the server runs on"
    );
    ensure!(visitor.get("/").await.is_err(), "the proxy runs on");
    ensure!(!docker.is_fenced(), "rules are left in the host's firewall");
    Ok(())
}
