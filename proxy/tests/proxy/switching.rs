//! Visitors do not notice a swap and a drain.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use proxy::table::Upstream;
use tokio::{net::TcpListener, sync::Notify, time::Instant};

use crate::harness::{Body, Proxy, empty, open, request, soon, table, text, upstream, visit};

/// One revision of a service: returns its number, and can be stopped for good.
struct Revision {
    address: std::net::SocketAddr,
    accepting: tokio::task::JoinHandle<()>,
}

impl Revision {
    async fn start(number: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            // Connections live in this task: aborting it closes them, like a stopped process.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = hyper::service::service_fn(move |_| async move {
                    Ok::<_, std::convert::Infallible>(Response::new(text(number.to_string())))
                });
                connections.spawn(async move {
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                });
            }
        });
        Self { address, accepting }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_while_revisions_are_switched_and_stopped() {
    let mut serving = Revision::start(0).await;
    let proxy = Proxy::start().await;
    let route = |n: u64, r: &Revision| {
        table(&[("a.test", &format!("a/{n}"), Upstream::Address(r.address))])
    };
    proxy.put(route(0, &serving)).await;
    let (stop, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let visitors: Vec<_> = (0..6)
        .map(|_| {
            let (stop, served, address) = (Arc::clone(&stop), Arc::clone(&served), proxy.address);
            tokio::spawn(async move {
                let mut connection = visit(address).await;
                let mut newest = 0;
                while !stop.load(Ordering::Relaxed) {
                    connection.ready().await.unwrap();
                    let answer = connection
                        .send_request(request("a.test", "/"))
                        .await
                        .unwrap();
                    assert_eq!(answer.status(), StatusCode::OK);
                    let body = answer.into_body().collect().await.unwrap().to_bytes();
                    let number: u64 = std::str::from_utf8(&body).unwrap().parse().unwrap();
                    assert!(number >= newest, "went back from {newest} to {number}");
                    newest = number;
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for number in 1..=30 {
        let next = Revision::start(number).await;
        proxy.put(route(number, &next)).await;
        let old = format!("a/{}", number - 1);
        let drained = proxy
            .client
            .drain(&old, Duration::from_secs(10))
            .await
            .unwrap();
        assert_eq!(drained.cut, 0);
        serving.accepting.abort();
        serving = next;
        let before = served.load(Ordering::Relaxed);
        soon("traffic on the new revision", async {
            while served.load(Ordering::Relaxed) < before + 20 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    for visitor in visitors {
        soon("a visitor's end", visitor).await.unwrap();
    }
}

/// An upstream that answers on demand.
async fn slow(go: Arc<Notify>) -> std::net::SocketAddr {
    upstream(move |_| {
        let go = Arc::clone(&go);
        async move {
            go.notified().await;
            Response::new(text("done"))
        }
    })
    .await
}

#[tokio::test]
async fn a_drain_waits_for_what_is_in_flight_under_a_key_that_left_the_table() {
    let go = Arc::new(Notify::new());
    let proxy = Proxy::to(slow(Arc::clone(&go)).await).await;
    let address = proxy.address;
    let visitor = tokio::spawn(async move {
        let answer = open(address, request("a.test", "/")).await;
        answer.into_body().collect().await.unwrap().to_bytes()
    });
    proxy.until("a", |a| a.in_flight == 1).await;
    proxy.put(table(&[("a.test", "b", Upstream::Ask)])).await;
    let client = proxy.client.clone();
    let drain =
        tokio::spawn(async move { client.drain("a", Duration::from_secs(15)).await.unwrap() });
    proxy.until("a", |a| a.in_flight == 1).await;
    assert!(!drain.is_finished());
    go.notify_one();
    assert_eq!(soon("the drain", drain).await.unwrap().cut, 0);
    assert_eq!(&soon("the answer", visitor).await.unwrap()[..], b"done");
}

#[tokio::test]
async fn a_drain_cuts_what_is_left_at_its_deadline() {
    let proxy = Proxy::to(slow(Arc::new(Notify::new())).await).await;
    let address = proxy.address;
    let visitor = tokio::spawn(async move { open(address, request("a.test", "/")).await });
    proxy.until("a", |a| a.in_flight == 1).await;
    let start = Instant::now();
    let drained = proxy
        .client
        .drain("a", Duration::from_millis(50))
        .await
        .unwrap();
    assert_eq!(drained.cut, 1);
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(
        soon("the answer", visitor).await.unwrap().status(),
        StatusCode::BAD_GATEWAY
    );
    proxy.until("a", |a| a.in_flight == 0).await;
}

#[tokio::test]
async fn a_drain_of_what_is_quiet_or_unknown_ends_at_once() {
    let proxy = Proxy::to(slow(Arc::new(Notify::new())).await).await;
    for key in ["a", "never heard of"] {
        let drain = proxy.client.drain(key, Duration::from_secs(3000));
        assert_eq!(soon("the drain", drain).await.unwrap().cut, 0);
    }
}

#[tokio::test]
async fn a_response_is_in_flight_until_its_last_byte() {
    let (more, body) = tokio::sync::mpsc::channel::<&'static str>(1);
    let body = Arc::new(tokio::sync::Mutex::new(Some(body)));
    let address = upstream(move |_| {
        let body = Arc::clone(&body);
        async move {
            let body = body.lock().await.take().unwrap();
            Response::new(crate::streaming::from_channel(body))
        }
    })
    .await;
    let proxy = Proxy::to(address).await;
    let answer = open(proxy.address, request("a.test", "/")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    proxy.until("a", |a| a.in_flight == 1).await;
    more.send("last").await.unwrap();
    drop(more);
    assert_eq!(
        &answer.into_body().collect().await.unwrap().to_bytes()[..],
        b"last"
    );
    proxy.until("a", |a| a.in_flight == 0).await;
}

#[tokio::test]
async fn a_visitor_who_leaves_is_no_longer_in_flight() {
    let proxy = Proxy::to(slow(Arc::new(Notify::new())).await).await;
    let mut connection = visit(proxy.address).await;
    let waiting = tokio::spawn(connection.send_request(request("a.test", "/")));
    proxy.until("a", |a| a.in_flight == 1).await;
    waiting.abort();
    drop(connection);
    proxy.until("a", |a| a.in_flight == 0).await;
}

/// An idle connection that its server closes must not cost the next request.
#[tokio::test]
async fn a_request_on_a_connection_that_has_just_died_is_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&accepted);
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        // Promises to keep the connection open, then closes it at the second request's head.
        while let Ok((mut stream, _)) = listener.accept().await {
            counting.fetch_add(1, Ordering::SeqCst);
            let mut head = vec![0; 4096];
            if stream.read(&mut head).await.unwrap() == 0 {
                continue;
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            let _ = stream.read(&mut head).await.unwrap();
        }
    });
    let proxy = Proxy::to(address).await;
    for n in 1..=5 {
        assert_eq!(proxy.get("a.test", "/").await.body, "ok", "request {n}");
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 5);
    let post = http::Request::post("/").header("host", "a.test");
    let post: http::Request<Body> = post.body(empty()).unwrap();
    // A request that must not be repeated never uses the closing connection.
    assert_eq!(proxy.send(post).await.body, "ok");
    assert_eq!(accepted.load(Ordering::SeqCst), 6);
}
