//! Only what changed is built, and always the wanted file.

use std::path::Path;

use anyhow::{Context as _, ensure};
use harness::{Act, App, Dayfly, Moment, Pull, Rule, eventually};

/// What the build of a service of a revision printed.
pub(crate) async fn build_log(dayfly: &Dayfly, pull: &Pull) -> anyhow::Result<String> {
    let said = dayfly
        .command(Path::new("/"), &["logs", &pull.id, "--build"])
        .await?;
    said.printed()
}

/// A page whose text has always as many bytes.
pub(crate) fn page(letter: char) -> App {
    App::page(&letter.to_string().repeat(40))
}

pub(crate) fn shown(letter: char) -> String {
    letter.to_string().repeat(40)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_the_same_size_is_built_and_sends_that_file_alone() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &page('a')).await?;
        for letter in ['b', 'c'] {
            let commit = dayfly.push(&pull, &page(letter)).await?;
            dayfly.live(&pull, &commit).await?;
            ensure!(visitor.text("/").await? == shown(letter));
        }
        let log = build_log(dayfly, &pull).await?;
        ensure!(log.contains("new or changed files sent: 1 ("), "{log}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_finds_the_older_image_and_calls_no_builder() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &page('a')).await?;
        let pushed = dayfly.push(&pull, &page('b')).await?;
        dayfly.live(&pull, &pushed).await?;
        let reverted = dayfly
            .push(&pull, &page('a').with("NOTES", "not in the image"))
            .await?;
        // The note is in the context, so this one is built, from the cache.
        dayfly.live(&pull, &reverted).await?;
        let again = dayfly
            .push(&pull, &page('b').with("NOTES", "not in the image"))
            .await?;
        dayfly.live(&pull, &again).await?;
        let same = dayfly
            .push(&pull, &page('a').with("NOTES", "not in the image"))
            .await?;
        dayfly.live(&pull, &same).await?;
        ensure!(visitor.text("/").await? == shown('a'));
        let log = build_log(dayfly, &pull).await?;
        let since = format!("unchanged since {}", &reverted.as_str()[..7]);
        ensure!(log.contains(&since), "{log}");
        ensure!(!log.contains("context:"), "{log}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_touches_nothing_of_an_image_builds_nothing_and_says_so() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let app = page('a').with(".dockerignore", "docs\n");
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        let before = dayfly.docker.left().await?.images;
        let docs = app.with("docs/guide.md", "more words");
        let commit = dayfly.push(&pull, &docs).await?;
        let preview = dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == shown('a'));
        ensure!(dayfly.docker.left().await?.images == before);
        let since = &pull.commit.as_str()[..7];
        ensure!(
            preview.services[0]["unchanged_since"] == since,
            "{preview:?}"
        );
        let words = format!("unchanged since `{since}`");
        dayfly.comment(&pull, &words).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pull_requests_take_turns_and_each_gets_its_own_files() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (one, one_visitor) = dayfly.open_live("one", &page('a')).await?;
        let (two, two_visitor) = dayfly.open_live("two", &page('b')).await?;
        for letters in [('c', 'd'), ('d', 'c'), ('a', 'a')] {
            let first = dayfly.push(&one, &page(letters.0)).await?;
            let second = dayfly.push(&two, &page(letters.1)).await?;
            dayfly.live(&one, &first).await?;
            dayfly.live(&two, &second).await?;
            ensure!(one_visitor.text("/").await? == shown(letters.0));
            ensure!(two_visitor.text("/").await? == shown(letters.1));
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_are_built_from_the_same_share_one_image() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let toml = "[services.web]\nbuild = \".\"\nmain = true\n\n\
                    [services.second]\nbuild = \".\"\n";
        let app = page('a').with("dayfly.toml", toml);
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        ensure!(visitor.text("/").await? == shown('a'));
        ensure!(dayfly.docker.running(&pull.id).await?.len() == 2);
        let images = dayfly.docker.left().await?.images;
        ensure!(images.len() == 1, "{images:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_built_from_the_folder_that_the_checkout_has_now() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let home = tempfile::tempdir()?;
        let folder = home.path().join("dirty");
        std::fs::create_dir_all(folder.join("site"))?;
        for (path, file) in page('a').files() {
            let webhook::model::File::Regular(bytes) = file else {
                continue;
            };
            std::fs::write(folder.join(path), bytes)?;
        }
        for letter in ['b', 'c', 'b'] {
            // The same size and, as far as this file system tells, the same time.
            let path = folder.join("site/index.html");
            std::fs::write(&path, shown(letter))?;
            let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1 << 30);
            std::fs::File::options()
                .append(true)
                .open(&path)?
                .set_modified(time)?;
            dayfly.command(&folder, &["up"]).await?.printed()?;
            let preview = dayfly.api.preview("dirty-up").await?;
            let visitor = dayfly.visitor(preview.url()?);
            ensure!(visitor.text("/").await? == shown(letter));
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_pushes_builds_at_most_two_of_them_to_the_end() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &page('a')).await?;
        let mut last = pull.commit.clone();
        for number in 0..20 {
            let app = App::page(&format!("push {number}")).that_builds_for(1);
            last = dayfly.push(&pull, &app).await?;
        }
        dayfly.live(&pull, &last).await?;
        ensure!(visitor.text("/").await? == "push 19");
        let events = dayfly
            .api
            .get(&format!("/api/v1/previews/{}/events", pull.id))
            .await?;
        let events = events.as_array().context("no events")?;
        let built = events
            .iter()
            .filter(|event| event["step"] == "build web" && event["note"].is_null());
        let built = built.count();
        // The first push of the test is one more.
        ensure!(built <= 3, "{built} builds came to their end: {events:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_builds_leave_no_more_open_files_than_ten() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &page('a')).await?;
        let open = || -> anyhow::Result<usize> {
            let folder = format!("/proc/{}/fd", dayfly.server_pid());
            Ok(std::fs::read_dir(folder)?.count())
        };
        let mut after_ten = 0;
        for number in 0..60 {
            // Every third is cut off by the one after it.
            let app = App::page(&format!("push {number}"));
            let app = match number % 3 {
                0 => app.that_builds_for(600),
                _ => app,
            };
            let commit = dayfly.push(&pull, &app).await?;
            if number % 3 == 0 {
                dayfly.phase(&pull.id, "updating").await?;
            } else {
                dayfly.live(&pull, &commit).await?;
            }
            if number == 10 {
                after_ten = open()?;
            }
        }
        eventually("no more files are open than after ten builds", async || {
            let now = open()?;
            ensure!(now <= after_ten, "{now} files are open, {after_ten} were");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_open_its_builder_is_asked_again() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        dayfly.relay.arm(Rule {
            pattern: "POST /grpc".to_owned(),
            nth: 1,
            moment: Moment::Before,
            act: Act::Unknown,
        });
        let (_, visitor) = dayfly.open_live("change", &page('a')).await?;
        ensure!(visitor.text("/").await? == shown('a'));
        let log = dayfly.log();
        ensure!(log.contains("Docker Engine 20.10 or newer"), "{log}");
        Ok(())
    })
    .await
}
