//! A visitor: plain HTTP to the proxy's address, with the preview's host in the header.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long one visit may take.
const VISIT_DEADLINE: Duration = Duration::from_secs(40);
/// The largest page, in bytes.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The answer to a visit.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

/// A visitor of one preview.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) proxy: SocketAddr,
    /// Host and port as in the address bar.
    pub(super) authority: String,
}

impl Visitor {
    /// Asks for a page.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Page> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Sends a form.
    pub(super) async fn post(&self, path: &str, form: &str) -> anyhow::Result<Page> {
        self.send(Method::POST, path, Bytes::copy_from_slice(form.as_bytes()))
            .await
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Page> {
        let exchange = self.exchange(method, path, body);
        tokio::time::timeout(VISIT_DEADLINE, exchange)
            .await
            .with_context(|| format!("{}{path} did not answer", self.authority))?
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Page> {
        let stream = TcpStream::connect(self.proxy).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(body))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), PAGE_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!("{error}"))?
            .to_bytes();
        driver.abort();
        Ok(Page {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}
