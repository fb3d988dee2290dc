//! Everything has a limit.

use std::time::Duration;

use http::StatusCode;
use proxy::{Limits, table::Upstream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::harness::{Proxy, echo, raw, request, says, soon, table, upstream, visit};

const SHORT: Duration = Duration::from_millis(100);

async fn with(limits: Limits) -> Proxy {
    let proxy = Proxy::with(limits).await;
    proxy
        .put(table(&[("a.test", "a", Upstream::Address(echo().await))]))
        .await;
    proxy
}

/// Writes the parts, then waits for the other side to close; returns the time until then.
async fn closed_after(proxy: &Proxy, parts: &[&str]) -> Duration {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let start = Instant::now();
    for part in parts {
        stream.write_all(part.as_bytes()).await.unwrap();
    }
    let mut back = Vec::new();
    let _ = soon("the close", stream.read_to_end(&mut back)).await;
    start.elapsed()
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_closes_the_connection() {
    let proxy = with(Limits {
        head_read: SHORT,
        ..Limits::default()
    })
    .await;
    for parts in [
        &[][..],
        &["GET / HT"],
        &["GET / HTTP/1.1\r\n", "Host: a.test\r\n"],
    ] {
        assert!(closed_after(&proxy, parts).await >= SHORT, "{parts:?}");
    }
}

#[tokio::test]
async fn dripping_a_head_does_not_prolong_its_deadline() {
    let proxy = with(Limits {
        head_read: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    soon("the close", async {
        let mut back = [0; 1];
        stream.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
        loop {
            tokio::select! {
                read = stream.read(&mut back) => return assert!(matches!(read, Ok(0) | Err(_))),
                () = tokio::time::sleep(SHORT / 10) => { let _ = stream.write_all(b"x").await; }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_between_requests() {
    let limits = Limits {
        head_read: SHORT / 10,
        keep_alive: SHORT,
        ..Limits::default()
    };
    let proxy = with(limits).await;
    let whole = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    assert!(closed_after(&proxy, &[whole]).await >= SHORT);
}

#[tokio::test]
async fn a_body_that_stands_still_ends_with_a_sentence_that_names_the_limit() {
    let proxy = with(Limits {
        stall: SHORT,
        ..Limits::default()
    })
    .await;
    let part = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nabc";
    let start = Instant::now();
    let answer = raw(proxy.address, part.as_bytes()).await;
    assert!(start.elapsed() >= SHORT);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("stalled for 100ms before its end (limit: stall)"));
    proxy.until("a", |a| a.in_flight == 0).await;
}

/// Sends a request of `pieces` bytes, one per `pause`, and returns everything that comes back.
async fn drip(proxy: &Proxy, pieces: usize, pause: Duration) -> String {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let head = format!(
        "PUT / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: {pieces}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut ticks = tokio::time::interval(pause);
    for _ in 0..pieces {
        ticks.tick().await;
        stream.write_all(b"x").await.unwrap();
    }
    let mut back = String::new();
    soon("the answer", stream.read_to_string(&mut back))
        .await
        .unwrap();
    back
}

#[tokio::test]
async fn an_upload_that_keeps_moving_takes_longer_than_every_limit() {
    let proxy = with(Limits {
        stall: 5 * SHORT,
        upstream_head: 5 * SHORT,
        ..Limits::default()
    })
    .await;
    let start = Instant::now();
    let answer = drip(&proxy, 30, SHORT / 2).await;
    assert!(start.elapsed() > 10 * SHORT);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with(&"x".repeat(30)), "{answer}");
}

#[tokio::test]
async fn a_pause_of_the_visitor_is_not_held_against_the_upstream() {
    let proxy = with(Limits {
        upstream_head: SHORT,
        ..Limits::default()
    })
    .await;
    let answer = drip(&proxy, 3, 4 * SHORT).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn an_answer_that_moves_keeps_a_request_that_stands_still_alive() {
    let proxy = Proxy::with(Limits {
        stall: 5 * SHORT,
        ..Limits::default()
    })
    .await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await.unwrap();
        let begin = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 30\r\n\r\n";
        stream.write_all(begin).await.unwrap();
        let mut ticks = tokio::time::interval(SHORT / 2);
        for _ in 0..30 {
            ticks.tick().await;
            stream.write_all(b"y").await.unwrap();
        }
    });
    proxy
        .put(table(&[("a.test", "a", Upstream::Address(address))]))
        .await;
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let part = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nabc";
    stream.write_all(part.as_bytes()).await.unwrap();
    let mut back = String::new();
    soon("the whole answer", async {
        while !back.ends_with(&"y".repeat(30)) {
            back.push(char::from(stream.read_u8().await.unwrap()));
        }
    })
    .await;
}

#[tokio::test]
async fn a_visitor_who_does_not_read_is_shut_out() {
    let proxy = Proxy::with(Limits {
        stall: SHORT,
        ..Limits::default()
    })
    .await;
    let block = "x".repeat(64 << 20);
    let large = upstream(move |_| {
        let body = crate::harness::text(block.clone());
        async move { http::Response::new(body) }
    })
    .await;
    proxy
        .put(table(&[("a.test", "a", Upstream::Address(large))]))
        .await;
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await
        .unwrap();
    proxy.until("a", |a| a.in_flight == 1).await;
    proxy.until("a", |a| a.in_flight == 0).await;
    drop(stream);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_places_come_back() {
    let proxy = with(Limits {
        connections_max: 2,
        ..Limits::default()
    })
    .await;
    let mut first = visit(proxy.address).await;
    let mut second = visit(proxy.address).await;
    for open in [&mut first, &mut second] {
        let answer = soon("an answer", open.send_request(request("a.test", "/")))
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(raw(proxy.address, b"").await, "");
    drop(first);
    soon("a free place", async {
        loop {
            let whole = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
            if raw(proxy.address, whole).await.starts_with("HTTP/1.1 200 ") {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_gateway_timeout() {
    let proxy = Proxy::with(Limits {
        upstream_head: SHORT,
        ..Limits::default()
    })
    .await;
    let silent = upstream(|_| std::future::pending()).await;
    proxy
        .put(table(&[("a.test", "a", Upstream::Address(silent))]))
        .await;
    let answer = proxy.get("a.test", "/").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(
        answer.body,
        "the preview sent no response within 100ms after the last byte moved (limit: \
         upstream_head)\n"
    );
    proxy.until("a", |a| a.in_flight == 0).await;
}

#[tokio::test]
async fn a_stop_lets_open_requests_end() {
    let proxy = Proxy::to(says("whole").await).await;
    let mut connection = visit(proxy.address).await;
    let answer = soon("an answer", connection.send_request(request("a.test", "/")))
        .await
        .unwrap();
    proxy.client.stop().await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body())
        .await
        .unwrap()
        .to_bytes();
    assert_eq!(&body[..], b"whole");
    soon("the end", proxy.running.stopped()).await;
    assert!(TcpStream::connect(proxy.address).await.is_err());
}
