//! The Gate decides where a route cannot.

use std::{sync::Arc, time::Duration};

use http::{Request, Response, StatusCode};
use proxy::{
    Limits,
    table::{Access, SessionDigest, Upstream},
};
use tokio::sync::Notify;

use crate::harness::{Body, Proxy, echo, empty, gate, request, says, soon, spell, table, text};

fn forward_to(address: std::net::SocketAddr) -> Response<Body> {
    Response::builder()
        .header("dayfly-gate", "forward")
        .header("dayfly-upstream", address.to_string())
        .body(empty())
        .unwrap()
}

async fn asking() -> Proxy {
    let proxy = Proxy::start().await;
    proxy.put(table(&[("a.test", "a", Upstream::Ask)])).await;
    proxy
}

#[tokio::test]
async fn a_forwarded_request_arrives_whole_and_the_gate_saw_only_its_head() {
    let proxy = asking().await;
    let upstream = echo().await;
    let (seen, mut heads) = tokio::sync::mpsc::channel(1);
    gate(proxy.dir.path(), move |request| {
        let seen = seen.clone();
        async move {
            seen.send(spell(request).await).await.unwrap();
            forward_to(upstream)
        }
    });
    let post = Request::post("/form?x=1")
        .header("host", "a.test")
        .header("cookie", "dayfly_session=s; a=b")
        .header("dayfly-client", "192.0.2.1:1")
        .body(text("the body"))
        .unwrap();
    let answer = proxy.send(post).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        answer.body.starts_with("POST /form?x=1\n"),
        "{}",
        answer.body
    );
    assert!(answer.body.ends_with("\n\nthe body"), "{}", answer.body);
    assert!(answer.body.contains("cookie: a=b\n") && !answer.body.contains("dayfly"));
    let head = heads.recv().await.unwrap();
    assert!(
        head.starts_with("POST /form?x=1\n") && head.ends_with("\n\n"),
        "{head}"
    );
    assert!(
        head.contains("dayfly-for: gate\n") && head.contains("dayfly-reason: ask\n"),
        "{head}"
    );
    assert!(head.contains("dayfly-host: a.test\n") && head.contains("dayfly-scheme: http\n"));
    assert!(
        head.contains("dayfly-client: 127.0.0.1:") && !head.contains("192.0.2.1"),
        "{head}"
    );
    assert!(head.contains("cookie: dayfly_session=s\n"), "{head}");
    assert!(!head.contains("content-length: 8"), "{head}");
}

#[tokio::test]
async fn a_held_request_is_answered_when_the_gate_answers_and_no_drain_waits_for_it() {
    let proxy = asking().await;
    let upstream = says("awake").await;
    let (go, held) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (going, holding) = (Arc::clone(&go), Arc::clone(&held));
    gate(proxy.dir.path(), move |_| {
        let (go, held) = (Arc::clone(&going), Arc::clone(&holding));
        async move {
            held.notify_one();
            go.notified().await;
            forward_to(upstream)
        }
    });
    let address = proxy.address;
    let visitor = tokio::spawn(crate::harness::send(address, request("a.test", "/")));
    soon("the hold", held.notified()).await;
    let drain = proxy.client.drain("a", Duration::from_secs(3000));
    assert_eq!(soon("the drain", drain).await.unwrap().cut, 0);
    assert!(!visitor.is_finished());
    go.notify_one();
    assert_eq!(soon("the answer", visitor).await.unwrap().body, "awake");
    proxy
        .until("a", |a| {
            a.in_flight == 0 && a.last_request_unix_ms.is_some()
        })
        .await;
}

#[tokio::test]
async fn the_gate_may_answer_itself() {
    let proxy = asking().await;
    gate(proxy.dir.path(), |_| async {
        Response::builder()
            .status(302)
            .header("location", "/")
            .header("set-cookie", "dayfly_session=new; HttpOnly")
            .header("dayfly-internal", "x")
            .body(text("page"))
            .unwrap()
    });
    let answer = proxy.get("a.test", "/").await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.body, "page");
    assert_eq!(
        answer.header("set-cookie"),
        Some("dayfly_session=new; HttpOnly")
    );
    assert_eq!(answer.header("dayfly-internal"), None);
    assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
}

#[tokio::test]
async fn while_the_gate_is_away_live_routes_are_served_and_the_rest_is_asked_to_come_back() {
    let proxy = Proxy::start().await;
    let mut routes = table(&[
        ("live.test", "l", Upstream::Address(says("live").await)),
        ("ask.test", "a", Upstream::Ask),
        ("closed.test", "c", Upstream::Address(says("closed").await)),
        ("control.test", "x", Upstream::ControlPlane),
    ]);
    for (host, route) in &mut routes.routes {
        if host.as_str() == "closed.test" {
            route.access = Access::Sessions(vec![SessionDigest::of("s")]);
        }
    }
    proxy.put(routes).await;
    assert_eq!(proxy.get("live.test", "/").await.body, "live");
    // A socket without a listener is like no socket.
    drop(std::os::unix::net::UnixListener::bind(proxy.dir.path().join("gate.sock")).unwrap());
    for (host, path) in [
        ("ask.test", "/"),
        ("closed.test", "/"),
        ("control.test", "/"),
        ("live.test", "/.dayfly/x"),
    ] {
        let answer = proxy.get(host, path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{host}");
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert_eq!(answer.body, "temporarily unavailable, please try again\n");
    }
    let mut navigation = request("ask.test", "/");
    navigation
        .headers_mut()
        .insert("accept", "text/html".parse().unwrap());
    let page = proxy.send(navigation).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        page.body
            .contains("<meta http-equiv=\"refresh\" content=\"2\">"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn a_gate_that_holds_for_too_long_is_not_waited_for() {
    let limits = Limits {
        gate_hold: Duration::from_millis(50),
        ..Limits::default()
    };
    let proxy = Proxy::with(limits).await;
    proxy.put(table(&[("a.test", "a", Upstream::Ask)])).await;
    gate(proxy.dir.path(), |_| std::future::pending());
    let answer = proxy.get("a.test", "/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn the_gate_owns_a_path_on_every_host() {
    let proxy = Proxy::to(says("upstream").await).await;
    gate(proxy.dir.path(), |request| async move {
        Response::new(text(spell(request).await))
    });
    let answer = proxy.get("a.test", "/.dayfly/events?x").await;
    assert!(
        answer.body.starts_with("GET /.dayfly/events?x\n"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("dayfly-reason: path\n"),
        "{}",
        answer.body
    );
    assert_eq!(proxy.get("a.test", "/.dayfly").await.body, "upstream");
}

#[tokio::test]
async fn a_person_who_meets_a_dead_upstream_gets_the_gates_page() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::to(gone).await;
    gate(proxy.dir.path(), |request| async move {
        let reason = request.headers()["dayfly-reason"]
            .to_str()
            .unwrap()
            .to_owned();
        Response::builder().status(502).body(text(reason)).unwrap()
    });
    let mut navigation = request("a.test", "/");
    navigation
        .headers_mut()
        .insert("accept", "text/html".parse().unwrap());
    let page = proxy.send(navigation).await;
    assert_eq!(
        (page.status, page.body.as_str()),
        (StatusCode::BAD_GATEWAY, "unreachable")
    );
    let line = proxy.get("a.test", "/").await;
    assert_eq!(line.body, "the preview did not accept the connection\n");
}

#[tokio::test]
async fn the_gate_may_know_of_another_upstream() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::to(gone).await;
    let moved = says("moved").await;
    gate(proxy.dir.path(), move |_| async move { forward_to(moved) });
    let mut navigation = request("a.test", "/");
    navigation
        .headers_mut()
        .insert("accept", "text/html".parse().unwrap());
    assert_eq!(proxy.send(navigation).await.body, "moved");
}
