//! Only what changed is built, always the wanted file, and what fails says why.

use std::path::Path;

use anyhow::{Context as _, ensure};
use tests::harness::{
    Act, App, Dayfly, Docker, Moment, Options, Pull, Registry, Rule, eventually, eventually_within,
};

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
    (
        "COPY nothing-here /srv/",
        "DF207",
        "nothing-here is not in the build context",
    ),
    (
        "COPY kept-out.txt /srv/",
        "DF207",
        ".dockerignore keeps it out",
    ),
    (
        "FROM localhost:1/nothing:1",
        "DF208",
        "base image localhost:1/nothing:1 cannot be had",
    ),
    (
        "RUN exit 137",
        "DF205",
        "was killed, most likely for memory",
    ),
    (
        "RUN echo 'Could not resolve host: example.org' && exit 6",
        "DF211",
        "could not reach the network",
    ),
    (
        "RUN echo 'No space left on device' && exit 1",
        "DF210",
        "is full",
    ),
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
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, CANARY);
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

/// Tries to connect, and ends with 0 only where it cannot.
const KEPT_OUT: &str = "import socket, struct, sys
host, port = sys.argv[1:]
if host == 'gateway':
    routes = [line.split() for line in open('/proc/net/route')]
    way = next(route[2] for route in routes if route[1] == '00000000')
    host = socket.inet_ntoa(struct.pack('<L', int(way, 16)))
try:
    socket.create_connection((host, int(port)), 3)
except OSError as error:
    sys.exit(print('kept out:', error))
sys.exit('it got through')
";

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_build_reaches_neither_the_host_nor_its_neighbours() -> anyhow::Result<()> {
    let host = std::net::TcpListener::bind("0.0.0.0:0")?;
    let port = host.local_addr()?.port();
    let tries = |app: App, salt: &str| {
        app.with("kept_out.py", KEPT_OUT).then(&format!(
            "COPY kept_out.py /\nRUN echo {salt} && python3 /kept_out.py gateway {port} && \
             python3 /kept_out.py 169.254.169.254 80"
        ))
    };
    // Without a fence the host is there, so that its absence shows something.
    Dayfly::play(async |dayfly| {
        let pull = dayfly.open("change", &tries(page('a'), "open")).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(
            preview.diagnosed().contains("it got through"),
            "{preview:?}"
        );
        Ok(())
    })
    .await?;
    let options = Options {
        engine: vec!["fence_builds = true".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        dayfly
            .open_live("change", &tries(page('a'), "fenced"))
            .await
            .map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_open_its_builder_gets_the_whole_context() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        dayfly.relay.arm(Rule {
            pattern: "POST /grpc".to_owned(),
            nth: 1,
            moment: Moment::Before,
            act: Act::Unknown,
        });
        let (pull, visitor) = dayfly.open_live("change", &page('a')).await?;
        ensure!(visitor.text("/").await? == shown('a'));
        let log = build_log(dayfly, &pull).await?;
        ensure!(log.contains("the whole context is sent"), "{log}");
        Ok(())
    })
    .await
}

/// A server that knows how to log in to a registry.
fn with_logins(registry: &Registry) -> Options {
    let path = registry.logins();
    Options {
        engine: vec![format!("registry_auth_file = \"{}\"", path.display())],
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_ci_builds_is_waited_for_until_the_registry_has_it() -> anyhow::Result<()> {
    let registry = Registry::start().await?;
    registry.push("dayfly-test/base:1", "shop:staging").await?;
    Dayfly::play_with(with_logins(&registry), async |dayfly| {
        let name = registry.image("shop:pr-{number}-{sha}");
        let toml = format!(
            "[services.web]\nimage = \"{name}\"\nport = 8080\ncommand = [\"busybox\", \
             \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/usr/share\"]\n"
        );
        let pull = dayfly
            .open("change", &page('a').with("dayfly.toml", &toml))
            .await?;
        dayfly.comment(&pull, "is not there yet; waited").await?;
        let tag = format!("pr-{}-{}", pull.number.0, pull.commit);
        registry.tag("shop", "staging", &tag).await?;
        let preview = dayfly.live(&pull, &pull.commit).await?;
        ensure!(preview.services[0]["image"].is_string(), "{preview:?}");
        let log = build_log(dayfly, &pull).await?;
        ensure!(log.contains("Digest: sha256:"), "{log}");
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        // Somebody else's image is not ours to remove; it is this test's.
        Docker::run(&["image", "rm", &registry.image(&format!("shop:{tag}"))]).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_never_comes_is_given_up_with_its_name() -> anyhow::Result<()> {
    let registry = Registry::start().await?;
    let mut options = with_logins(&registry);
    options.limits = vec!["image_wait_seconds_max = 2".to_owned()];
    Dayfly::play_with(options, async |dayfly| {
        let name = registry.image("shop:{short_sha}");
        let toml = format!("[services.web]\nimage = \"{name}\"\n");
        let pull = dayfly
            .open("change", &page('a').with("dayfly.toml", &toml))
            .await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        let said = preview.diagnosed();
        let named = registry.image(&format!("shop:{}", &pull.commit.as_str()[..7]));
        ensure!(said.contains("DF214") && said.contains(&named), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_base_image_needs_the_servers_log_in_and_its_absence_is_told()
-> anyhow::Result<()> {
    let registry = Registry::start().await?;
    registry.push("dayfly-test/base:1", "base:1").await?;
    let base = registry.image("base:1");
    let app = page('a').with(
        "Dockerfile",
        &format!(
            "FROM {base}\nCOPY site /site\nEXPOSE 8080\n\
             CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/site\"]\n"
        ),
    );
    Dayfly::play(async |dayfly| {
        let pull = dayfly.open("change", &app).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        let said = preview.diagnosed();
        ensure!(
            said.contains("DF208") && said.contains("without a log-in"),
            "{said}"
        );
        Ok(())
    })
    .await?;
    Dayfly::play_with(with_logins(&registry), async |dayfly| {
        let (_, visitor) = dayfly.open_live("change", &app).await?;
        ensure!(visitor.text("/").await? == shown('a'));
        let log = dayfly.log();
        ensure!(!log.contains("open-sesame"), "the log tells the password");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_repositories_on_one_build_slot_take_turns_and_see_their_place() -> anyhow::Result<()> {
    let options = Options {
        builds_max: 1,
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let slow = |text: &str| App::page(text).that_builds_for(1);
        dayfly.forge.deliver(webhook::model::Policy::Hold);
        let mut greedy = Vec::new();
        for number in 0..4 {
            let branch = format!("greedy-{number}");
            greedy.push(dayfly.open(&branch, &slow(&branch)).await?.id);
        }
        let mut modest = Vec::new();
        for number in 0..9 {
            let repo = webhook::names::RepoName::parse(&format!("acme/modest{number}"))?;
            dayfly
                .forge
                .create_repository(&repo, page('m').files())
                .await?;
            let app = slow(&format!("modest {number}"));
            let changes = app
                .files()
                .into_iter()
                .map(|(path, file)| (path, Some(file)));
            let changes: webhook::model::Changes = changes.collect();
            dayfly
                .forge
                .push(&repo, "change", "main", &changes, "Go")
                .await?;
            let opened = dayfly
                .forge
                .open_pull_request(&repo, "change", "main", "A change", "ada")
                .await?;
            modest.push(format!("{}-{}", repo.name(), opened.0));
        }
        dayfly.forge.deliver(webhook::model::Policy::Send);
        dayfly.forge.release_held(|_| {});
        eventually("somebody sees a place in the line", async || {
            let all = dayfly.api.get("/api/v1/previews").await?;
            ensure!(all.to_string().contains("its turn to build ("), "{all}");
            Ok(())
        })
        .await?;
        let mut built = Vec::new();
        for id in greedy.iter().chain(&modest) {
            dayfly.phase(id, "live").await?;
            let events = dayfly
                .api
                .get(&format!("/api/v1/previews/{id}/events"))
                .await?;
            let events = events.as_array().context("no events")?;
            let build = events.iter().find(|event| event["step"] == "build web");
            let at = build
                .and_then(|event| event["at"].as_str())
                .context("no build")?;
            built.push((at.parse::<jiff::Timestamp>()?, id.clone()));
        }
        built.sort();
        let order: Vec<&String> = built.iter().map(|(_, id)| id).collect();
        // Whoever came first has the first turn, perhaps the second; never the third before others.
        let early = order
            .iter()
            .take(11)
            .filter(|id| greedy.contains(id))
            .count();
        ensure!(early <= 2, "{order:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_builders_cache_of_ours_stays_within_its_budget_and_others_keep_theirs()
-> anyhow::Result<()> {
    let options = Options {
        limits: vec!["build_cache_mib_max = 1".to_owned()],
        ..Options::default()
    };
    let somebody = somebody_elses_build().await?;
    Dayfly::play_with(options, async |dayfly| {
        let blob = |n: u32| page('a').then(&format!("RUN head -c 400000{n} /dev/urandom > /blob"));
        let pull = dayfly.open("change", &blob(0)).await?;
        dayfly.live(&pull, &pull.commit).await?;
        let noted = eventually("records are ours", async || {
            let noted = ours(dayfly)?;
            ensure!(!noted.is_empty(), "none is");
            Ok(noted)
        })
        .await?;
        ensure!(
            noted.is_disjoint(&somebody.1),
            "somebody else's records count as ours"
        );
        for number in 1..3 {
            let commit = dayfly.push(&pull, &blob(number)).await?;
            dayfly.live(&pull, &commit).await?;
        }
        // The house is kept once a minute.
        let minutes = std::time::Duration::from_secs(130);
        eventually_within(minutes, "our records are within the budget", async || {
            let noted = ours(dayfly)?;
            let records = deploy::builder::Builder::cache(&somebody.0).await?;
            let bytes: u64 = records
                .iter()
                .filter(|record| noted.contains(&record.id))
                .filter(|record| !record.in_use && !record.shared)
                .map(|record| record.bytes)
                .sum();
            ensure!(bytes <= 1 << 20, "{bytes} bytes");
            for id in &somebody.1 {
                let there = records.iter().any(|record| record.id == *id);
                ensure!(there, "somebody else's record {id} is gone");
            }
            Ok(())
        })
        .await
    })
    .await?;
    deploy::builder::Builder::remove(&somebody.0, &somebody.2).await?;
    let theirs: Vec<String> = somebody.1.into_iter().collect();
    Ok(deploy::builder::Builder::forget_cache(&somebody.0, &theirs).await?)
}

/// The records of the builder's cache that a server holds for its own.
fn ours(dayfly: &Dayfly) -> anyhow::Result<std::collections::BTreeSet<String>> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = rusqlite::Connection::open_with_flags(dayfly.data().join("dayfly.db"), flags)?;
    let mut rows = store.prepare("SELECT id FROM cache_records")?;
    let ids = rows.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Somebody who builds on the same engine, the records that the build left, and its image.
async fn somebody_elses_build() -> anyhow::Result<(
    deploy::docker::Docker,
    std::collections::BTreeSet<String>,
    deploy::names::ImageId,
)> {
    use std::sync::{Arc, Mutex, PoisonError};
    let folder = tempfile::tempdir()?;
    let instance = deploy::names::Instance::parse(&format!("{:08x}", std::process::id()))?;
    let docker = deploy::docker::Docker::connect(deploy::docker::DockerConfig::new(instance))?;
    let mirrors = deploy::source::Mirrors::new(folder.path().join("mirrors"));
    let dockerfile = format!(
        "FROM dayfly-test/base:1\nRUN echo {} > /own && head -c 3000000 /dev/urandom > /blob\n",
        std::process::id()
    );
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(dockerfile.len() as u64);
    archive.append_data(&mut header, "Dockerfile", dockerfile.as_bytes())?;
    let archive = archive.into_inner()?;
    let mirror = deploy::source::MirrorId::parse("somebody")?;
    let request = deploy::builder::BuildRequest {
        preview: deploy::names::PreviewId::parse("theirs-1")?,
        revision: deploy::names::RevisionNumber(1),
        service: deploy::names::ServiceName::parse("web")?,
        tree: mirrors.import(&mirror, archive.as_slice()).await?,
        context: String::new(),
        dockerfile: "Dockerfile".to_owned(),
        target: None,
        args: Default::default(),
        facts: Default::default(),
        secrets: Default::default(),
        scope: "somebody".to_owned(),
    };
    let left = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let into = Arc::clone(&left);
    let sink = move |event| {
        if let deploy::builder::BuildEvent::Cached { records } = event {
            into.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(records);
        }
    };
    let image = deploy::builder::Builder::build(&docker, &request, Arc::new(sink)).await?;
    let left = eventually("the other build's records are told", async || {
        let left = left.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ensure!(!left.is_empty(), "not yet");
        Ok(left)
    })
    .await?;
    Ok((docker, left, image))
}
