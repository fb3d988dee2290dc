//! Which headers cross the proxy.

use http::{Request, Response};

use crate::harness::{Proxy, echo, empty, raw, request, text, upstream};

#[tokio::test]
async fn what_a_visitor_says_of_its_origin_is_replaced_by_what_we_saw() {
    let proxy = Proxy::to(echo().await).await;
    let asking = Request::get("/")
        .header("host", "a.test:8080")
        .header("x-forwarded-for", "192.0.2.7")
        .header("x-forwarded-for", "192.0.2.8")
        .header("x-forwarded-host", "evil.test")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-port", "443")
        .header("x-real-ip", "192.0.2.7")
        .header("x_forwarded_for", "192.0.2.7")
        .header("x-forwarded_proto", "https")
        .header("x_real-ip", "192.0.2.7")
        .header("dayfly_for", "control")
        .header("x_kept", "yes")
        .header("forwarded", "for=192.0.2.7")
        .header("dayfly-for", "control")
        .header("dayfly-anything", "x")
        .header("proxy-authorization", "Basic eDp5")
        .header("x-kept", "yes")
        .body(empty())
        .unwrap();
    let answer = proxy.send(asking).await.body;
    let mut lines: Vec<_> = answer.trim_end().lines().skip(1).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "forwarded: for=127.0.0.1;host=\"a.test:8080\";proto=http",
            "host: a.test:8080",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: a.test:8080",
            "x-forwarded-proto: http",
            "x-kept: yes",
            "x_kept: yes",
        ]
    );
}

#[tokio::test]
async fn hop_by_hop_headers_and_those_named_in_connection_stay_here() {
    let proxy = Proxy::to(echo().await).await;
    let answer = raw(
        proxy.address,
        b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close, X-Secret\r\nConnection: host\r\n\
          X-Secret: 1\r\nKeep-Alive: 5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n\
          Upgrade: h2c\r\nX-Kept: 1\r\n\r\n",
    )
    .await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    for gone in ["connection", "x-secret", "keep-alive", "te:", "upgrade"] {
        assert!(!body.contains(gone), "{gone}: {body}");
    }
    assert!(
        body.contains("x-kept: 1\n") && body.contains("host: a.test\n"),
        "{body}"
    );
}

#[tokio::test]
async fn a_response_loses_what_is_not_for_its_visitor() {
    let address = upstream(|_| async {
        Response::builder()
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("dayfly-gate", "forward")
            .header("x-robots-tag", "all")
            .header("set-cookie", "a=1; Domain=test; Path=/")
            .header("set-cookie", "b=2; Domain=a.test")
            .header("set-cookie", "dayfly_session=evil")
            .header("x-kept", "yes")
            .body(text("ok"))
            .unwrap()
    })
    .await;
    let proxy = Proxy::to(address).await;
    let answer = proxy.send(request("a.test", "/")).await;
    for gone in ["x-hop", "keep-alive", "dayfly-gate", "connection"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
    assert_eq!(answer.header("x-kept"), Some("yes"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; Path=/", "b=2; Domain=a.test"]);
}
