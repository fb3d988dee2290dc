//! Sends one request to an upstream, on a waiting connection or a new one.

use std::{fmt, io, sync::Arc, time::Duration};

use http::{HeaderMap, Method, Request, Response, Uri};
use http_body::Body;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{Limits, key::Key, lease::Lease, pool::Target, request_body::RequestBody};

/// What came of it, when it was no response.
#[derive(thiserror::Error)]
pub(crate) enum SendError {
    /// No connection; the request is untouched.
    #[error("connect: {1}")]
    Connect(Box<Request<RequestBody>>, io::Error),
    /// No response head in time.
    #[error("hear an answer in time")]
    Late,
    /// The visitor's body broke off or was not plain.
    #[error("read the visitor's body: {0}")]
    Visitor(hyper::Error),
    /// The upstream closed, or answered something that is not HTTP.
    #[error("hear a complete answer: {0}")]
    Broken(hyper::Error),
}

// By its words, since the request it may carry must not get into a log.
impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sends a request. It is sent a second time, on a fresh connection, only where a waiting
/// connection turned out to be closed, and either not a byte of it went out or repeating it is
/// harmless by its method and it has no body.
pub(crate) async fn send(
    key: &Arc<Key>,
    target: &Target,
    request: Request<RequestBody>,
    head_within: Duration,
    limits: &Limits,
) -> Result<(Response<Incoming>, Lease), SendError> {
    let mut request = request;
    if let Some(mut sender) = key.pool.take_connection(target, limits.upstream_idle) {
        let spare = Spare::of(&request);
        let Ok(answer) = timeout(head_within, sender.try_send_request(request)).await else {
            return Err(SendError::Late);
        };
        let mut failed = match answer {
            Ok(response) => {
                return Ok((
                    response,
                    Lease::new(Arc::clone(key), target.clone(), sender),
                ));
            }
            Err(failed) => failed,
        };
        let again = failed.take_message();
        let error = failed.into_error();
        let died = !error.is_parse() && !error.is_user();
        request = match again.or_else(|| spare.filter(|_| died).map(Spare::into_request)) {
            Some(request) => request,
            None => return Err(broken(error)),
        };
    }
    let mut sender = match connect(target, key.cut_token(), limits).await {
        Ok(sender) => sender,
        Err(error) => return Err(SendError::Connect(Box::new(request), error)),
    };
    match timeout(head_within, sender.send_request(request)).await {
        Err(_elapsed) => Err(SendError::Late),
        Ok(Err(error)) => Err(broken(error)),
        Ok(Ok(response)) => Ok((
            response,
            Lease::new(Arc::clone(key), target.clone(), sender),
        )),
    }
}

fn broken(error: hyper::Error) -> SendError {
    // Bodies of visitors fail with an error of the same library, which is then inside this one.
    let inside = std::error::Error::source(&error).is_some_and(|e| e.is::<hyper::Error>());
    if error.is_user() && inside {
        SendError::Visitor(error)
    } else {
        SendError::Broken(error)
    }
}

/// Enough of a request to send it again.
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
) -> io::Result<SendRequest<RequestBody>> {
    let connecting = async {
        match target {
            Target::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // Small frames (gRPC, WebSocket) must not wait for acknowledgements.
                stream.set_nodelay(true)?;
                open(stream, cut).await
            }
            Target::Unix(path) => open(UnixStream::connect(path).await?, cut).await,
        }
    };
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
    timeout(limits.upstream_connect, connecting)
        .await
        .map_err(late)?
}

async fn open<S>(stream: S, cut: CancellationToken) -> io::Result<SendRequest<RequestBody>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let opened = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = opened.map_err(io::Error::other)?;
    tokio::spawn(async move {
        tokio::select! {
            // Whatever ends it, the request in flight is told through its own future.
            _ended = connection.with_upgrades() => {}
            () = cut.cancelled() => {}
        }
    });
    Ok(sender)
}
