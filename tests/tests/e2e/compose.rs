//! Projects with a compose file and no `dayfly.toml`.

use std::path::Path;

use anyhow::ensure;
use harness::{App, Dayfly, Options};

use crate::local::write;

/// A web application that needs its database, in the ways that compose files have for that.
const PROJECT: &str = r#"
services:
  web:
    build: .
    entrypoint: ["python3", "-u"]
    command: /app/probe.py
    working_dir: /app
    user: "1000:1000"
    ports: ["8080:8080"]
    environment:
      DATABASE_URL: postgres://shop:secret@db/shop
      GREETING: ${NAME:-nobody}
    env_file: more.env
    depends_on: {db: {condition: service_healthy}}
    healthcheck:
      test: [CMD, python3, -c, "import socket; socket.create_connection(('127.0.0.1', 8080))"]
  db:
    image: postgres:15
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: secret, POSTGRES_DB: shop}
    healthcheck: {test: pg_isready -h 127.0.0.1 -U shop, timeout: 5s}
"#;

fn project() -> App {
    App::probe("hello")
        .without("dayfly.toml")
        .with("compose.yaml", PROJECT)
        .with(".env", "NAME=ann\n")
        .with("more.env", "MORE=\"a b\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_with_a_compose_file_serves_as_it_is() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, web) = dayfly.open_live("change", &project()).await?;
        ensure!(web.text("/").await? == "hello");
        let environment: serde_json::Value =
            serde_json::from_str(&web.text("/environment").await?)?;
        ensure!(environment["GREETING"] == "ann" && environment["MORE"] == "a b");
        ensure!(environment["PORT"] == "8080" && environment["PWD"].as_str() != Some("/"));
        let found = web.text("/reach?host=db&port=5432").await?;
        ensure!(found == "open", "the database: {found}");
        // What the application asks its database for is an answer, and no failed log-in.
        let tables = web.get("/notes").await?;
        ensure!(tables.status == 500, "{tables:?}");
        ensure!(
            tables.body.contains("relation \"notes\" does not exist"),
            "{tables:?}"
        );
        let preview = dayfly.api.preview(&pull.id).await?;
        let db = preview.services.iter().find(|one| one["name"] == "db");
        ensure!(db.is_some_and(|db| db["url"].is_null()), "{preview:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_that_fails_is_the_reason_of_the_failure() -> anyhow::Result<()> {
    let options = Options {
        start_seconds_max: 4,
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let text = "services:\n  web:\n    build: .\n    healthcheck: {test: exit 3}\n";
        let app = App::probe("hello")
            .without("dayfly.toml")
            .with("compose.yaml", text);
        let pull = dayfly.open("change", &app).await?;
        let preview = dayfly.phase(&pull.id, "failed").await?;
        let why = format!("{preview:?}");
        ensure!(why.contains("its health check exits with 3"), "{why}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_is_checked_without_a_server() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let home = tempfile::tempdir()?;
        let folder = home.path();
        write(folder, &project())?;
        let check = async |folder: &Path| dayfly.command(folder, &["config", "check"]).await;
        let said = check(folder).await?.printed()?;
        for words in [
            "service web",
            "the preview's own URL",
            "service db",
            "Dayfly can preview this: 2 services, 1 URL, 0 databases.",
        ] {
            ensure!(said.contains(words), "{words} in {said}");
        }
        let json = dayfly
            .command(folder, &["config", "check", "--json"])
            .await?;
        let json: serde_json::Value = serde_json::from_str(&json.printed()?)?;
        ensure!(json["blueprint"]["services"][0]["name"] == "web", "{json}");

        let refused = "services:\n  web:\n    build: .\n    privileged: true\n";
        std::fs::write(folder.join("compose.yaml"), refused)?;
        let answer = check(folder).await?;
        ensure!(!answer.success, "{answer:?}");
        ensure!(
            answer
                .stderr
                .contains("compose.yaml:4: `privileged` is not allowed"),
            "{answer:?}"
        );
        Ok(())
    })
    .await
}
