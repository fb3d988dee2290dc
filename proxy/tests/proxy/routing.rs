//! Routing by host.

use http::StatusCode;
use proxy::{
    Limits,
    table::{Access, SessionDigest, Upstream},
};

use crate::harness::{Proxy, config, echo, gate, request, says, soon, table, text};

#[tokio::test]
async fn every_host_leads_to_its_own_upstream() {
    let (one, two) = (says("one").await, says("two").await);
    let proxy = Proxy::start().await;
    proxy
        .put(table(&[
            ("one.test", "1", Upstream::Address(one)),
            ("two.test", "2", Upstream::Address(two)),
        ]))
        .await;
    assert_eq!(proxy.get("one.test", "/").await.body, "one");
    assert_eq!(proxy.get("Two.Test.:8080", "/").await.body, "two");
    let absolute = proxy.get("one.test", "http://one.test/x").await;
    assert_eq!(absolute.body, "one");
}

#[tokio::test]
async fn an_unknown_host_gets_a_static_page_that_tells_nothing() {
    let proxy = Proxy::to(says("secret").await).await;
    for host in ["b.test", "test", "a.test.b", "[::1]", "127.0.0.1"] {
        let answer = proxy.get(host, "/").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{host}");
        assert_eq!(answer.body, "there is nothing at this address\n");
        assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
    }
    let mut navigation = request("b.test", "/");
    navigation
        .headers_mut()
        .insert("accept", "text/html,*/*;q=0.8".parse().unwrap());
    let page = proxy.send(navigation).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.starts_with("<!doctype html>") && !page.body.contains("refresh"));
}

#[tokio::test]
async fn without_any_table_visitors_are_asked_to_come_back() {
    let proxy = Proxy::start().await;
    let answer = proxy.get("a.test", "/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), Some("2"));
    assert_eq!(proxy.client.table().await.unwrap(), None);
}

#[tokio::test]
async fn a_restarted_proxy_serves_the_table_it_had() {
    let proxy = Proxy::to(says("still here").await).await;
    let table = proxy.client.table().await.unwrap();
    proxy.client.stop().await.unwrap();
    soon("the end", proxy.running.stopped()).await;
    let again = Proxy::again(proxy.dir, Limits::default()).await;
    assert_eq!(again.get("a.test", "/").await.body, "still here");
    assert_eq!(again.client.table().await.unwrap(), table);
}

#[tokio::test]
async fn a_session_cookie_opens_a_route_and_does_not_reach_the_upstream() {
    let proxy = Proxy::start().await;
    let mut closed = table(&[("a.test", "a", Upstream::Address(echo().await))]);
    for route in closed.routes.values_mut() {
        route.access = Access::Sessions(vec![SessionDigest::of("other"), SessionDigest::of("s3")]);
    }
    proxy.put(closed).await;
    gate(proxy.dir.path(), |request| async move {
        let reason = request.headers()["dayfly-reason"]
            .to_str()
            .unwrap()
            .to_owned();
        http::Response::builder()
            .status(401)
            .body(text(reason))
            .unwrap()
    });
    for (cookie, wanted) in [
        ("", StatusCode::UNAUTHORIZED),
        ("dayfly_session=wrong", StatusCode::UNAUTHORIZED),
        ("dayfly_session=", StatusCode::UNAUTHORIZED),
        ("dayfly_sessions=s3", StatusCode::UNAUTHORIZED),
        ("dayfly_session=s3", StatusCode::OK),
        ("a=b; dayfly_session=s3; c=d", StatusCode::OK),
    ] {
        let mut asking = request("a.test", "/");
        asking
            .headers_mut()
            .insert("cookie", cookie.parse().unwrap());
        let answer = proxy.send(asking).await;
        assert_eq!(answer.status, wanted, "{cookie}");
        match wanted {
            StatusCode::OK => assert!(!answer.body.contains("dayfly_session"), "{}", answer.body),
            _ => assert_eq!(answer.body, "access"),
        }
    }
}

#[tokio::test]
async fn cookies_that_a_neighbour_set_hide_no_session() {
    let proxy = Proxy::start().await;
    let mut closed = table(&[("a.test", "a", Upstream::Address(echo().await))]);
    for route in closed.routes.values_mut() {
        route.access = Access::Sessions(vec![SessionDigest::of("mine")]);
    }
    proxy.put(closed).await;
    let mut asking = request("a.test", "/");
    let tossed = "dayfly_session=tossed; ".repeat(2_000);
    for line in [tossed.as_str(), "dayfly_session=mine"] {
        asking.headers_mut().append("cookie", line.parse().unwrap());
    }
    let answer = proxy.send(asking).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.body.contains("dayfly_session"), "{}", answer.body);
}

#[tokio::test]
async fn under_https_only_the_cookie_that_no_neighbour_can_set_opens_a_route() {
    let dir = tempfile::tempdir().unwrap();
    let https = proxy::ProxyConfig {
        public_scheme: "https".into(),
        ..config(dir.path(), Limits::default())
    };
    let proxy = Proxy::of(dir, https).await;
    let mut closed = table(&[("a.test", "a", Upstream::Address(echo().await))]);
    for route in closed.routes.values_mut() {
        route.access = Access::Sessions(vec![SessionDigest::of("mine")]);
    }
    proxy.put(closed).await;
    for (cookie, lets_in) in [
        ("__Host-dayfly_session=mine", true),
        ("dayfly_session=tossed; __Host-dayfly_session=mine", true),
        ("dayfly_session=mine", false),
    ] {
        let mut asking = request("a.test", "/");
        asking
            .headers_mut()
            .insert("cookie", cookie.parse().unwrap());
        let answer = proxy.send(asking).await;
        assert_eq!(answer.status == StatusCode::OK, lets_in, "{cookie}");
        assert!(!answer.body.contains("dayfly_session"), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::to(gone).await;
    let answer = proxy.get("a.test", "/").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.body, "the preview did not accept the connection\n");
    proxy
        .until("a", |a| {
            a.in_flight == 0 && a.last_request_unix_ms.is_some()
        })
        .await;
}
