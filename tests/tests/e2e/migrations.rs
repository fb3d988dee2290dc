//! Pushes that change data, and going back.

use anyhow::ensure;
use harness::{App, Crowd, Dayfly, eventually};
use http::Method;
use serde_json::json;

/// Everything about the preview's databases that is in the pool.
async fn data_of(dayfly: &Dayfly, id: &str) -> anyhow::Result<Vec<String>> {
    let all = dayfly.data_directories()?;
    let prefix = format!("{id}/");
    Ok(all
        .into_iter()
        .filter(|path| path.starts_with(&prefix))
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destructive_migration_costs_no_visitor_a_request_and_can_be_undone() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        visitor.post("/notes", "mine").await?;
        let crowd = Crowd::gather(visitor.clone(), "/notes");
        // The older revision reads `notes`; the newer one brings a view in its place.
        let renamed = App::notes("second").that_migrates_by(
            "alter table notes rename to entries; alter table entries add extra int; \
             create view notes as select text from entries",
        );
        let commit = dayfly.push(&pull, &renamed).await?;
        dayfly.live(&pull, &commit).await?;
        crowd.expect_no_failure().await?;
        ensure!(visitor.notes().await? == ["mine", "seeded"]);
        let database = format!("/api/v1/previews/{}/databases/main", pull.id);
        dayfly.api.get(&database).await?;
        let table = "select relkind from pg_class where relname = 'notes'";
        ensure!(dayfly.sql(&pull.id, "main", table).await? == "v");
        visitor.post("/notes", "after").await?;
        let crowd = Crowd::gather(visitor.clone(), "/notes");
        dayfly.undo(&pull.id).await?;
        eventually("the older revision", async || {
            let text = visitor.text("/").await?;
            ensure!(text == "first", "{text}");
            Ok(())
        })
        .await?;
        ensure!(dayfly.sql(&pull.id, "main", table).await? == "r");
        ensure!(visitor.notes().await? == ["mine", "seeded"]);
        dayfly.undo(&pull.id).await?;
        eventually("the newer revision again", async || {
            let text = visitor.text("/").await?;
            ensure!(text == "second", "{text}");
            Ok(())
        })
        .await?;
        ensure!(visitor.notes().await? == ["after", "mine", "seeded"]);
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_leaves_application_and_data_as_they_were() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        visitor.post("/notes", "mine").await?;
        let before = data_of(dayfly, &pull.id).await?;
        let broken = App::notes("second").that_migrates_by("drop table notes; select nonsense");
        let commit = dayfly.push(&pull, &broken).await?;
        let failed = dayfly.failed(&pull, &commit).await?;
        ensure!(
            failed.diagnosed().contains("DF405"),
            "{}",
            failed.diagnosed()
        );
        ensure!(visitor.text("/").await? == "first");
        ensure!(visitor.notes().await? == ["mine", "seeded"]);
        eventually("only the data that serve", async || {
            let now = data_of(dayfly, &pull.id).await?;
            ensure!(now == before, "{now:?}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_migrations_did_not_change_keeps_the_database() -> anyhow::Result<()> {
    let named = |text: &str, on_push: &str| {
        let toml = format!(
            "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
             engine = \"postgres:15\"\nseed = \"seed.sql\"\nmigrations = [\"migrate.py\"]\n\
             on_push = \"{on_push}\"\n\
             migrate = {{ run = \"python3 /app/migrate.py\", in = \"web\" }}\n"
        );
        App::notes(text).that_migrates().with("dayfly.toml", &toml)
    };
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &named("first", "keep")).await?;
        visitor.post("/notes", "mine").await?;
        let before = data_of(dayfly, &pull.id).await?;
        let commit = dayfly.push(&pull, &named("second", "keep")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.notes().await? == ["migrated", "mine", "seeded"]);
        ensure!(
            data_of(dayfly, &pull.id).await? == before,
            "the database was copied"
        );
        let same = "reset-if-migrations-changed";
        let commit = dayfly.push(&pull, &named("third", same)).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.notes().await? == ["migrated", "mine", "seeded"]);
        let other = named("fourth", same).that_migrates_by("insert into notes values ('anew')");
        let other = other.with("dayfly.toml", &toml_of(same));
        let commit = dayfly.push(&pull, &other).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.notes().await? == ["anew", "seeded"]);
        dayfly.undo(&pull.id).await?;
        ensure!(visitor.notes().await? == ["migrated", "mine", "seeded"]);
        Ok(())
    })
    .await
}

fn toml_of(on_push: &str) -> String {
    format!(
        "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
         engine = \"postgres:15\"\nseed = \"seed.sql\"\nmigrations = [\"migrate.py\"]\n\
         on_push = \"{on_push}\"\n\
         migrate = {{ run = \"python3 /app/migrate.py\", in = \"web\" }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_starts_from_the_seed_beside_what_serves_and_can_be_undone() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("text")).await?;
        visitor.post("/notes", "mine").await?;
        let crowd = Crowd::gather(visitor.clone(), "/notes");
        dayfly.reset(&pull.id).await?;
        eventually("the seed", async || {
            let now = visitor.notes().await?;
            ensure!(now == ["seeded"], "{now:?}");
            Ok(())
        })
        .await?;
        dayfly.undo(&pull.id).await?;
        eventually("what there was", async || {
            let now = visitor.notes().await?;
            ensure!(now == ["mine", "seeded"], "{now:?}");
            Ok(())
        })
        .await?;
        crowd.expect_no_failure().await?;
        let path = format!("/api/v1/previews/{}/reset", pull.id);
        let body = json!({ "database": "other" });
        let refused = dayfly.api.send(Method::POST, &path, Some(&body)).await?;
        ensure!(
            refused.status == 404 && refused.body.contains("main"),
            "{refused:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survive_a_killed_server_and_killed_databases() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::ledger()).await?;
        for _ in 0..20 {
            visitor.text("/book").await?;
        }
        let databases = dayfly
            .docker
            .containers(deploy::labels::KIND, "database")
            .await?;
        ensure!(databases.len() == 2, "{databases:?}");
        dayfly.kill9().await?;
        for id in &databases {
            harness::Docker::run(&["kill", id]).await?;
        }
        dayfly.restart().await?;
        let books = eventually("both databases", async || {
            let books = visitor.get("/books").await?;
            ensure!(books.status == 200, "{books:?}");
            Ok(books.body)
        })
        .await?;
        ensure!(books == "{\"postgres\": 20, \"redis\": 20}", "{books}");
        dayfly.live(&pull, &pull.commit).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_migration_locks_and_writes_anew_is_told() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::notes("first")).await?;
        let heavy = App::notes("second").that_migrates_by(
            "alter table notes add column drawn float default random(); select pg_sleep(1)",
        );
        let commit = dayfly.push(&pull, &heavy).await?;
        dayfly.live(&pull, &commit).await?;
        let path = format!("/api/v1/previews/{}/logs?migrations=true", pull.id);
        let told = dayfly.api.send(Method::GET, &path, None).await?.body;
        let events = format!("/api/v1/previews/{}/events", pull.id);
        let events = dayfly.api.get(&events).await?.to_string();
        for sentence in [
            "migrate main rewrites notes (",
            "migrate main locks notes against reads and writes",
        ] {
            ensure!(told.contains(sentence), "{told}");
            ensure!(events.contains(sentence), "{events}");
        }
        Ok(())
    })
    .await
}

/// Drops the application's database, makes it again from a copy, and fills it.
const ANEW: &str = "import os, psycopg2\n\
    def run(database, *statements):\n    \
    connection = psycopg2.connect(os.environ['DATABASE_URL'].rsplit('/', 1)[0] + '/' + database)\n    \
    connection.autocommit = True\n    \
    for statement in statements:\n        connection.cursor().execute(statement)\n    \
    connection.close()\n\
    run('postgres', 'create database copy template app', 'drop database app',\n    \
    'alter database copy rename to app')\n\
    run('app', 'drop table if exists notes', 'create table notes (text text not null)',\n    \
    \"insert into notes values ('anew')\")\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_alone_in_its_database_and_may_make_it_anew() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let app = App::notes("first").that_migrates().with("migrate.py", ANEW);
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        ensure!(visitor.notes().await? == ["anew"]);
        visitor.note("mine").await?;
        let commit = dayfly.push(&pull, &app.with("text", "second")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.notes().await? == ["anew"]);
        Ok(())
    })
    .await
}
