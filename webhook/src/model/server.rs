//! The server: logs, holds and breaks requests before it answers them.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State as Shared},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header::WWW_AUTHENTICATE},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as HttpBody, Frame};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use super::{
    api::Call,
    backend,
    config::{ModelConfig, ModelError},
    faults::{Fault, Faults},
    reply::{Query, Reply},
    state::State,
};
use crate::names::RepoName;

/// Maximum size of a request body.
const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a request with the fault `Hang` waits.
const HANG: Duration = Duration::from_secs(60);
/// Maximum logged requests; older ones are forgotten.
const SEEN_MAX: usize = 100_000;

/// A logged request.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// GET, POST and so on.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The time of arrival.
    pub at: SystemTime,
    /// The status of the answer; `None` until it is sent.
    pub status: Option<u16>,
}

/// An in-process GitHub.
pub struct ModelGitHub {
    pub(super) inner: Arc<Inner>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

pub(super) struct Inner {
    state: Mutex<State>,
    pub(super) faults: Faults,
    seen: Mutex<Vec<SeenRequest>>,
    pub(super) root: TempDir,
    /// Held by the one git process that may write.
    pub(super) writing: tokio::sync::Mutex<()>,
    pub(super) commits: AtomicU64,
}

impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Vec<SeenRequest>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ModelGitHub {
    /// Starts listening.
    ///
    /// # Errors
    /// If the address is in use or the directory cannot be created.
    pub async fn start(config: ModelConfig) -> Result<Self, ModelError> {
        let failed = |error: std::io::Error| ModelError(format!("start: {error}"));
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let inner = Arc::new(Inner {
            state: Mutex::new(State::new(config, format!("http://{address}"))),
            faults: Faults::default(),
            seen: Mutex::default(),
            root: TempDir::new().map_err(failed)?,
            writing: tokio::sync::Mutex::default(),
            commits: AtomicU64::new(0),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&inner));
        let server = tokio::spawn(async move {
            // The task only ends when it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            inner,
            address,
            server,
        })
    }

    /// `http://address:port`: the URL of the API and the root of the clone URLs.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The scripted faults.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// All logged requests.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.inner.seen().clone()
    }
}

impl Drop for ModelGitHub {
    fn drop(&mut self) {
        self.inner.faults.clear();
        self.server.abort();
    }
}

async fn handle(Shared(inner): Shared<Arc<Inner>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let at = {
        let mut seen = inner.seen();
        if seen.len() >= SEEN_MAX {
            seen.clear();
        }
        seen.push(SeenRequest {
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            at: SystemTime::now(),
            status: None,
        });
        seen.len() - 1
    };
    inner.faults.wait_while_held().await;
    let collected = Limited::new(body, REQUEST_BYTES_MAX).collect().await;
    let Ok(body) = collected.map(|whole| whole.to_bytes()) else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "too large");
    };
    let request = (&parts.method, &parts.uri, &parts.headers);
    let response = match inner.faults.next_for(parts.method.as_str(), &path) {
        None => inner.answer(request, body).await,
        Some(fault) => inner.fail(fault, request, body).await,
    };
    if let Some(seen) = inner.seen().get_mut(at) {
        seen.status = Some(response.status().as_u16());
    }
    response
}

type Asked<'a> = (&'a Method, &'a Uri, &'a HeaderMap);

impl Inner {
    async fn fail(&self, fault: Fault, request: Asked<'_>, body: Bytes) -> Response<Body> {
        match fault {
            Fault::Status(status) => {
                Reply::refuse(status, "scripted").into_response(&HeaderMap::new())
            }
            Fault::Html => html(),
            Fault::Hang => {
                sleep(HANG).await;
                broken()
            }
            Fault::Slow(by) => {
                sleep(by).await;
                self.answer(request, body).await
            }
            Fault::Close => broken(),
            Fault::CloseAfter => {
                self.answer(request, body).await;
                broken()
            }
            Fault::RateLimit(seconds) => {
                let mut reply = Reply::refuse(403, "API rate limit exceeded");
                reply.headers.push(("retry-after", seconds.to_string()));
                reply.into_response(&HeaderMap::new())
            }
        }
    }

    async fn answer(&self, request: Asked<'_>, body: Bytes) -> Response<Body> {
        let (_, uri, _) = request;
        let trimmed = uri.path().trim_start_matches('/');
        if let Some(at) = trimmed.strip_prefix("lfs/") {
            return self.state().lfs_object(at, request.2);
        }
        if let Some((repo, rest)) = trimmed.split_once(".git/") {
            return self
                .answer_git(repo, &format!("/{rest}"), request, body)
                .await;
        }
        self.answer_api(request, &body)
    }

    fn answer_api(&self, request: Asked<'_>, body: &Bytes) -> Response<Body> {
        let (method, uri, headers) = request;
        let mut state = self.state();
        let Some(caller) = state.caller(headers) else {
            return Reply::refuse(401, "Bad credentials").into_response(headers);
        };
        let body = if body.is_empty() {
            serde_json::Value::Null
        } else {
            match serde_json::from_slice(body) {
                Ok(body) => body,
                Err(_) => {
                    return Reply::refuse(400, "Problems parsing JSON").into_response(headers);
                }
            }
        };
        let call = Call {
            caller,
            method,
            parts: uri.path().trim_matches('/').split('/').collect(),
            query: Query::parse(uri.query()),
            raw_query: uri.query(),
            body,
        };
        let used_up = state.quota_left == 0;
        let reply = if used_up {
            Reply::refuse(403, "API rate limit exceeded for this installation.")
        } else {
            state.answer(&call)
        };
        let mut response = reply.into_response(headers);
        if response.status() != StatusCode::NOT_MODIFIED {
            state.quota_left = state.quota_left.saturating_sub(1);
        }
        let map = response.headers_mut();
        map.insert("x-ratelimit-limit", HeaderValue::from(5000));
        map.insert("x-ratelimit-remaining", HeaderValue::from(state.quota_left));
        map.insert("x-ratelimit-reset", HeaderValue::from(state.quota_reset));
        response
    }

    async fn answer_git(
        &self,
        repo: &str,
        rest: &str,
        request: Asked<'_>,
        body: Bytes,
    ) -> Response<Body> {
        let found = {
            let state = self.state();
            let caller = state.caller(request.2);
            let repo = RepoName::parse(repo)
                .ok()
                .and_then(|name| state.repo(&name));
            match (caller, repo) {
                (None, _) => Err(StatusCode::UNAUTHORIZED),
                (Some(caller), Some(repo))
                    if state.sees(&caller, repo.id) && state.may(&caller, "contents") =>
                {
                    Ok((repo.id, repo.directory.clone()))
                }
                _ => Err(StatusCode::NOT_FOUND),
            }
        };
        let (id, directory) = match found {
            Ok(found) => found,
            Err(status) => {
                let mut response = text(status, "Repository not found.");
                if status == StatusCode::UNAUTHORIZED {
                    let realm = HeaderValue::from_static("Basic realm=\"GitHub\"");
                    response.headers_mut().insert(WWW_AUTHENTICATE, realm);
                }
                return response;
            }
        };
        if rest == "/info/lfs/objects/batch" {
            return self.state().lfs_batch(id, request.2, &body);
        }
        let root: PathBuf = self.root.path().to_owned();
        match backend::serve(&root, &directory, rest, request, body).await {
            Ok(response) => response,
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }
}

fn text(status: StatusCode, words: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(words.to_owned()));
    *response.status_mut() = status;
    response
}

fn html() -> Response<Body> {
    let mut response = Response::new(Body::from("<!DOCTYPE html><h1>Unicorn!</h1>"));
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert("content-type", kind);
    response
}

/// An answer whose connection breaks before the body.
fn broken() -> Response<Body> {
    Response::new(Body::new(Breaking))
}

struct Breaking;

impl HttpBody for Breaking {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(Some(Err(std::io::Error::other("scripted"))))
    }
}
