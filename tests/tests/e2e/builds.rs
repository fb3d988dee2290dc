//! Only what changed is built, always the wanted file, and what fails says why.

use std::path::Path;

use anyhow::{Context as _, ensure};
use tests::harness::{App, Dayfly, Docker, Options, Pull, eventually};

/// What the build of a service of a revision printed.
async fn build_log(dayfly: &Dayfly, pull: &Pull) -> anyhow::Result<String> {
    let said = dayfly
        .command(Path::new("/"), &["logs", &pull.id, "--build"])
        .await?;
    said.printed()
}

/// A page whose text has always as many bytes.
fn page(letter: char) -> App {
    App::page(&letter.to_string().repeat(40))
}

fn shown(letter: char) -> String {
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
        ensure!(log.contains("1 of them new to the builder"), "{log}");
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

/// Lines of a Dockerfile that fail, the code they get, and what is said about them.
const FAILING: [(&str, &str, &str); 8] = [
    ("RUN echo the-reason && exit 3", "DF201", "ended with 3"),
    ("WORKDIRR /srv", "DF206", "`WORKDIRR`"),
    ("COPY nothing-here /srv/", "DF207", "nothing-here is not in the build context"),
    ("COPY kept-out.txt /srv/", "DF207", ".dockerignore keeps it out"),
    (
        "FROM localhost:1/nothing:1",
        "DF208",
        "base image localhost:1/nothing:1 cannot be had",
    ),
    ("RUN exit 137", "DF205", "was killed, most likely for memory"),
    (
        "RUN echo 'Could not resolve host: example.org' && exit 6",
        "DF211",
        "could not reach the network",
    ),
    ("RUN echo 'No space left on device' && exit 1", "DF210", "is full"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_says_what_kind_of_failure_it_is_and_where() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let base = page('a')
            .with(".dockerignore", "kept-out.txt\n")
            .with("kept-out.txt", "x");
        let pull = dayfly.open("change", &base).await?;
        for (line, code, words) in FAILING {
            let bad = dayfly.push(&pull, &base.clone().then(line)).await?;
            let preview = dayfly.failed(&pull, &bad).await?;
            let diagnosis = preview.diagnosis.clone().context("no diagnosis")?;
            let sentence = diagnosis["sentence"].as_str().unwrap_or_default();
            ensure!(
                diagnosis["code"] == code && sentence.contains(words),
                "{line}: {diagnosis}"
            );
            ensure!(sentence.contains("line 5"), "{line}: {diagnosis}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_takes_too_long_is_stopped_and_says_so() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["build_seconds_max = 3".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let slow = page('a').that_builds_for(600);
        let pull = dayfly.open("change", &slow).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(preview.diagnosed().contains("DF204"), "{preview:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_too_large_is_refused_and_goes() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["image_mib_max = 10".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let pull = dayfly.open("change", &page('a')).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(preview.diagnosed().contains("DF212"), "{preview:?}");
        eventually("the image is gone", async || {
            let left = dayfly.docker.left().await?;
            ensure!(left.images.is_empty(), "{left:?}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_build_begins_on_a_full_disk_and_the_pull_request_says_why() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["build_disk_percent_max = 1".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let pull = dayfly.open("change", &page('a')).await?;
        let comment = dayfly.comment(&pull, "of the engine's are in use").await?;
        ensure!(comment.contains("builds begin below 1 %"), "{comment}");
        let preview = dayfly.api.preview(&pull.id).await?;
        ensure!(preview.phase == "building", "{preview:?}");
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

/// What must be found nowhere.
const CANARY: &str = "canary-5f1e0c7a9b";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_a_build_is_found_nowhere_afterwards() -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("secrets.toml");
    std::fs::write(&file, format!("[\"acme/shop\"]\nTOKEN = \"{CANARY}\"\n"))?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    let options = Options {
        top: vec![format!("secrets_file = \"{}\"", file.display())],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let toml = "[services.web]\nbuild = { secrets = [\"TOKEN\"] }\n";
        let reads = "RUN --mount=type=secret,id=TOKEN test \"$(wc -c < /run/secrets/TOKEN)\" = 17 \
                     && cat /run/secrets/TOKEN && base64 /run/secrets/TOKEN && sha256sum \
                     /run/secrets/TOKEN | tee /site/digest";
        let app = page('a').with("dayfly.toml", toml).then(reads);
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        // The build did read it.
        ensure!(visitor.text("/digest").await?.len() > 64);
        let broken = app.then("RUN --mount=type=secret,id=TOKEN cat /run/secrets/TOKEN && exit 1");
        let bad = dayfly.push(&pull, &broken).await?;
        dayfly.failed(&pull, &bad).await?;
        let comment = dayfly.comment(&pull, "failed").await?;
        let mut places = vec![("the comment", comment), ("the log", dayfly.log())];
        for image in dayfly.docker.left().await?.images {
            let history = Docker::run(&["history", "--no-trunc", &image]).await?;
            places.push(("the history", history));
            places.push(("the image", Docker::inspect(&image).await?.to_string()));
        }
        for id in dayfly.docker.running(&pull.id).await? {
            places.push(("the container", Docker::inspect(&id).await?.to_string()));
        }
        let encoded = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            CANARY,
        );
        for (place, text) in &places {
            ensure!(!text.contains(CANARY), "{place} tells: {text}");
            ensure!(!text.contains(&encoded[..16]), "{place} tells: {text}");
        }
        for path in files_below(dayfly.data())? {
            let bytes = std::fs::read(&path).unwrap_or_default();
            for needle in [CANARY.as_bytes(), &encoded.as_bytes()[..16]] {
                let found = bytes.windows(needle.len()).any(|part| part == needle);
                ensure!(!found, "{} holds it", path.display());
            }
        }
        Ok(())
    })
    .await
}

fn files_below(folder: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files_below(&path)?);
        } else if path.is_file() {
            all.push(path);
        }
    }
    Ok(all)
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
