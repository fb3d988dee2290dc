//! Raw requests byte by byte, and the required answers.

use proptest::prelude::*;

use crate::harness::{Proxy, echo, raw};

/// A valid request target and version.
const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.test\r\n";

/// A request and the required status.
fn rows() -> Vec<(String, u16)> {
    [
        plain(),
        hosts(),
        first_lines(),
        lengths(),
        chunks(),
        lines(),
    ]
    .concat()
}

fn get(rest: &str) -> String {
    format!("{GET}Connection: close\r\n{rest}")
}

fn post(rest: &str) -> String {
    format!("{POST}Connection: close\r\n{rest}")
}

fn line(line: &str) -> String {
    format!("{line}\r\nHost: a.test\r\nConnection: close\r\n\r\n")
}

fn host(hosts: &str) -> String {
    format!("GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")
}

/// Valid requests.
fn plain() -> Vec<(String, u16)> {
    vec![
        (get("\r\n"), 200),
        (post("Content-Length: 3\r\n\r\nabc"), 200),
        (
            post("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            200,
        ),
        (
            post("Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n"),
            200,
        ),
        (line("GET http://a.test/x HTTP/1.1"), 200),
        (line("OPTIONS * HTTP/1.1"), 200),
        (line("GET / HTTP/1.0"), 200),
        (line("BREW / HTTP/1.1"), 200),
        (host("Host: a.test:8080\r\n"), 200),
        (format!("\r\n{}", get("\r\n")), 200),
    ]
}

/// Exactly one Host, equal to the authority.
fn hosts() -> Vec<(String, u16)> {
    vec![
        (host(""), 400),
        (host("Host:\r\n"), 400),
        (host("Host: a.test\r\nHost: a.test\r\n"), 400),
        (host("Host: a.test\r\nHost: b.test\r\n"), 400),
        (host("Host: a.test, b.test\r\n"), 400),
        (host("Host: a.test:\r\n"), 400),
        (host("Host: a.test:99999\r\n"), 400),
        (host("Host: a.test/b\r\n"), 400),
        (host("Host: user@a.test\r\n"), 400),
        (host("Host: a_b.test\r\n"), 400),
        (host("Host: \u{e4}.test\r\n"), 400),
        (line("GET http://b.test/ HTTP/1.1"), 400),
        (line("GET http://a.test:81/ HTTP/1.1"), 400),
        (line("GET http://user@a.test/ HTTP/1.1"), 400),
        (line("GET ftp://a.test/ HTTP/1.1"), 400),
        (line("GET a.test HTTP/1.1"), 400),
        (line("GET * HTTP/1.1"), 400),
        (host("Host: b.test\r\n"), 404),
    ]
}

/// Methods, targets and versions.
fn first_lines() -> Vec<(String, u16)> {
    vec![
        (line("CONNECT a.test:80 HTTP/1.1"), 405),
        (line("TRACE / HTTP/1.1"), 405),
        (line("GET / HTTP/2.0"), 400),
        (line("GET / HTTP/1.2"), 400),
        (line("GET  / HTTP/1.1"), 400),
        (line("GET /a b HTTP/1.1"), 400),
        ("GET /\r\n\r\n".to_owned(), 400),
    ]
}

/// Ambiguous lengths are refused.
fn lengths() -> Vec<(String, u16)> {
    vec![
        (
            post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        (
            post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
            400,
        ),
        (
            post("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            400,
        ),
        (
            post("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
            400,
        ),
        (post("Content-Length: 3, 3\r\n\r\nabc"), 400),
        (post("Content-Length: +3\r\n\r\nabc"), 400),
        (post("Content-Length: 0x3\r\n\r\nabc"), 400),
        (post("Content-Length: -1\r\n\r\n"), 400),
        (post("Content-Length: \r\n\r\n"), 400),
        (post("Content-Length: 99999999999999999999\r\n\r\n"), 400),
        (
            post("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        (
            post("Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
            400,
        ),
        (post("Transfer-Encoding: identity\r\n\r\n"), 400),
        (post("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 400),
        (post("Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), 400),
        (
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        (post("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400),
        (post("Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n"), 400),
    ]
}

/// Only one way to write chunks is accepted.
fn chunks() -> Vec<(String, u16)> {
    vec![
        (
            post("Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),
            400,
        ),
        (
            post("Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n"),
            400,
        ),
        (post("Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n"), 400),
        (
            post("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
            400,
        ),
        (
            post("Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n"),
            400,
        ),
        (
            post("Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"),
            400,
        ),
        (
            post("Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"),
            400,
        ),
        (
            post("Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n"),
            400,
        ),
        (
            "POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            400,
        ),
    ]
}

/// The ends of lines and names.
fn lines() -> Vec<(String, u16)> {
    vec![
        (get("X: a\r\n b\r\n\r\n"), 400),
        (get(" X: a\r\n\r\n"), 400),
        (get("X : a\r\n\r\n"), 400),
        (get("X: a\rb\r\n\r\n"), 400),
        (get("X: a\nY: b\r\n\r\n"), 400),
        (get("X: a\n\n"), 400),
        (get("X: a\0b\r\n\r\n"), 400),
        (get("X\r\n\r\n"), 400),
        (get(": a\r\n\r\n"), 400),
        (get("X(: a\r\n\r\n"), 400),
        ("GET / HTTP/1.1\nHost: a.test\r\n\r\n".to_owned(), 400),
        (format!("\r\n\r\n\r\n{}", get("\r\n")), 400),
    ]
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

#[tokio::test]
async fn every_raw_request_gets_what_the_table_says() {
    let proxy = Proxy::to(echo().await).await;
    let mut wrong = Vec::new();
    for (bytes, wanted) in rows() {
        let answer = raw(proxy.address, bytes.as_bytes()).await;
        if status(&answer) != Some(wanted) {
            wrong.push(format!("{bytes:?} should get {wanted}, got {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_smuggled_behind_a_refused_request_is_never_served() {
    let proxy = Proxy::to(echo().await).await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n";
    for (bytes, wanted) in rows()
        .into_iter()
        .filter(|(_, wanted)| *wanted == 400 || *wanted == 405)
    {
        let answer = raw(proxy.address, format!("{bytes}{hidden}").as_bytes()).await;
        assert!(!answer.contains("/hidden"), "{wanted} {bytes:?}: {answer}");
    }
}

#[tokio::test]
async fn earlier_requests_are_answered_before_a_malformed_one_ends_the_connection() {
    let proxy = Proxy::to(echo().await).await;
    let bytes = format!(
        "{}{GET}\r\n{POST}Content-Length: x\r\n\r\n",
        GET.to_owned() + "\r\n"
    );
    let answer = raw(proxy.address, bytes.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    assert_eq!(
        answer.matches("HTTP/1.1 400 Bad Request").count(),
        1,
        "{answer}"
    );
}

/// One way to break a valid head.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    let fields = prop::collection::vec("[A-Za-z-]{1,12}: [a-z0-9 ]{0,20}", 0..4);
    let spoil = prop_oneof![
        "[A-Za-z]{1,8} : v",
        "[ \t][A-Za-z]{1,8}: v",
        "[A-Za-z]{0,8}[\\(\\)<>@,;\\\\\"/\\[\\]\\?=\\{\\}][A-Za-z]{0,8}: v",
        "X: [a-z]{0,8}[\\x00-\\x08\\x0a-\\x1f\\x7f][a-z]{0,8}",
        "Host: [a-z]{1,8}",
        "Content-Length: [a-z+,.-]{1,4}",
        "Transfer-Encoding: [a-bd-z]{1,8}",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
    ];
    (fields, spoil, any::<bool>()).prop_map(|(fields, spoil, first)| {
        // Names with a special meaning could hide that the broken line was accepted.
        let fields: Vec<_> = fields.into_iter().map(|f| format!("X-{f}\r\n")).collect();
        let fields = fields.concat();
        let (a, b) = if first {
            (spoil + "\r\n", fields)
        } else {
            (fields, spoil + "\r\n")
        };
        format!("{GET}{a}{b}\r\n").into_bytes()
    })
}

#[test]
fn no_malformed_head_is_ever_served() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let proxy = runtime.block_on(async { Proxy::to(echo().await).await });
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..Default::default()
    };
    proptest!(config, |(bytes in spoiled())| {
        let answer = runtime.block_on(raw(proxy.address, &bytes));
        let refused = status(&answer).is_some_and(|s| (400..500).contains(&s));
        prop_assert!(refused, "{:?}: {answer}", String::from_utf8_lossy(&bytes));
    });
}

#[test]
fn any_bytes_leave_the_proxy_serving() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let proxy = runtime.block_on(async { Proxy::to(echo().await).await });
    let config = ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..Default::default()
    };
    proptest!(config, |(bytes in prop::collection::vec(any::<u8>(), 0..200))| {
        // The sender waits up to a second: it closes its half, and the proxy must follow.
        let answer = runtime.block_on(half_closed(&proxy, &bytes));
        prop_assert!(status(&answer).is_none_or(|s| s >= 400), "{bytes:?}: {answer}");
        let fine = format!("{GET}Connection: close\r\n\r\n");
        let answer = runtime.block_on(raw(proxy.address, fine.as_bytes()));
        prop_assert_eq!(status(&answer), Some(200));
    });
}

/// Writes bytes, closes the sending half, and returns everything that comes back.
async fn half_closed(proxy: &Proxy, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(proxy.address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut back = Vec::new();
    let _ = crate::harness::soon("the end", stream.read_to_end(&mut back)).await;
    String::from_utf8_lossy(&back).into_owned()
}
