//! One request over a connection of its own.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long one answer may take, body included. Longer than the Gate holds a request.
const ANSWER_DEADLINE: Duration = Duration::from_secs(40);
/// The largest body, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The head.
    pub headers: HeaderMap,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// Its JSON.
    ///
    /// # Errors
    /// Where the body is none.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        serde_json::from_str(&self.body)
            .with_context(|| format!("{}: {:?} is no JSON", self.status, self.body))
    }
}

/// Sends a request and reads the whole answer.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Answer> {
    let talk = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let answer = async {
            let (head, body) = response?.into_parts();
            let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
            let body = body
                .map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?
                .to_bytes();
            let body = String::from_utf8_lossy(&body).into_owned();
            anyhow::Ok(Answer {
                status: head.status,
                headers: head.headers,
                body,
            })
        };
        let answer = answer.await;
        driver.abort();
        answer
    };
    tokio::time::timeout(ANSWER_DEADLINE, talk)
        .await
        .context("no answer in time")?
}
