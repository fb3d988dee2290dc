//! Names and files that mean harm.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly};
use http::Method;

/// Branch names that git accepts, each an attempt on a shell, an option parser, a page, a comment
/// or a path. `CANARY` stands for a file that must never come into being.
const BRANCHES: [&str; 12] = [
    "a$(touch${IFS}CANARY)",
    "a`touch${IFS}CANARY`",
    "a;touch${IFS}CANARY;",
    "a|touch${IFS}CANARY",
    "a&&touch${IFS}CANARY",
    "--upload-pack=touch${IFS}CANARY;",
    "-oProxyCommand=touch${IFS}CANARY",
    "a<script>alert(1)</script>",
    "a\"onload=\"alert(1)",
    "a'--'%0d%0aSet-Cookie",
    "a\u{202e}gpj.exe",
    "@everyone/#1-_bold_",
];

/// A file that is named in hostile words; its absence is the test.
struct Canary(PathBuf);

impl Canary {
    fn new(dayfly: &Dayfly) -> Self {
        Self(dayfly.data().join("canary"))
    }

    fn hide_in(&self, words: &str) -> String {
        words.replace(
            "CANARY",
            self.0.to_str().unwrap_or("canary").trim_start_matches('/'),
        )
    }

    fn is_unharmed(&self) -> anyhow::Result<()> {
        ensure!(!self.0.exists(), "somebody obeyed");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evil_branch_names_are_only_names() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let canary = Canary::new(dayfly);
        let mut pulls = Vec::new();
        for words in BRANCHES {
            // From the root, wherever a command would be started.
            let branch = canary.hide_in(&words.replace("CANARY", "/CANARY"));
            let app = App::probe("unharmed").with("dayfly.toml", "[services.web]\nbuild = \".\"\n");
            pulls.push(dayfly.open(&branch, &app).await?);
        }
        for pull in &pulls {
            let preview = dayfly.live(pull, &pull.commit).await?;
            ensure!(
                preview.branch.as_deref() == Some(&*pull.branch),
                "{preview:?}"
            );
            let visitor = dayfly.visitor(preview.url()?);
            let environment: serde_json::Value =
                serde_json::from_str(&visitor.text("/environment").await?)?;
            ensure!(
                environment["DAYFLY_BRANCH"] == *pull.branch,
                "{environment}"
            );
            let comment = dayfly.comment(pull, "**Preview live**").await?;
            for word in ["<script", "@everyone", "\u{202e}"] {
                ensure!(!comment.contains(word), "{comment}");
            }
        }
        let table = dayfly.command(dayfly.data(), &["ls"]).await?.printed()?;
        ensure!(!table.contains('\u{202e}'), "{table}");
        canary.is_unharmed()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_leave_the_checkout_are_built_as_links_and_followed_by_nobody()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let canary = tempfile::NamedTempFile::new()?;
        std::fs::write(&canary, "of the host")?;
        let app = App::page("fine")
            .with_link("site/canary", canary.path().to_str().context("a path")?)
            .with_link("site/up", "../../../../etc/hostname")
            .with_link("site/storage", "/srv/storage")
            .with_link("docs/blog", "../../blog-pages")
            .then("RUN mkdir /srv/storage && echo stored >/srv/storage/note.txt");
        let (_, visitor) = dayfly.open_live("links", &app).await?;
        ensure!(visitor.text("/").await? == "fine");
        ensure!(visitor.text("/storage/note.txt").await? == "stored\n");
        ensure!(visitor.get("/canary").await?.status == 404);
        // The same link in the container leads to the container's own file.
        ensure!(
            visitor.text("/up").await?.trim() != std::fs::read_to_string("/etc/hostname")?.trim()
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_of_a_commit_is_never_read_behind_a_link_out_of_it() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let canary = tempfile::NamedTempFile::new()?;
        std::fs::write(&canary, "canary = 1\n")?;
        let target = canary.path().to_str().context("a path")?;
        let pull = dayfly.open("fine", &App::page("fine")).await?;
        for file in ["dayfly.toml", "Dockerfile", ".dockerignore"] {
            let evil = App::page("evil").with_link(file, target);
            let pushed = dayfly.push(&pull, &evil).await?;
            let said = dayfly.failed(&pull, &pushed).await?.diagnosed();
            let words = format!("{file}: the link leaves the repository");
            ensure!(said.contains(&words), "{said}");
            ensure!(!said.contains("canary"), "{said}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_climbs_out_is_refused() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let canary = Canary::new(dayfly);
        let climb = format!("{}{}", "../".repeat(20), canary.hide_in("CANARY"));
        for path in [climb.as_str(), "a/../../b", ".git/hooks/post-checkout"] {
            let archive = archive(path)?;
            let answer = dayfly
                .api
                .send_bytes(Method::PUT, "/api/v1/local/evil?folder=x", archive.into())
                .await?;
            ensure!(answer.status == 422, "{path}: {answer:?}");
        }
        ensure!(dayfly.api.previews().await?.is_empty());
        canary.is_unharmed()
    })
    .await
}

/// An archive with one file under a name that no honest program would write.
fn archive(path: &str) -> anyhow::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    let name = &mut header
        .as_ustar_mut()
        .ok_or_else(|| anyhow::anyhow!("no header"))?
        .name;
    ensure!(path.len() <= name.len(), "{path} is too long");
    name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(4);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, &b"evil"[..])?;
    Ok(builder.into_inner()?)
}
