//! Upgraded connections.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use proxy::{Limits, table::Upstream};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

use crate::harness::{Proxy, echo, empty, gate, raw, request, send, soon, table, text, upstream};

/// A WebSocket server that echoes every message.
async fn echoes() -> std::net::SocketAddr {
    upstream(|mut request| async move {
        assert_eq!(request.headers()["connection"], "Upgrade");
        let key = derive_accept_key(request.headers()["sec-websocket-key"].as_bytes());
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let stream = TokioIo::new(upgraded.await.unwrap());
            let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() || message.is_binary() {
                    socket.send(message).await.unwrap();
                }
            }
        });
        Response::builder()
            .status(101)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-accept", key)
            .body(empty())
            .unwrap()
    })
    .await
}

async fn connect(proxy: &Proxy) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(proxy.address).await.unwrap();
    soon("the handshake", client_async("ws://a.test/socket", stream))
        .await
        .unwrap()
        .0
}

#[tokio::test]
async fn messages_go_both_ways_and_the_stream_is_counted() {
    let proxy = Proxy::to(echoes().await).await;
    let mut socket = connect(&proxy).await;
    // Bytes that would be malformed as HTTP pass in a tunnel, in any size.
    for message in [
        Message::text("hello"),
        Message::binary(vec![b'\n'; 300]),
        Message::binary((0..=255).cycle().take(1 << 20).collect::<Vec<u8>>()),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(
            soon("the echo", socket.next()).await.unwrap().unwrap(),
            message
        );
    }
    proxy
        .until("a", |a| a.streams == 1 && a.in_flight == 0)
        .await;
    socket.close(None).await.unwrap();
    while soon("the end", socket.next())
        .await
        .is_some_and(|m| m.is_ok())
    {}
    proxy.until("a", |a| a.streams == 0).await;
}

#[tokio::test]
async fn a_drain_cuts_streams_at_its_deadline() {
    let proxy = Proxy::to(echoes().await).await;
    let mut socket = connect(&proxy).await;
    proxy.until("a", |a| a.streams == 1).await;
    let drained = proxy
        .client
        .drain("a", Duration::from_millis(20))
        .await
        .unwrap();
    assert_eq!(drained.cut, 1);
    assert!(
        soon("the cut", socket.next())
            .await
            .is_none_or(|m| m.is_err())
    );
    proxy.until("a", |a| a.streams == 0).await;
}

#[tokio::test]
async fn a_silent_stream_ends() {
    let limits = Limits {
        stream_idle: Duration::from_millis(50),
        ..Limits::default()
    };
    let proxy = Proxy::with(limits).await;
    proxy
        .put(table(&[("a.test", "a", Upstream::Address(echoes().await))]))
        .await;
    let mut socket = connect(&proxy).await;
    assert!(
        soon("the end", socket.next())
            .await
            .is_none_or(|m| m.is_err())
    );
    proxy.until("a", |a| a.streams == 0).await;
}

#[tokio::test]
async fn the_gate_may_forward_a_websocket() {
    let proxy = Proxy::start().await;
    proxy.put(table(&[("a.test", "a", Upstream::Ask)])).await;
    let server = echoes().await;
    gate(proxy.dir.path(), move |request| async move {
        assert!(!request.headers().contains_key("upgrade"));
        Response::builder()
            .header("dayfly-gate", "forward")
            .header("dayfly-upstream", server.to_string())
            .body(empty())
            .unwrap()
    });
    let mut socket = connect(&proxy).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(
        soon("the echo", socket.next()).await.unwrap().unwrap(),
        Message::text("hello")
    );
}

#[tokio::test]
async fn without_a_101_there_is_no_tunnel() {
    let proxy = Proxy::to(echo().await).await;
    let both = "GET /one HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                \r\nGET /two HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n";
    let answer = raw(proxy.address, both.as_bytes()).await;
    // The second request is parsed as a request, and refused because of its host.
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("GET /one\n"),
        "{answer}"
    );
    assert!(
        answer.contains("HTTP/1.1 404 ") && !answer.contains("GET /two"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_101_that_nobody_asked_for_is_a_bad_gateway() {
    let pushy = upstream(|_| async {
        let head = Response::builder()
            .status(101)
            .header("connection", "upgrade");
        head.header("upgrade", "websocket").body(text("")).unwrap()
    })
    .await;
    let proxy = Proxy::to(pushy).await;
    let mut other = request("a.test", "/");
    other
        .headers_mut()
        .insert("connection", "upgrade".parse().unwrap());
    other
        .headers_mut()
        .insert("upgrade", "h2c".parse().unwrap());
    for asking in [request("a.test", "/"), other] {
        assert_eq!(
            send(proxy.address, asking).await.status,
            StatusCode::BAD_GATEWAY
        );
    }
    proxy
        .until("a", |a| a.in_flight == 0 && a.streams == 0)
        .await;
}
