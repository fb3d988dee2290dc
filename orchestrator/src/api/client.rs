//! The command line's end of the API: HTTP over the server's Unix socket.
//!
//! Each call opens its own connection, so a restart of the server needs no special handling.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, BodyStream, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::Health;
use crate::config::api_socket;

/// Time limit for the start of an answer; the server holds a long poll for at most a minute.
const ANSWER_DEADLINE: Duration = Duration::from_secs(90);
/// Time limit for an upload, including the server's processing.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// Time limit for an import, which the server finishes before it answers.
const IMPORT_DEADLINE: Duration = Duration::from_secs(6 * 60 * 60);
/// The largest JSON answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No server listens on the socket.
    #[error(
        "no server answers on {}: start one with `dayfly serve --config FILE`, or with `dayfly serve --local` \
         for checkouts alone",
        socket.display()
    )]
    NoServer {
        /// The path of the socket.
        socket: PathBuf,
    },
    /// The socket exists but cannot be used, or its path is too long for a socket address.
    #[error("cannot open {}: {cause}", socket.display())]
    Closed {
        /// The path of the socket.
        socket: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// The server refused the request.
    #[error("{detail}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// The server's message.
        detail: String,
    },
    /// The connection broke, or the answer cannot be read.
    #[error("the connection to the server failed: {0}")]
    Broken(String),
    /// No answer in time.
    #[error("the server did not answer within {} s", .0.as_secs())]
    Late(Duration),
}

/// An error answer of the server.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

type Body = BoxBody<Bytes, io::Error>;

/// A client of the server of a data directory.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client of the server that runs on `data`. Nothing is connected yet.
    pub fn new(data: &Path) -> Self {
        let socket = api_socket(data);
        Self { socket }
    }

    /// The path of the server's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The health of the server, if one answers.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/healthz").await
    }

    /// Sends a GET request.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.json(Method::GET, path, empty()).await
    }

    /// Sends a DELETE request.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.json(Method::DELETE, path, empty()).await
    }

    /// Sends a POST request with a JSON body.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let text = serde_json::to_vec(body).map_err(|e| ClientError::Broken(e.to_string()))?;
        let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
        self.json(Method::POST, path, body.boxed()).await
    }

    /// Sends a stream in a PUT request.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    ) -> Result<T, ClientError> {
        self.put_within(UPLOAD_DEADLINE, path, pieces).await
    }

    /// Like [`Client::put`], with a longer time limit for imports.
    pub async fn import<T: DeserializeOwned>(
        &self,
        path: &str,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    ) -> Result<T, ClientError> {
        self.put_within(IMPORT_DEADLINE, path, pieces).await
    }

    async fn put_within<T: DeserializeOwned>(
        &self,
        deadline: Duration,
        path: &str,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    ) -> Result<T, ClientError> {
        let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data)));
        let sent = self.send(Method::PUT, path, BoxBody::new(body));
        let response = within(deadline, sent).await?;
        read(response).await
    }

    /// Sends a GET request whose answer arrives piece by piece.
    pub async fn stream(
        &self,
        path: &str,
    ) -> Result<impl Stream<Item = Result<Bytes, ClientError>> + Send + use<>, ClientError> {
        // No time limit: the answer to a follower may start much later.
        let response = self.send(Method::GET, path, empty()).await?;
        let response = refuse(response).await?;
        let frames = BodyStream::new(response.into_body());
        Ok(frames.filter_map(|frame| {
            std::future::ready(match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(ClientError::Broken(error.to_string()))),
            })
        }))
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, ClientError> {
        let response = within(ANSWER_DEADLINE, self.send(method, path, body)).await?;
        read(response).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Response<Incoming>, ClientError> {
        let stream = self.connect().await?;
        let broken = |error: hyper::Error| ClientError::Broken(error.to_string());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // Ends with the answer, which also reports the connection's errors.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "dayfly")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| ClientError::Broken(error.to_string()))?;
        sender.send_request(request).await.map_err(broken)
    }

    async fn connect(&self) -> Result<UnixStream, ClientError> {
        let socket = self.socket.clone();
        UnixStream::connect(&self.socket)
            .await
            .map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    ClientError::NoServer { socket }
                }
                _ => ClientError::Closed { socket, cause },
            })
    }
}

/// Percent-encodes a part of a path or a query, so that it contains no separator.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn empty() -> Body {
    let nothing = http_body_util::Empty::new();
    nothing.map_err(|never| match never {}).boxed()
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::time::timeout(limit, call)
        .await
        .unwrap_or(Err(ClientError::Late(limit)))
}

/// Turns an error answer into an error with the server's message.
async fn refuse(response: Response<Incoming>) -> Result<Response<Incoming>, ClientError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = collect(response).await?;
    let detail = match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => problem.detail,
        Err(_) => format!("the server answered {status}"),
    };
    Err(ClientError::Refused { status, detail })
}

async fn read<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, ClientError> {
    let body = collect(refuse(response).await?).await?;
    serde_json::from_slice(&body).map_err(|error| {
        ClientError::Broken(format!(
            "cannot read its answer ({error}); does it run another version?"
        ))
    })
}

async fn collect(response: Response<Incoming>) -> Result<Bytes, ClientError> {
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect();
    let body = within(ANSWER_DEADLINE, async {
        body.await
            .map_err(|error| ClientError::Broken(error.to_string()))
    });
    Ok(body.await?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_quoted_word_is_taken_for_a_separator() {
        assert_eq!(quoted("/a b&c=ü?#%"), "%2Fa%20b%26c%3D%C3%BC%3F%23%25");
        assert_eq!(quoted("web-1_x.y~z"), "web-1_x.y~z");
    }
}
