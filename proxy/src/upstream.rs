//! Sends one request to an upstream, on an idle connection or a new one.

use std::{fmt, io, sync::Arc, time::Duration};

use http::{HeaderMap, Method, Request, Response, Uri};
use http_body::Body;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Limits,
    key::Key,
    lease::Lease,
    link::{Link, LinkSocket},
    pool::{Connection, Target},
    request_body::{BodyError, RequestBody},
};

/// Why there is no response.
#[derive(thiserror::Error)]
pub(crate) enum SendError {
    /// The connection failed; the request is untouched.
    #[error("connect: {1}")]
    Connect(Box<Request<RequestBody>>, io::Error),
    /// No response head arrived although nothing has moved for this long.
    #[error("get a response head within {0:?}")]
    Late(Duration),
    /// The visitor's body was cut off or is malformed.
    #[error("read the visitor's body: {0}")]
    Visitor(hyper::Error),
    /// The visitor's body stalled for this long.
    #[error("read more of the visitor's body within {0:?}")]
    Still(Duration),
    /// The response head is larger than the limit.
    #[error("read a response head of this size: {0}")]
    TooLarge(hyper::Error),
    /// The upstream closed the connection, or its answer is not HTTP.
    #[error("read a complete response: {0}")]
    Broken(hyper::Error),
}

// Uses the message only, since the request inside must not reach a log.
impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sends a request and waits for the response head as long as bytes move, plus `head_within`.
///
/// Only a repeatable request uses an idle connection, which the server may be about to close. If
/// that happens, the request is sent again on a new connection. Every other request gets a new
/// connection from the start.
pub(crate) async fn send(
    key: &Arc<Key>,
    target: &Target,
    request: Request<RequestBody>,
    head_within: Duration,
    limits: &Limits,
) -> Result<(Response<Incoming>, Lease), SendError> {
    let mut request = request;
    if let Some(spare) = Spare::of(&request)
        && let Some(connection) = key.pool.take_connection(target, limits.upstream_idle)
    {
        match ask(key, target, connection, request, head_within).await {
            Err(SendError::Broken(error)) if !error.is_parse() => {}
            answered => return answered,
        }
        request = spare.into_request();
    }
    match connect(target, key.cut_token(), limits).await {
        Ok(connection) => ask(key, target, connection, request, head_within).await,
        Err(error) => Err(SendError::Connect(Box::new(request), error)),
    }
}

async fn ask(
    key: &Arc<Key>,
    target: &Target,
    mut connection: Connection,
    request: Request<RequestBody>,
    head_within: Duration,
) -> Result<(Response<Incoming>, Lease), SendError> {
    let upload = request.body().progress();
    let link = Arc::clone(&connection.link);
    link.begin(upload.as_ref());
    let answer = tokio::select! {
        answer = connection.sender.send_request(request) => answer,
        () = link.stands_still(upload.as_ref(), head_within) => return Err(SendError::Late(head_within)),
    };
    let response = answer.map_err(broken)?;
    let lease = Lease::new(Arc::clone(key), target.clone(), connection, upload);
    Ok((response, lease))
}

fn broken(error: hyper::Error) -> SendError {
    let source = std::error::Error::source(&error);
    match source.and_then(|source| source.downcast_ref::<BodyError>()) {
        Some(BodyError::Still(limit)) => SendError::Still(*limit),
        Some(BodyError::Broken(_)) => SendError::Visitor(error),
        None if error.is_parse_too_large() => SendError::TooLarge(error),
        None => SendError::Broken(error),
    }
}

/// The parts needed to send a request again.
struct Spare {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Spare {
    fn of(request: &Request<RequestBody>) -> Option<Self> {
        let harmless = request.method().is_idempotent() && request.body().is_end_stream();
        harmless.then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    fn into_request(self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::Empty);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

async fn connect(
    target: &Target,
    cut: CancellationToken,
    limits: &Limits,
) -> io::Result<Connection> {
    let connecting = async {
        match target {
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // Small frames (gRPC, WebSocket) must not wait for acknowledgements.
                stream.set_nodelay(true)?;
                open(stream, cut, limits).await
            }
            Target::Unix(path) => open(UnixStream::connect(path).await?, cut, limits).await,
        }
    };
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "timed out while connecting");
    timeout(limits.upstream_connect, connecting)
        .await
        .map_err(late)?
}

async fn open<S>(stream: S, cut: CancellationToken, limits: &Limits) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let link = Arc::<Link>::default();
    let socket = LinkSocket::new(stream, Arc::clone(&link));
    let opened = http1::Builder::new()
        .max_headers(limits.head_lines_max)
        .max_header_size(limits.head_bytes_max)
        .handshake(TokioIo::new(socket))
        .await;
    let (sender, connection) = opened.map_err(io::Error::other)?;
    let closed = link.cut.clone();
    tokio::spawn(async move {
        tokio::select! {
            // The request in flight gets the error through its own future.
            _ended = connection.with_upgrades() => {}
            () = cut.cancelled() => {}
            () = closed.cancelled() => {}
        }
    });
    Ok(Connection { sender, link })
}
