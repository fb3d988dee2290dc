//! Finds the file of a commit that is the blueprint.

use std::collections::BTreeMap;

use super::{Blueprint, BlueprintError, advice, compose, dayfly_toml, defaults, draft::Draft};
use crate::source::{Lack, Missing, MissingKind, SourceError, Tree};

/// The preferred file.
const FILE: &str = "dayfly.toml";
/// Maximum bytes of that file.
const FILE_BYTES_MAX: u64 = 256 << 10;
/// Maximum paths that are listed for one reason.
const PATHS_MAX: usize = 5;

/// Reads a commit's blueprint: `dayfly.toml`, else its compose files, else the Dockerfile at its
/// root.
pub async fn read(tree: &Tree) -> Result<Blueprint, BlueprintError> {
    if let Some(entry) = tree.resolve(FILE).await? {
        if entry.size > FILE_BYTES_MAX {
            let why = format!("it has {} bytes; at most 256 KiB are read", entry.size);
            return Err(SourceError::unfit(FILE, why).into());
        }
        let bytes = tree.read(FILE).await?.unwrap_or_default();
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| SourceError::unfit(FILE, "it is not UTF-8 text"))?;
        let mut blueprint = defaults::resolve(tree, dayfly_toml::draft(FILE, text)?).await?;
        if let Some(file) = compose::find(tree).await? {
            let note = format!("{file} was not read, because there is a {FILE}.");
            blueprint.notes.push(note);
        }
        return with_notes(tree, blueprint).await;
    }
    let entries = tree.list().await?;
    let has = |path: &str| {
        entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path))
            .is_ok()
    };
    if let Some(file) = compose::find(tree).await? {
        let blueprint = defaults::resolve(tree, compose::draft(tree, file).await?).await?;
        return with_notes(tree, blueprint).await;
    }
    if tree.resolve("Dockerfile").await?.is_some() {
        let blueprint = defaults::resolve(tree, Draft::empty("Dockerfile")).await?;
        return with_notes(tree, blueprint).await;
    }
    Err(BlueprintError::Nothing(advice::nothing(has)))
}

/// Adds notes about the commit as a whole.
async fn with_notes(tree: &Tree, mut blueprint: Blueprint) -> Result<Blueprint, BlueprintError> {
    blueprint.missing.extend(missing(tree.missing()));
    Ok(blueprint)
}

/// A sentence for each missing submodule, and for each reason why Git LFS files are missing.
fn missing(all: &[Missing]) -> Vec<String> {
    let (mut sentences, mut files) = (Vec::new(), BTreeMap::<&str, Vec<&str>>::new());
    for one in all {
        match (one.kind, &one.lack) {
            (MissingKind::LfsFile, Lack::NotFetched(why)) => {
                files.entry(why).or_default().push(&one.path);
            }
            (kind, _) => sentences.push(format!("{kind} {one}.")),
        }
    }
    sentences.extend(files.into_iter().map(|(why, paths)| {
        let (shown, more) = paths.split_at(paths.len().min(PATHS_MAX));
        let what = match (shown, more.len()) {
            ([path], 0) => format!("the Git LFS file {path} was"),
            (_, 0) => format!("the Git LFS files {} were", shown.join(", ")),
            (_, more) => format!(
                "the Git LFS files {} and {more} more were",
                shown.join(", ")
            ),
        };
        format!("{what} not fetched: {why}.")
    }));
    sentences
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        blueprint::{Command, Health, ImageSource, SeedSource},
        source::testing::{Bench, uploaded},
    };

    async fn read_files(files: &[(&str, &str)]) -> Result<Blueprint, BlueprintError> {
        let (_folder, tree) = uploaded(files).await;
        read(&tree).await
    }

    /// Reads `dayfly.toml` beside a Dockerfile, a seed and a folder.
    async fn toml(text: &str) -> Result<Blueprint, BlueprintError> {
        let dockerfile = "FROM a AS base\nEXPOSE 3000\nFROM b AS other\n";
        let files = [
            ("dayfly.toml", text),
            ("Dockerfile", "FROM scratch\nEXPOSE 3000\n"),
            ("api/Dockerfile.dev", dockerfile),
            ("db/seed.sql", "select 1;"),
        ];
        read_files(&files).await
    }

    fn noted(blueprint: &Blueprint, words: &str) {
        let notes = &blueprint.notes;
        assert!(
            notes.iter().any(|note| note.contains(words)),
            "{words:?} in {notes:#?}"
        );
    }

    #[tokio::test]
    async fn a_dockerfile_alone_is_one_public_service() {
        let blueprint = read_files(&[("Dockerfile", "FROM x\nEXPOSE 3000")])
            .await
            .unwrap();
        assert_eq!(blueprint.origin, "Dockerfile");
        let [web] = blueprint.services.as_slice() else {
            panic!("{blueprint:?}")
        };
        assert_eq!(
            (web.name.as_str(), web.port, web.public, web.main),
            ("web", 3000, true, true)
        );
        assert_eq!((web.memory_bytes, web.cpu_milli), (512 << 20, 1000));
        assert_eq!(web.health, Health::Default);
        let dockerfile = "Dockerfile".to_owned();
        let args = BTreeMap::new();
        let wanted = ImageSource::Build {
            context: String::new(),
            dockerfile,
            target: None,
            args,
            secrets: Vec::new(),
        };
        assert_eq!(web.image, wanted);
        for words in [
            "port 3000",
            "512 MiB",
            "one CPU",
            "has a URL",
            "added, since no service",
            "GET /",
        ] {
            noted(&blueprint, words);
        }
    }

    #[tokio::test]
    async fn every_key_is_read() {
        let blueprint = toml(
            r#"
[services.web]
build = { context = "./api/", dockerfile = "Dockerfile.dev", target = "base", args = { MODE = "dev" } }
health = "/healthz"
command = "./server --name 'a b'"
env = { GREETING = "hello" }
memory = "64M"
cpus = 0.5
main = true
[services.worker]
image = "registry.example/acme/worker:1@sha256:00"
port = 9000
public = false
command = ["./worker", "a b"]
memory = "1GiB"
cpus = 0b10
[databases.main]
engine = "postgres:15"
seed = "./db/seed.sql"
migrate = { run = "./migrate up", in = "web" }
url = "MAIN_URL"
"#,
        )
        .await
        .unwrap();
        assert_eq!(blueprint.origin, "dayfly.toml");
        let [web, worker] = blueprint.services.as_slice() else {
            panic!("{blueprint:?}")
        };
        assert_eq!(
            web.image,
            ImageSource::Build {
                context: "api".into(),
                dockerfile: "Dockerfile.dev".into(),
                target: Some("base".into()),
                args: BTreeMap::from([("MODE".into(), "dev".into())]),
                secrets: Vec::new(),
            }
        );
        let words = ["./server", "--name", "a b"].map(str::to_owned).to_vec();
        assert_eq!(web.command, Some(Command(words)));
        assert_eq!(web.health, Health::Path("/healthz".into()));
        assert_eq!(
            (web.port, web.memory_bytes, web.cpu_milli),
            (3000, 64 << 20, 500)
        );
        assert_eq!(web.env["GREETING"], "hello");
        assert_eq!(
            (worker.public, worker.main, worker.port),
            (false, false, 9000)
        );
        assert_eq!((worker.memory_bytes, worker.cpu_milli), (1 << 30, 2000));
        assert_eq!(worker.health, Health::Tcp);
        let [database] = blueprint.databases.as_slice() else {
            panic!("{blueprint:?}")
        };
        assert_eq!(
            (database.image.as_str(), database.url_variable.as_str()),
            ("postgres:15", "MAIN_URL")
        );
        let (paths, beside) = (vec!["db/seed.sql".to_owned()], Vec::new());
        assert_eq!(database.seed, Some(SeedSource::Sql { paths, beside }));
        let migrate = database.migrate.as_ref().unwrap();
        assert_eq!((migrate.run.0.len(), migrate.service.as_str()), (2, "web"));
    }

    /// The content of a file, and the beginning of the error message.
    const WRONG: &[(&str, &str)] = &[
        (
            "\n\n[services.web]\nprot = 1",
            "dayfly.toml:4: unknown key \"prot\" in [services.web]; did you mean \"port\"?",
        ),
        (
            "servces = 1",
            "dayfly.toml:1: unknown key \"servces\"; did you mean \"services\"?",
        ),
        (
            "[services.web]\nport = 0",
            "dayfly.toml:2: `port` must be from 1 to 65535",
        ),
        (
            "[services.web]\nport = 65536",
            "dayfly.toml:2: `port` must be",
        ),
        (
            "[services.web]\nport = \"80\"",
            "dayfly.toml:2: `port` must be a whole number, but is of type string",
        ),
        (
            "[services.web]\nmemory = \"8M\"",
            "dayfly.toml:2: `memory` must be from 16M",
        ),
        (
            "[services.web]\nmemory = \"lots\"",
            "dayfly.toml:2: `memory` must be a size",
        ),
        (
            "[services.web]\ncpus = 0",
            "dayfly.toml:2: `cpus` must be from 0.01",
        ),
        (
            "[services.web]\ncpus = nan",
            "dayfly.toml:2: `cpus` must be from 0.01",
        ),
        (
            "[services.web]\nhealth = \"healthz\"",
            "dayfly.toml:2: `health` must be a path",
        ),
        (
            "[services.web]\ncommand = []",
            "dayfly.toml:2: `command` names no program",
        ),
        (
            "[services.web]\ncommand = \"a && b\"",
            "dayfly.toml:2: `command`: `&` has no meaning",
        ),
        (
            "[services.web]\nsecrets = []",
            "dayfly.toml:2: `secrets` is not supported yet",
        ),
        (
            "[services.web]\nbuild = \"..\"",
            "dayfly.toml:2: `build` must be a path inside",
        ),
        (
            "[services.web]\nbuild = \"/etc\"",
            "dayfly.toml:2: `build` must be a path inside",
        ),
        (
            "[services.web]\nbuild = \"nope\"",
            "dayfly.toml:2: service web is built from nope, but there is no such folder",
        ),
        (
            "[services.web]\nbuild = \"api\"",
            "dayfly.toml:2: service web is built from api/Dockerfile, but there is no such file",
        ),
        (
            "[services.web]\nbuild = { contxt = \".\" }",
            "dayfly.toml:2: unknown key \"contxt\" in [services.web.build]; did you mean \"context\"?",
        ),
        (
            "[services.web]\nbuild = { target = \"prod\" }",
            "dayfly.toml:2: service web: Dockerfile has no stage \"prod\"",
        ),
        (
            "[services.web]\nbuild = 1",
            "dayfly.toml:2: `build` must be a folder, or a table",
        ),
        (
            "[services.web]\nbuild = \".\"\nimage = \"a\"",
            "dayfly.toml:3: `build` and `image` exclude",
        ),
        (
            "[services.web]\nimage = \"a:{title}\"",
            "dayfly.toml:2: \"a:{title}\" contains an unknown placeholder; use {sha}",
        ),
        (
            "[services.web]\nimage = \"a:pr-{number}\"",
            "dayfly.toml:2: \"a:pr-{number}\" must contain {sha} or {short_sha}",
        ),
        (
            "[services.web]\nbuild = { secrets = [\"A B\"] }",
            "dayfly.toml:2: ",
        ),
        (
            "[services.web]\nbuild = { secrets = \"TOKEN\" }",
            "dayfly.toml:2: `secrets` must be an array of strings",
        ),
        (
            "[services.web]\nimage = \"--privileged\"",
            "dayfly.toml:2: \"--privileged\" is not a reference",
        ),
        (
            "[services.web]\nenv = { PORT = \"1\" }",
            "dayfly.toml:2: PORT is set by Dayfly",
        ),
        (
            "[services.web]\n[services.web.env]\nDAYFLY_URL = \"\"",
            "dayfly.toml:3: DAYFLY_URL cannot be set",
        ),
        (
            "[services.web]\nenv = { \"a b\" = \"1\" }",
            "dayfly.toml:2: \"a b\" is not a variable's name",
        ),
        (
            "[services.web]\nenv = { N = 1 }",
            "dayfly.toml:2: `env.N` must be a string in quotes",
        ),
        (
            "[services.Web]",
            "dayfly.toml:1: \"Web\" is not a service name",
        ),
        (
            "[services.\"--x\"]",
            "dayfly.toml:1: \"--x\" is not a service name",
        ),
        (
            "[services]\nweb = 1",
            "dayfly.toml:2: `web` must be a table",
        ),
        (
            "[services.a]\nmain = true\n[services.b]\nmain = true",
            "dayfly.toml:4: services a and b are both `main`",
        ),
        (
            "[services.a]\nmain = true\npublic = false",
            "dayfly.toml:2: service a is `main`, so it must be public",
        ),
        (
            "[services.a]\npublic = false",
            "dayfly.toml:1: no service is public",
        ),
        (
            "[services.a]\n[databases.a]\nengine = \"postgres:15\"",
            "dayfly.toml:2: a is the name of a service too",
        ),
        (
            "[services.web]\nenv = { DATABASE_URL = \"x\" }\n[databases.d]\nengine = \"postgres:15\"",
            "dayfly.toml:2: DATABASE_URL of service web is set by database d",
        ),
        (
            "[preview]\nttl = \"1d\"",
            "dayfly.toml:1: `preview` is not supported yet",
        ),
        (
            "[review]\nstart = \"/x\"",
            "dayfly.toml:1: `review` is not supported yet",
        ),
        ("[services.web]\nport = ", "dayfly.toml:2: "),
        (
            "[services.web]\nport = 1\nport = 2",
            "dayfly.toml:3: duplicate key",
        ),
    ];

    #[tokio::test]
    async fn what_cannot_be_is_told_with_its_line() {
        for (text, wanted) in WRONG {
            let answer = toml(text).await.expect_err(text).to_string();
            assert!(
                answer.starts_with(wanted),
                "{text}\n  said   {answer}\n  wanted {wanted}"
            );
        }
    }

    #[tokio::test]
    async fn too_many_of_a_kind_are_refused() {
        let many = |kind: &str, count, rest: &str| -> String {
            (0..count)
                .map(|n| format!("[{kind}.n{n}]\n{rest}\n"))
                .collect()
        };
        assert!(toml(&many("services", 20, "")).await.is_ok());
        assert!(toml(&many("services", 21, "")).await.is_err());
        assert!(
            toml(&many("databases", 5, "engine = \"postgres:15\""))
                .await
                .is_ok()
        );
        assert!(
            toml(&many("databases", 6, "engine = \"postgres:15\""))
                .await
                .is_err()
        );
        let large = format!("#{}", "x".repeat(256 << 10));
        assert!(
            toml(&large)
                .await
                .unwrap_err()
                .to_string()
                .starts_with("dayfly.toml: it has")
        );
    }

    #[tokio::test]
    async fn the_url_leads_to_the_service_that_people_mean() {
        for (text, wanted) in [
            ("[services.zoo]\n[services.app]", "app"),
            ("[services.app]\n[services.web]", "web"),
            ("[services.zoo]\n[services.ape]", "zoo"),
            ("[services.zoo]\n[services.web]\npublic = false", "zoo"),
            ("[services.zoo]\nmain = true\n[services.web]", "zoo"),
            ("[services.web]\nmain = false\n[services.zoo]", "zoo"),
        ] {
            let blueprint = toml(text).await.unwrap();
            let main: Vec<_> = blueprint.services.iter().filter(|s| s.main).collect();
            assert_eq!(main.len(), 1);
            assert_eq!(main[0].name.as_str(), wanted, "{text}");
        }
    }

    #[tokio::test]
    async fn a_private_service_without_a_port_of_its_command_is_ready_when_it_runs() {
        let text = "[services.web]\n[services.worker]\nimage = \"a\"\npublic = false\n\
                    [services.db]\nbuild = \".\"\npublic = false\n\
                    [services.queue]\nbuild = \".\"\ncommand = \"./work\"\npublic = false\n\
                    [services.api]\nbuild = \".\"\ncommand = \"./api\"\nport = 80\npublic = false";
        let blueprint = toml(text).await.unwrap();
        let health: Vec<_> = blueprint
            .services
            .iter()
            .map(|s| s.health.clone())
            .collect();
        let runs = Health::Running;
        let expected = [
            Health::Default,
            runs.clone(),
            Health::Tcp,
            runs,
            Health::Tcp,
        ];
        assert_eq!(health, expected);
    }

    #[tokio::test]
    async fn words_that_are_not_replaced_yet_are_noted() {
        let text = "[services.web]\nenv = { A = \"{pr}\" }";
        let blueprint = toml(text).await.unwrap();
        noted(&blueprint, "in A are not replaced yet");
    }

    #[tokio::test]
    async fn a_compose_file_comes_before_a_dockerfile_and_after_dayfly_toml() {
        let compose = ("docker-compose.yml", "services: {a: {image: x}}");
        let mut files = vec![compose, ("Dockerfile", "FROM x")];
        let origin = |blueprint: Blueprint| blueprint.origin;
        let read = read_files(&files).await.unwrap();
        assert_eq!(origin(read), "docker-compose.yml");
        files.push(("dayfly.toml", ""));
        assert_eq!(origin(read_files(&files).await.unwrap()), "dayfly.toml");
    }

    #[tokio::test]
    async fn a_checkout_without_a_word_gets_a_dockerfile_for_its_language() {
        for (file, words) in [
            ("go.mod", "FROM golang"),
            ("package.json", "FROM node"),
            ("requirements.txt", "FROM python"),
            ("Gemfile", "FROM ruby"),
            ("Cargo.toml", "FROM rust"),
            ("pom.xml", "FROM maven"),
            ("composer.json", "FROM composer"),
            ("index.html", "FROM nginx"),
            ("whatever", "FROM debian"),
        ] {
            let answer = read_files(&[(file, "")]).await.unwrap_err();
            assert!(matches!(answer, BlueprintError::Nothing(_)));
            let answer = answer.to_string();
            assert!(
                answer.contains("dayfly.toml") && answer.contains(words),
                "{file}: {answer}"
            );
            let lines = answer.split("\n\n").nth(1).unwrap().trim().lines().count();
            assert!((3..=7).contains(&lines), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_blueprint_that_leads_out_of_the_repository_is_refused() {
        let bench = Bench::new();
        let tree = bench
            .put("x", "")
            .link("dayfly.toml", "/etc/passwd")
            .tree()
            .await;
        assert!(matches!(read(&tree).await, Err(BlueprintError::Source(_))));
    }

    #[test]
    fn what_is_missing_for_one_reason_is_one_sentence() {
        let of = |kind, path: String, why: &str| Missing {
            kind,
            path,
            lack: Lack::NotFetched(why.to_owned()),
        };
        let mut all: Vec<Missing> = (1..=7)
            .map(|n| of(MissingKind::LfsFile, format!("{n}.bin"), "gone"))
            .collect();
        all.push(of(MissingKind::LfsFile, "a".to_owned(), "too large"));
        all.push(of(MissingKind::Submodule, "theme".to_owned(), "private"));
        let wanted = [
            "the submodule theme was not fetched: private.",
            "the Git LFS files 1.bin, 2.bin, 3.bin, 4.bin, 5.bin and 2 more were not fetched: gone.",
            "the Git LFS file a was not fetched: too large.",
        ];
        assert_eq!(missing(&all), wanted);
    }

    #[tokio::test]
    async fn fetching_and_reading_can_move_between_threads() {
        let bench = Bench::new();
        let commit = bench.put("Dockerfile", "FROM x").commit();
        let (mirrors, remote) = (bench.mirrors.clone(), bench.remote());
        let task = tokio::spawn(async move {
            let tree = mirrors.fetch(&remote, &commit).await.unwrap();
            read(&tree).await.unwrap().services.len()
        });
        assert_eq!(task.await.unwrap(), 1);
    }
}
