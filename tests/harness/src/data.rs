//! What people do with the data of previews.

use std::time::Duration;

use anyhow::Context as _;
use http::Method;
use serde_json::{Value, json};

use super::{
    api::Preview,
    dayfly::Dayfly,
    engine::Docker,
    wait::{eventually, eventually_within},
};

/// How long data may take that are made from nothing.
const SEED_DEADLINE: Duration = Duration::from_secs(180);

impl Dayfly {
    /// Asks for something that is taken of a preview, or done to it; answers the preview that comes
    /// of it, as it is then.
    ///
    /// # Errors
    /// With the server's sentence, where it says no.
    pub async fn ask(&self, path: &str, body: &Value) -> anyhow::Result<Preview> {
        let answer = self.api.send(Method::POST, path, Some(body)).await?;
        anyhow::ensure!(
            answer.status.is_success(),
            "{} {}",
            answer.status,
            answer.body
        );
        serde_json::from_value(answer.json()?).context("a preview has another form")
    }

    /// Branches a preview and waits until the copy is live.
    ///
    /// # Errors
    /// Where it is refused or does not come.
    pub async fn fork(&self, id: &str) -> anyhow::Result<Preview> {
        let path = format!("/api/v1/previews/{id}/forks");
        let fork = self.ask(&path, &json!({})).await?;
        self.settled(&fork.id, "live").await
    }

    /// Freezes a preview and waits until the copy is whole.
    ///
    /// # Errors
    /// Where it is refused or does not come.
    pub async fn capture(&self, id: &str) -> anyhow::Result<Preview> {
        self.capture_as(id, &json!({ "note": "as it was" })).await
    }

    /// The same, as it is asked for.
    ///
    /// # Errors
    /// Where it is refused or does not come.
    pub async fn capture_as(&self, id: &str, asked: &Value) -> anyhow::Result<Preview> {
        let path = format!("/api/v1/previews/{id}/captures");
        let capture = self.ask(&path, asked).await?;
        self.settled(&capture.id, "captured").await
    }

    /// Goes back to what served before, and waits until it serves.
    ///
    /// # Errors
    /// Where it is refused or does not come.
    pub async fn undo(&self, id: &str) -> anyhow::Result<Preview> {
        let path = format!("/api/v1/previews/{id}/undo");
        self.ask(&path, &json!({})).await?;
        self.settled(id, "live").await
    }

    /// Starts all databases again from their seeds, and waits until they serve.
    ///
    /// # Errors
    /// Where it is refused or does not come.
    pub async fn reset(&self, id: &str) -> anyhow::Result<Preview> {
        let path = format!("/api/v1/previews/{id}/reset");
        self.ask(&path, &json!({})).await?;
        self.settled(id, "live").await
    }

    /// Makes a database without a pull request, and waits until it answers.
    ///
    /// # Errors
    /// Where it is refused or does not come.
    pub async fn database(&self, engine: &str, snapshot: Option<&str>) -> anyhow::Result<Preview> {
        let body = json!({ "engine": engine, "snapshot": snapshot });
        let made = self.ask("/api/v1/databases", &body).await?;
        self.settled(&made.id, "live").await
    }

    /// Keeps a database's data under a name.
    ///
    /// # Errors
    /// Where it is refused.
    pub async fn save(&self, id: &str, database: &str, name: &str) -> anyhow::Result<Value> {
        let body = json!({
            "preview": id, "database": database, "name": name, "holds": "synthetic", "owner": "ada",
        });
        let answer = self
            .api
            .send(Method::POST, "/api/v1/snapshots", Some(&body))
            .await?;
        anyhow::ensure!(answer.status == 201, "{} {}", answer.status, answer.body);
        answer.json()
    }

    /// Removes a preview and waits until nothing is left of it.
    ///
    /// # Errors
    /// Where something is.
    pub async fn remove(&self, id: &str) -> anyhow::Result<()> {
        let path = format!("/api/v1/previews/{id}");
        self.api.send(Method::DELETE, &path, None).await?;
        self.gone(id).await.map(drop)
    }

    /// Waits until a preview is in a phase; a failure ends the wait.
    ///
    /// # Errors
    /// Where it fails or does not come there.
    pub async fn settled(&self, id: &str, phase: &str) -> anyhow::Result<Preview> {
        let what = format!("{id} {phase}");
        let settled = eventually_within(SEED_DEADLINE, &what, async || {
            let preview = self.api.preview(id).await?;
            let settled = [phase, "failed", "gone"].contains(&preview.phase.as_str());
            anyhow::ensure!(settled, "{preview:?}");
            Ok(preview)
        })
        .await?;
        anyhow::ensure!(settled.phase == phase, "{id}: {}", settled.diagnosed());
        Ok(settled)
    }

    /// How one reaches a database of a preview.
    ///
    /// # Errors
    /// Where it does not run.
    pub async fn reach(&self, id: &str, database: &str) -> anyhow::Result<Value> {
        self.api
            .get(&format!("/api/v1/previews/{id}/databases/{database}"))
            .await
    }

    /// What a database's own client prints for a statement.
    ///
    /// # Errors
    /// With what it says, where the statement fails.
    pub async fn query(&self, id: &str, database: &str, words: &[&str]) -> anyhow::Result<String> {
        let reach = self.reach(id, database).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().map(text).collect()
        };
        let mut arguments = vec!["exec".to_owned()];
        for variable in list(&reach["env"]) {
            arguments.extend(["--env".to_owned(), variable]);
        }
        arguments.push(text(&reach["container"]));
        arguments.extend(list(&reach["client"]));
        arguments.extend(words.iter().map(|&word| word.to_owned()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(Docker::run(&arguments).await?.trim().to_owned())
    }

    /// A value that Postgres answers.
    ///
    /// # Errors
    /// As [`Dayfly::query`].
    pub async fn sql(&self, id: &str, database: &str, statement: &str) -> anyhow::Result<String> {
        let words = ["-v", "ON_ERROR_STOP=1", "-qAt", "-c", statement];
        self.query(id, database, &words).await
    }

    /// The first column of the first row that Postgres answers to a client of an application: over
    /// TCP, with the database's password.
    ///
    /// # Errors
    /// Where it cannot be reached, does not let that client in, or has no such row.
    pub async fn first_value(&self, id: &str, statement: &str) -> anyhow::Result<String> {
        let reach = self.reach(id, "-").await?;
        let address = reach["address"].as_str().context("no address")?;
        let url = reach["url"].as_str().context("no URL")?;
        let url = url.replace("HOST:PORT", address);
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
        let carried = tokio::spawn(connection);
        let messages = client.simple_query(statement).await?;
        drop(client);
        carried.await??;
        let row = messages.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(row.context("no row")?.to_owned())
    }

    /// Directories of databases in the pool, such as `shop-1/g1/main`.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn data_directories(&self) -> anyhow::Result<Vec<String>> {
        let root = self.data().join("pool/previews");
        let mut found = Vec::new();
        let entries = |path: &std::path::Path| -> Vec<std::path::PathBuf> {
            let read = std::fs::read_dir(path).into_iter().flatten();
            read.flatten().map(|entry| entry.path()).collect()
        };
        for preview in entries(&root) {
            for generation in entries(&preview) {
                for database in entries(&generation) {
                    let name = database.strip_prefix(&root)?.display().to_string();
                    found.push(name);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Waits until just these directories are in the pool.
    ///
    /// # Errors
    /// Where others are.
    pub async fn only_data(&self, wanted: &[&str]) -> anyhow::Result<()> {
        eventually(&format!("only {wanted:?} in the pool"), async || {
            let found = self.data_directories()?;
            anyhow::ensure!(found == wanted, "{found:?}");
            Ok(())
        })
        .await
    }
}
