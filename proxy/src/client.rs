//! The control plane's client for the control socket.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, time::timeout};

use crate::{
    directory::CONTROL_SOCKET,
    table::{Activity, RouteTable},
    table_file::TABLE_BYTES_MAX,
};

/// Timeout of a request that only reads.
const QUICK: Duration = Duration::from_secs(5);
/// Timeout of a request that writes a table to disk.
const STORE: Duration = Duration::from_secs(30);

/// Talks to a proxy over the control socket in its directory. Each call opens its own connection,
/// so the client holds no state and survives a restart of the proxy.
#[derive(Clone, Debug)]
pub struct ControlClient {
    socket: PathBuf,
}

/// Identifies a running proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of this crate it was built with.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The user it runs as.
    pub uid: u32,
    /// The public addresses it listens on, with real ports.
    pub listen: Vec<SocketAddr>,
    /// The scheme that visitors use; empty if the proxy does not report one.
    #[serde(default)]
    pub scheme: String,
}

/// The result of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Requests and streams that were still open at the deadline and were cut.
    pub cut: u64,
}

/// Why a control request failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nothing accepts connections on the socket: no proxy runs there, or it has just crashed.
    #[error("reach the proxy at {socket:?}: {source}; is it running?")]
    Unreachable {
        /// The control socket.
        socket: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The connection broke before the answer was complete, so the outcome is unknown. Every
    /// control request may be repeated.
    #[error("read the proxy's answer: {0}")]
    Broken(#[from] hyper::Error),
    /// The proxy did not answer in time.
    #[error("get an answer from the proxy within {0:?}")]
    Late(Duration),
    /// The proxy refused the request.
    #[error("run a control request on the proxy: {status}: {why}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// The proxy's explanation.
        why: String,
    },
    /// The request could not be encoded, or the answer could not be decoded.
    #[error("encode the request or decode the proxy's answer: {0}")]
    Words(#[from] serde_json::Error),
}

/// The body of a drain request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Drain {
    pub(crate) key: String,
    pub(crate) deadline_ms: u64,
}

/// Paths on the control socket.
pub(crate) mod paths {
    pub(crate) const ABOUT: &str = "/about";
    pub(crate) const ACTIVITY: &str = "/activity";
    pub(crate) const TABLE: &str = "/table";
    pub(crate) const DRAIN: &str = "/drain";
    pub(crate) const WATCH: &str = "/watch";
    pub(crate) const STOP: &str = "/stop";
}

impl ControlClient {
    /// A client of the proxy that runs in `dir`. It does not connect yet.
    pub fn new(dir: &Path) -> Self {
        Self {
            socket: dir.join(CONTROL_SOCKET),
        }
    }

    /// Asks the proxy to identify itself; also the way to check whether it runs.
    pub async fn about(&self) -> Result<About, ControlError> {
        self.call(Method::GET, paths::ABOUT, Bytes::new(), QUICK)
            .await
    }

    /// Activates a table. Returns when new requests are routed by it *and* it is on disk.
    /// Idempotent.
    pub async fn put_table(&self, table: &RouteTable) -> Result<(), ControlError> {
        let text = serde_json::to_vec(table)?;
        self.call(Method::PUT, paths::TABLE, text.into(), STORE)
            .await
    }

    /// The active table; `None` until the first one arrives.
    pub async fn table(&self) -> Result<Option<RouteTable>, ControlError> {
        self.call(Method::GET, paths::TABLE, Bytes::new(), QUICK)
            .await
    }

    /// Activity by key: all keys in the table, and removed keys until they are idle.
    pub async fn activity(&self) -> Result<Activity, ControlError> {
        self.call(Method::GET, paths::ACTIVITY, Bytes::new(), QUICK)
            .await
    }

    /// Waits up to `deadline` (at most an hour) until nothing is open under `key`, then cuts the
    /// rest. Swap to a table without the key first: the drain also waits for requests that arrive
    /// while it runs. It does not wait for requests that the Gate holds.
    pub async fn drain(&self, key: &str, deadline: Duration) -> Result<Drained, ControlError> {
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        let text = serde_json::to_vec(&Drain {
            key: key.to_owned(),
            deadline_ms,
        })?;
        let within = deadline.saturating_add(QUICK);
        self.call(Method::POST, paths::DRAIN, text.into(), within)
            .await
    }

    /// Completes when the proxy stops or crashes. An error means that no proxy was running.
    pub async fn watch(&self) -> Result<(), ControlError> {
        let sending = self.send(Method::GET, paths::WATCH, Bytes::new());
        let mut response = timeout(QUICK, sending)
            .await
            .map_err(|_| ControlError::Late(QUICK))??;
        // A clean end and a broken connection both mean that the proxy is gone.
        while let Some(Ok(_)) = response.body_mut().frame().await {}
        Ok(())
    }

    /// Stops the proxy: it accepts no new connections, finishes open requests and exits.
    pub async fn stop(&self) -> Result<(), ControlError> {
        self.call(Method::POST, paths::STOP, Bytes::new(), QUICK)
            .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
        within: Duration,
    ) -> Result<T, ControlError> {
        let exchange = async {
            let response = self.send(method, path, body).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), TABLE_BYTES_MAX)
                .collect()
                .await;
            let body = body
                .map_err(|e| ControlError::Refused {
                    status,
                    why: e.to_string(),
                })?
                .to_bytes();
            if status.is_success() {
                return Ok(serde_json::from_slice(&body)?);
            }
            let why = String::from_utf8_lossy(&body).into_owned();
            Err(ControlError::Refused { status, why })
        };
        timeout(within, exchange)
            .await
            .map_err(|_| ControlError::Late(within))?
    }

    async fn send(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
    ) -> Result<Response<Incoming>, ControlError> {
        let unreachable = |source| ControlError::Unreachable {
            socket: self.socket.clone(),
            source,
        };
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(unreachable)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The connection task ends with the response, or when the sender is dropped.
        tokio::spawn(connection);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = http::Uri::from_static(path);
        request
            .headers_mut()
            .insert(header::HOST, HeaderValue::from_static("proxy"));
        Ok(sender.send_request(request).await?)
    }
}
