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

/// Writes the parts, then waits for the other side to close; tells after how long.
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
async fn a_body_that_stands_still_closes_the_connection() {
    let proxy = with(Limits {
        stall: SHORT,
        ..Limits::default()
    })
    .await;
    let part = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nabc";
    assert!(closed_after(&proxy, &[part]).await >= SHORT);
    proxy.until("a", |a| a.in_flight == 0).await;
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
async fn heads_have_a_size_and_a_count() {
    let proxy = with(Limits::default()).await;
    let mut many = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n".to_owned();
    // Fewer than we take, because we add some and the server behind us has the same limit.
    many += &"X: y\r\n".repeat(90);
    let fits = raw(proxy.address, format!("{many}\r\n").as_bytes()).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    many += &"X: y\r\n".repeat(9);
    let over = raw(proxy.address, format!("{many}\r\n").as_bytes()).await;
    assert!(over.starts_with("HTTP/1.1 431 "), "{over}");
    for bytes in [33 * 1024, 60 * 1024] {
        let wide = format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\nX: {}\r\n\r\n",
            "y".repeat(bytes)
        );
        let over = raw(proxy.address, wide.as_bytes()).await;
        assert!(over.starts_with("HTTP/1.1 431 "), "{bytes}: {over}");
    }
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
