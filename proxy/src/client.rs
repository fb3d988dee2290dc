//! The control plane's end of the control socket.

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

/// For a request that only reads.
const QUICK: Duration = Duration::from_secs(5);
/// For a table to reach the disk.
const STORE: Duration = Duration::from_secs(30);

/// Speaks with a proxy over the control socket in its directory. Each call is a connection of its
/// own, so it holds no state and a restarted proxy needs nothing.
#[derive(Clone, Debug)]
pub struct ControlClient {
    socket: PathBuf,
}

/// Who the proxy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of this crate it was built with.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// The user it runs as.
    pub uid: u32,
    /// Where visitors come in, with real ports.
    pub listen: Vec<SocketAddr>,
    /// The scheme that visitors use; empty for a proxy that does not tell.
    #[serde(default)]
    pub scheme: String,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Requests and streams that were still open at the deadline and were cut.
    pub cut: u64,
}

/// Why the proxy did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody answers on its socket: it is not there, or has just died.
    #[error("reach the proxy at {socket:?}: {source}; is it running?")]
    Unreachable {
        /// Where.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke before the answer was complete. Whether it was done is not known; every
    /// control request may be repeated.
    #[error("hear from the proxy: {0}")]
    Broken(#[from] hyper::Error),
    /// No answer in time.
    #[error("hear from the proxy within {0:?}")]
    Late(Duration),
    /// It says no.
    #[error("have the proxy do it: {status}: {why}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// Its words.
        why: String,
    },
    /// Its answer, or our own request, cannot be put in words.
    #[error("understand the proxy: {0}")]
    Words(#[from] serde_json::Error),
}

/// What to drain.
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
    /// A client of the proxy that runs in `dir`. Nothing is connected yet.
    pub fn new(dir: &Path) -> Self {
        Self {
            socket: dir.join(CONTROL_SOCKET),
        }
    }

    /// Who the proxy is; also the way to find out whether it is there.
    pub async fn about(&self) -> Result<About, ControlError> {
        self.call(Method::GET, paths::ABOUT, Bytes::new(), QUICK)
            .await
    }

    /// Puts a table in use. Returns when new requests are routed by it *and* it is on disk.
    /// Repeating it is harmless.
    pub async fn put_table(&self, table: &RouteTable) -> Result<(), ControlError> {
        let text = serde_json::to_vec(table)?;
        self.call(Method::PUT, paths::TABLE, text.into(), STORE)
            .await
    }

    /// The table in use, if one ever came.
    pub async fn table(&self) -> Result<Option<RouteTable>, ControlError> {
        self.call(Method::GET, paths::TABLE, Bytes::new(), QUICK)
            .await
    }

    /// What is going on, by key: all keys in the table, and others until they are quiet.
    pub async fn activity(&self) -> Result<Activity, ControlError> {
        self.call(Method::GET, paths::ACTIVITY, Bytes::new(), QUICK)
            .await
    }

    /// Waits until nothing is open under `key`, for `deadline` (an hour at most); then cuts what is
    /// left. Swap to a table without the key first: requests that come while it is drained are
    /// waited for like all others. Requests that the Gate holds are not waited for.
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

    /// Completes when the proxy stops or dies. An error means that it was not there to begin with.
    pub async fn watch(&self) -> Result<(), ControlError> {
        let sending = self.send(Method::GET, paths::WATCH, Bytes::new());
        let mut response = timeout(QUICK, sending)
            .await
            .map_err(|_| ControlError::Late(QUICK))??;
        // An end and a break are the same news.
        while let Some(Ok(_)) = response.body_mut().frame().await {}
        Ok(())
    }

    /// Stops the proxy: it takes no new connection, lets open requests end, and goes.
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
        // It ends with the response, or with the sender.
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
