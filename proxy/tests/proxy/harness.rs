//! A proxy, upstreams, a gate and visitors on real sockets.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, client::conn, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use proxy::{
    Limits, ProxyConfig, Running,
    client::ControlClient,
    table::{Access, HostName, KeyActivity, Route, RouteTable, Upstream},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener},
};

/// Time limit of every wait in these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// A body that tests send.
pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// Waits for a value, with a time limit.
pub(crate) async fn soon<T>(what: &str, value: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, value).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not arrive within {PATIENCE:?}"),
    }
}

/// A proxy in this process.
pub(crate) struct Proxy {
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
    pub(crate) client: ControlClient,
    pub(crate) dir: TempDir,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::again(TempDir::new().unwrap(), limits).await
    }

    /// Starts in a directory that may contain files of an earlier proxy.
    pub(crate) async fn again(dir: TempDir, limits: Limits) -> Self {
        let config = config(dir.path(), limits);
        Self::of(dir, config).await
    }

    pub(crate) async fn of(dir: TempDir, config: ProxyConfig) -> Self {
        let running = proxy::serve(config).await.unwrap();
        let client = ControlClient::new(dir.path());
        Self {
            address: running.listen()[0],
            running,
            client,
            dir,
        }
    }

    /// Starts with one open route, `a.test`, under the key `a`.
    pub(crate) async fn to(upstream: SocketAddr) -> Self {
        let proxy = Self::start().await;
        proxy
            .put(table(&[("a.test", "a", Upstream::Address(upstream))]))
            .await;
        proxy
    }

    pub(crate) async fn put(&self, table: RouteTable) {
        self.client.put_table(&table).await.unwrap();
    }

    pub(crate) async fn get(&self, host: &str, path: &str) -> Answer {
        self.send(request(host, path)).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(self.address, request).await
    }

    /// Waits until the activity of a key satisfies the condition.
    pub(crate) async fn until(&self, key: &str, wanted: impl Fn(&KeyActivity) -> bool) {
        soon("the wanted activity", async {
            loop {
                let activity = self.client.activity().await.unwrap();
                if wanted(&activity.get(key).copied().unwrap_or_default()) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

pub(crate) fn config(dir: &Path, limits: Limits) -> ProxyConfig {
    ProxyConfig {
        dir: dir.to_owned(),
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        run_as: None,
        public_scheme: "http".into(),
        limits,
    }
}

pub(crate) fn table(routes: &[(&str, &str, Upstream)]) -> RouteTable {
    let route = |(host, key, upstream): &(&str, &str, Upstream)| {
        let route = Route {
            key: (*key).into(),
            upstream: upstream.clone(),
            access: Access::Open,
            group: String::new(),
        };
        (HostName::parse(host).unwrap(), route)
    };
    RouteTable {
        routes: routes.iter().map(route).collect(),
    }
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }
}

pub(crate) fn request(host: &str, path: &str) -> Request<Body> {
    Request::get(path)
        .header("host", host)
        .body(empty())
        .unwrap()
}

pub(crate) fn empty() -> Body {
    text("")
}

pub(crate) fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed()
}

/// A reusable connection of a visitor.
pub(crate) async fn visit(address: SocketAddr) -> conn::http1::SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection.with_upgrades());
    sender
}

/// Sends a request on a new connection.
pub(crate) async fn send(address: SocketAddr, request: Request<Body>) -> Answer {
    let response = open(address, request).await;
    let (head, body) = response.into_parts();
    let body = soon("the body", body.collect()).await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}

/// Sends a request on a new connection and returns at the head of the response.
pub(crate) async fn open(address: SocketAddr, request: Request<Body>) -> Response<Incoming> {
    soon("the response", visit(address).await.send_request(request))
        .await
        .unwrap()
}

/// Writes bytes, and returns everything that comes back until the other side closes.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A proxy that has seen enough may close before the last byte is out.
    let _ = stream.write_all(bytes).await;
    let mut back = Vec::new();
    let _ = soon("the end of the connection", stream.read_to_end(&mut back)).await;
    String::from_utf8_lossy(&back).into_owned()
}

/// A server that answers each request with the result of `answer`.
pub(crate) async fn upstream<F, A>(answer: F) -> SocketAddr
where
    F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(serve(stream, Arc::clone(&answer)));
        }
    });
    address
}

/// The control plane's socket in the directory of a proxy.
pub(crate) fn gate<F, A>(dir: &Path, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = UnixListener::bind(dir.join(proxy::GATE_SOCKET)).unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&answer)));
        }
    });
}

async fn serve<S, F, A>(stream: S, answer: Arc<F>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = Arc::clone(&answer);
        async move { Ok::<_, Infallible>(answer(request).await) }
    });
    let _ended = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

/// A server that gives every request the same answer.
pub(crate) async fn says(words: &'static str) -> SocketAddr {
    upstream(move |_| async move { Response::new(text(words)) }).await
}

/// A server that answers with the received head, one header per line, and the length of the body.
pub(crate) async fn echo() -> SocketAddr {
    upstream(|request| async move { Response::new(text(spell(request).await)) }).await
}

/// The head of a request, one header per line, and its body.
pub(crate) async fn spell(request: Request<Incoming>) -> String {
    let (head, body) = request.into_parts();
    let mut spelled = format!("{} {}\n", head.method, head.uri);
    for (name, value) in &head.headers {
        spelled += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    let body = body.collect().await.unwrap().to_bytes();
    spelled + "\n" + &String::from_utf8_lossy(&body)
}
