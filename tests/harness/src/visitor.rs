//! A visitor: plain HTTP to the proxy's address, with a preview's host in the head.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use tokio::net::TcpStream;

use super::http::{Answer, exchange};

/// Somebody before one host.
#[derive(Clone, Debug)]
pub struct Visitor {
    proxy: SocketAddr,
    authority: String,
    cookie: Option<String>,
}

impl Visitor {
    /// Somebody who opens an address, path and query left out.
    pub fn new(proxy: SocketAddr, url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or(rest).to_owned();
        Self {
            proxy,
            authority,
            cookie: None,
        }
    }

    /// The same with a cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: &str) -> Self {
        self.cookie = Some(cookie.to_owned());
        self
    }

    /// Host and port as in the address bar.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Asks for a page, as a program would.
    ///
    /// # Errors
    /// Where the connection fails; so with the others.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, "", &[]).await
    }

    /// Asks for a page, as a browser does that navigates.
    ///
    /// # Errors
    /// Where the connection fails.
    pub async fn browse(&self, path: &str) -> anyhow::Result<Answer> {
        let navigates = [("sec-fetch-mode", "navigate"), ("accept", "text/html")];
        self.send(Method::GET, path, "", &navigates).await
    }

    /// The text of a page that has to be there.
    ///
    /// # Errors
    /// Where it is answered by anything but a success.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.get(path).await?;
        let status = answer.status;
        anyhow::ensure!(
            status.is_success(),
            "{}{path}: {status} {}",
            self.authority,
            answer.body
        );
        Ok(answer.body)
    }

    /// What the application that keeps notes has.
    ///
    /// # Errors
    /// Where it does not say.
    pub async fn notes(&self) -> anyhow::Result<Vec<String>> {
        Ok(serde_json::from_str(&self.text("/notes").await?)?)
    }

    /// Leaves a note there.
    ///
    /// # Errors
    /// Where it is not taken.
    pub async fn note(&self, text: &str) -> anyhow::Result<()> {
        let answer = self.post("/notes", text).await?;
        anyhow::ensure!(answer.status == 201, "{answer:?}");
        Ok(())
    }

    /// Sends a text.
    ///
    /// # Errors
    /// Where the connection fails.
    pub async fn post(&self, path: &str, text: &str) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, text, &[]).await
    }

    /// Sends anything.
    ///
    /// # Errors
    /// Where the connection fails.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let stream = TcpStream::connect(self.proxy).await?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        exchange(
            stream,
            request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?,
        )
        .await
    }
}
