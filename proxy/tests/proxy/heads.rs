//! Large heads pass up to the limits.

use http::{Response, StatusCode};

use crate::harness::{Body, Proxy, raw, request, table, text, upstream};

/// The documented maximum of header lines and bytes.
const LINES_MAX: usize = 1000;
const BYTES_MAX: usize = 64 * 1024;

/// An application that reports how many lines of a name it received, and their length.
async fn counting() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(
                |request: http::Request<hyper::body::Incoming>| async move {
                    let lines: Vec<_> = request.headers().get_all("x").iter().collect();
                    let bytes: usize = lines.iter().map(|line| line.len()).sum();
                    let answer = format!("{} lines {bytes} bytes", lines.len());
                    Ok::<Response<Body>, std::convert::Infallible>(Response::new(text(answer)))
                },
            );
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .max_headers(2 * LINES_MAX)
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service),
            );
        }
    });
    address
}

/// A request with exactly this many header lines and bytes.
fn head(lines: usize, bytes: usize) -> String {
    let begin = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n";
    let few = "X: y\r\n".repeat(lines - 3);
    let rest = bytes - begin.len() - few.len() - "X: \r\n\r\n".len();
    format!("{begin}{few}X: {}\r\n\r\n", "z".repeat(rest))
}

#[tokio::test]
async fn a_request_of_a_thousand_lines_and_64_kib_passes_whole() {
    let proxy = Proxy::to(counting().await).await;
    for (lines, bytes) in [(LINES_MAX, BYTES_MAX), (LINES_MAX, 8000), (3, BYTES_MAX)] {
        let head = head(lines, bytes);
        assert_eq!(head.len(), bytes);
        let answer = raw(proxy.address, head.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "{lines} {bytes}: {answer}"
        );
        let sent = bytes - "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n".len();
        let wanted = format!(
            "{} lines {} bytes",
            lines - 2,
            sent - (lines - 2) * "X: \r\n".len()
        );
        assert!(answer.ends_with(&wanted), "{wanted}: {answer}");
    }
}

#[tokio::test]
async fn a_larger_request_gets_431_and_the_names_of_the_limits() {
    let proxy = Proxy::to(counting().await).await;
    let far = format!(
        "GET /{} HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "y".repeat(BYTES_MAX)
    );
    for head in [
        head(LINES_MAX + 1, 9000),
        head(20 * LINES_MAX, 200_000),
        head(3, BYTES_MAX + 1),
        head(3, 1_000_000),
        far,
    ] {
        // The previous request on the same connection is answered normally.
        let before = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
        let answers = raw(proxy.address, format!("{before}{head}").as_bytes()).await;
        assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 431 ").count(), 1, "{answers}");
        assert!(
            answers.ends_with(
                "the head of the request has more than 1000 header lines (limit: head_lines_max) \
                 or 65536 bytes (limit: head_bytes_max)\n"
            ),
            "{answers}"
        );
    }
}

/// An application that answers with exactly this many header lines and bytes.
async fn answering(lines: usize, bytes: usize) -> std::net::SocketAddr {
    upstream_of(move || {
        let begin = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
        let few = "X: y\r\n".repeat(lines - 2);
        let rest = bytes - begin.len() - few.len() - "X: \r\n\r\n".len();
        format!("{begin}{few}X: {}\r\n\r\nok", "z".repeat(rest))
    })
    .await
}

/// An application that answers every request with these bytes.
async fn upstream_of(answer: impl Fn() -> String + Send + 'static) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await.unwrap();
            // The reader of a too large head may close before its end.
            let _ = stream.write_all(answer().as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn an_answer_of_a_thousand_lines_and_64_kib_passes_whole() {
    for (lines, bytes) in [(LINES_MAX, BYTES_MAX), (LINES_MAX, 8000), (2, BYTES_MAX)] {
        let proxy = Proxy::to(answering(lines, bytes).await).await;
        let get = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
        let answer = raw(proxy.address, get.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{lines} {bytes}");
        assert_eq!(answer.matches("\r\nx: ").count(), lines - 1);
        assert!(answer.ends_with("\r\n\r\nok"));
    }
}

#[tokio::test]
async fn a_larger_answer_is_a_bad_gateway_that_names_the_limits() {
    for (lines, bytes) in [(LINES_MAX + 1, 9000), (2, BYTES_MAX + 1), (2, 1_000_000)] {
        let proxy = Proxy::to(answering(lines, bytes).await).await;
        let answer = proxy.send(request("a.test", "/")).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{lines} {bytes}");
        assert_eq!(
            answer.body,
            "the head of the preview's answer has more than 1000 header lines (limit: \
             head_lines_max) or 65536 bytes (limit: head_bytes_max)\n"
        );
    }
}

#[tokio::test]
async fn the_gate_is_asked_about_a_request_with_a_thousand_lines() {
    let proxy = Proxy::start().await;
    proxy
        .put(table(&[("a.test", "a", proxy::table::Upstream::Ask)]))
        .await;
    // Its own limit comes from the HTTP library: a hundred lines.
    crate::harness::gate(proxy.dir.path(), |_| async { Response::new(text("asked")) });
    let answer = raw(proxy.address, head(LINES_MAX, BYTES_MAX).as_bytes()).await;
    assert!(answer.ends_with("asked"), "{answer}");
    let direct = upstream(|_| async { Response::new(text("never")) }).await;
    let refused = raw(direct, head(LINES_MAX, BYTES_MAX).as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
}
