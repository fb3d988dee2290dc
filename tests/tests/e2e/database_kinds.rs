//! Every kind of database, on its real server, from every kind of seed.

use std::io::Write as _;

use anyhow::ensure;
use harness::{App, Dayfly, Docker};

fn app(database: &str) -> App {
    let toml = format!(
        "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n{database}"
    );
    App::probe("text").with("dayfly.toml", &toml)
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_starts_from_its_seed_and_forks_under_a_password_of_its_own() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let seeded = app("engine = \"mariadb:10.11\"\nseed = \"db\"\n")
            .with("db/1-tables.sql", "create table t (a int primary key);\n")
            .with("db/2-rows.sql", "insert into t values (1), (2);\n");
        let (pull, visitor) = dayfly.open_live("change", &seeded).await?;
        let environment = visitor.text("/environment").await?;
        ensure!(environment.contains("mysql://app:"), "{environment}");
        let ask = [
            "--skip-column-names",
            "--batch",
            "--execute",
            "select sum(a) from t",
        ];
        ensure!(dayfly.query(&pull.id, "main", &ask).await? == "3");
        let write = ["--execute", "insert into t values (10)"];
        dayfly.query(&pull.id, "main", &write).await?;
        let fork = dayfly.fork(&pull.id).await?;
        ensure!(dayfly.query(&fork.id, "main", &ask).await? == "13");
        dayfly
            .query(
                &fork.id,
                "main",
                &["--execute", "insert into t values (100)"],
            )
            .await?;
        ensure!(dayfly.query(&pull.id, "main", &ask).await? == "13");
        dayfly.reset(&pull.id).await?;
        ensure!(dayfly.query(&pull.id, "main", &ask).await? == "3");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_starts_from_a_dump_and_keeps_every_write() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let dump = dump_of_redis().await?;
        let mut files = app("engine = \"redis:7.0\"\nseed = \"db/start.rdb\"\n").files();
        files.insert(
            "db/start.rdb".to_owned(),
            webhook::model::File::Regular(dump),
        );
        let pull = dayfly.open("change", &App::page("first")).await?;
        dayfly.live(&pull, &pull.commit).await?;
        let commit = dayfly.push_files(&pull, files).await?;
        let preview = dayfly.live(&pull, &commit).await?;
        let environment = dayfly.visitor(preview.url()?).text("/environment").await?;
        ensure!(environment.contains("REDIS_URL"), "{environment}");
        ensure!(dayfly.query(&pull.id, "main", &["get", "greeting"]).await? == "hello");
        dayfly
            .query(&pull.id, "main", &["set", "more", "1"])
            .await?;
        let fork = dayfly.fork(&pull.id).await?;
        ensure!(dayfly.query(&fork.id, "main", &["dbsize"]).await? == "2");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_a_redis_cannot_read_is_refused_by_its_format() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        for (name, dump, told) in [
            (
                "newer",
                "REDIS0012",
                "version 12 of Redis's format, and redis:7.0 cannot read that",
            ),
            ("valkeys", "VALKEY080", "Valkey wrote it"),
            ("none", "select 1;", "it is not a dump of Redis"),
        ] {
            let file = dayfly.data().join(format!("{name}.rdb"));
            std::fs::write(&file, format!("{dump}\0\0\0\0\0\0\0\0"))?;
            let file = file.display().to_string();
            let words = ["snapshot", "import", name, &file, "--engine", "redis:7.0"];
            let done = dayfly.command(dayfly.data(), &words).await?;
            ensure!(
                !done.success && done.stderr.contains(told),
                "{name}: {done:?}"
            );
        }
        Ok(())
    })
    .await
}

/// A dump with one key, by a server of its own.
async fn dump_of_redis() -> anyhow::Result<Vec<u8>> {
    let id = Docker::run(&["run", "--detach", "--rm", "redis:7.0"]).await?;
    let id = id.trim();
    let dump = async {
        harness::eventually("a server", async || {
            let set = ["exec", id, "redis-cli", "set", "greeting", "hello"];
            ensure!(Docker::run(&set).await?.trim() == "OK");
            Ok(())
        })
        .await?;
        Docker::run(&["exec", id, "redis-cli", "save"]).await?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("dump.rdb");
        let from = format!("{id}:/data/dump.rdb");
        Docker::run(&["cp", &from, &file.display().to_string()]).await?;
        anyhow::Ok(std::fs::read(file)?)
    }
    .await;
    Docker::run(&["rm", "--force", "--volumes", id]).await?;
    dump
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_starts_from_compressed_seeds_archives_and_commands() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"create table t (a int); insert into t values (1), (2);")?;
        let mut files = app("engine = \"postgres:15\"\nseed = \"seed.sql.gz\"\n").files();
        let content = webhook::model::File::Regular(packed.finish()?);
        files.insert("seed.sql.gz".to_owned(), content);
        let (pull, _) = dayfly.open_live("change", &App::page("first")).await?;
        let commit = dayfly.push_files(&pull, files).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(dayfly.sql(&pull.id, "main", "select sum(a) from t").await? == "3");

        let reach = dayfly.reach(&pull.id, "main").await?;
        let container = reach["container"].as_str().unwrap_or_default();
        let dump = [
            "exec",
            container,
            "pg_dump",
            "-U",
            "app",
            "-Fc",
            "-f",
            "/tmp/t.dump",
            "app",
        ];
        Docker::run(&dump).await?;
        let file = dayfly.data().join("t.dump");
        let from = format!("{container}:/tmp/t.dump");
        Docker::run(&["cp", &from, &file.display().to_string()]).await?;
        let archive = "engine = \"postgres:15\"\nseed = \"t.dump\"\non_push = \"reset\"\n";
        let mut files = app(archive).files();
        let content = webhook::model::File::Regular(std::fs::read(&file)?);
        files.insert("t.dump".to_owned(), content);
        dayfly
            .sql(&pull.id, "main", "insert into t values (100)")
            .await?;
        let commit = dayfly.push_files(&pull, files).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(dayfly.sql(&pull.id, "main", "select sum(a) from t").await? == "3");

        let run = "engine = \"postgres:15\"\non_push = \"reset\"\n\
                   seed = { run = \"python3 /app/seed.py\" }\n";
        let seeds = "import os\nimport psycopg2\n\
                     with psycopg2.connect(os.environ['DATABASE_URL']) as database:\n    \
                     database.cursor().execute('create table t as select 7 as a')\n";
        let app = app(run).with("seed.py", seeds).then("COPY seed.py /app/");
        let commit = dayfly.push(&pull, &app).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(dayfly.sql(&pull.id, "main", "select sum(a) from t").await? == "7");
        Ok(())
    })
    .await
}

/// Starting one takes a tenth of a second, for each question.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_running_postgres_needs_no_program_in_its_container() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let asked_by_programs = copied(dayfly, "postgres:15").await?;
        ensure!(asked_by_programs == [false, false], "{asked_by_programs:?}");
        Ok(())
    })
    .await
}

/// Its password is the source's until somebody sets it, so nobody but its own client gets in.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_asks_everybody_for_a_password_is_asked_through_its_own_client()
-> anyhow::Result<()> {
    const IMAGE: &str = "postgres:15-locked";
    let recipe = tempfile::tempdir()?;
    let lines = "FROM postgres:15\nCOPY lock.sh /docker-entrypoint-initdb.d/\n";
    std::fs::write(recipe.path().join("Dockerfile"), lines)?;
    let lock = "sed -Ei '/^host/s/trust$/scram-sha-256/' \"$PGDATA/pg_hba.conf\"\n";
    std::fs::write(recipe.path().join("lock.sh"), lock)?;
    let folder = recipe.path().display().to_string();
    Docker::run(&["build", "--tag", IMAGE, "--", &folder]).await?;
    let played = Dayfly::play(async |dayfly| {
        let asked_by_programs = copied(dayfly, IMAGE).await?;
        ensure!(asked_by_programs == [true, true], "{asked_by_programs:?}");
        Ok(())
    })
    .await;
    Docker::run(&["image", "rm", IMAGE]).await?;
    played
}

/// Copies a server that runs; answers whether a program was started in each of the two containers
/// meanwhile.
async fn copied(dayfly: &Dayfly, engine: &str) -> anyhow::Result<Vec<bool>> {
    let made = dayfly.database(engine, None).await?;
    let write = "create table t as select generate_series(1, 1000)";
    dayfly.sql(&made.id, "-", write).await?;
    let began = unix_seconds()?;
    let fork = dayfly.fork(&made.id).await?;
    let (since, until) = (format!("{began:.3}"), format!("{:.3}", unix_seconds()?));
    let events = ["events", "--since", &since, "--until", &until];
    let of_programs = ["--filter", "event=exec_create", "--format", "{{.ID}}"];
    let started_in = Docker::run(&[&events[..], &of_programs[..]].concat()).await?;
    ensure!(dayfly.sql(&fork.id, "-", "select count(*) from t").await? == "1000");
    let (label, database) = (deploy::labels::KIND, "database");
    let containers = dayfly.docker.containers(label, database).await?;
    Ok(containers
        .iter()
        .map(|id| started_in.contains(id))
        .collect())
}

fn unix_seconds() -> anyhow::Result<f64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(now.as_secs_f64())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_image_keeps_its_folder_and_is_forked_with_it() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let other = "engine = \"library/redis:7.0\"\ndata = \"/data\"\nport = 6379\n";
        let (pull, visitor) = dayfly.open_live("change", &app(other)).await?;
        let environment = visitor.text("/environment").await?;
        ensure!(environment.contains("tcp://main:6379"), "{environment}");
        let databases = dayfly
            .docker
            .containers(deploy::labels::KIND, "database")
            .await?;
        let [database] = databases.as_slice() else {
            anyhow::bail!("{databases:?}");
        };
        Docker::run(&["exec", database, "touch", "/data/mark"]).await?;
        dayfly.fork(&pull.id).await?;
        let databases = dayfly
            .docker
            .containers(deploy::labels::KIND, "database")
            .await?;
        for id in &databases {
            Docker::run(&["exec", id, "test", "-e", "/data/mark"]).await?;
        }
        ensure!(databases.len() == 2, "{databases:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_no_server_is_told_as_such() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let other = "engine = \"dayfly-test/base:1\"\ndata = \"/srv/data\"\n";
        let pull = dayfly.open("change", &app(other)).await?;
        let failed = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(
            failed.diagnosed().contains("DF404"),
            "{}",
            failed.diagnosed()
        );
        Ok(())
    })
    .await
}
