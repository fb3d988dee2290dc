//! The API, as anybody would use it who can open its socket.

use std::path::PathBuf;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::UnixStream;

use super::http::{Answer, exchange};

/// A preview as the API tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Preview {
    /// Its id.
    pub id: String,
    /// Its phase, as a word.
    pub phase: String,
    /// The commit that should serve.
    pub commit: Option<String>,
    /// The commit that serves.
    pub serving_commit: Option<String>,
    /// Where it is visited.
    pub url: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// What it waits for.
    pub waiting_for: Option<String>,
    /// Why it does not serve.
    pub diagnosis: Option<Value>,
    /// Why it ended.
    pub ending: Option<Value>,
    /// Its services.
    pub services: Vec<Value>,
    /// Its databases.
    pub databases: Vec<Value>,
}

impl Preview {
    /// Its address.
    ///
    /// # Errors
    /// Where it has none.
    pub fn url(&self) -> anyhow::Result<&str> {
        self.url
            .as_deref()
            .with_context(|| format!("{} has no address", self.id))
    }

    /// Why it ended, as a word.
    pub fn ended(&self) -> String {
        let word = self.ending.as_ref().and_then(Value::as_str);
        word.unwrap_or_default().to_ascii_lowercase()
    }

    /// All that its diagnosis says, as one text.
    pub fn diagnosed(&self) -> String {
        self.diagnosis
            .as_ref()
            .map_or_else(String::new, Value::to_string)
    }
}

/// A client of the socket in a data directory.
#[derive(Clone, Debug)]
pub struct Api {
    socket: PathBuf,
}

impl Api {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Sends a request; a body is JSON.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.send_bytes(method, path, bytes).await
    }

    /// Sends a request with any body.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn send_bytes(
        &self,
        method: Method,
        path: &str,
        bytes: Bytes,
    ) -> anyhow::Result<Answer> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .context("the API does not answer")?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "dayfly")
            .header("content-type", "application/json")
            .body(Full::new(bytes))?;
        exchange(stream, request).await
    }

    /// Reads something; an error unless it is there.
    ///
    /// # Errors
    /// Where the answer is another one than 200 with JSON.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.send(Method::GET, path, None).await?;
        anyhow::ensure!(
            answer.status.is_success(),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        answer.json()
    }

    /// A preview.
    ///
    /// # Errors
    /// Where there is none of that id.
    pub async fn preview(&self, id: &str) -> anyhow::Result<Preview> {
        let value = self.get(&format!("/api/v1/previews/{id}")).await?;
        serde_json::from_value(value).context("a preview has another form")
    }

    /// All previews.
    ///
    /// # Errors
    /// Where the API does not answer.
    pub async fn previews(&self) -> anyhow::Result<Vec<Preview>> {
        let value = self.get("/api/v1/previews").await?;
        serde_json::from_value(value).context("the list of previews has another form")
    }
}
