//! CORS preflights on routes that require a session.

use http::{Request, Response, StatusCode};
use proxy::table::{Access, RouteTable, SessionDigest, Upstream};

use crate::harness::{Answer, Body, Proxy, gate, spell, table, text, upstream};

/// A table in which `web.test` and `api.test` are one application, and `other.test` is another.
fn doors(api: &Upstream) -> RouteTable {
    let mut routes = table(&[
        ("web.test", "one", api.clone()),
        ("api.test", "one", api.clone()),
        ("other.test", "two", api.clone()),
        ("alone.test", "three", api.clone()),
    ]);
    for (host, route) in &mut routes.routes {
        route.access = Access::Sessions(vec![SessionDigest::of("s")]);
        route.group = match host.as_str() {
            "alone.test" => "",
            "other.test" => "two",
            _ => "one",
        }
        .to_owned();
    }
    routes
}

/// An application that returns everything it received, and answers preflights.
async fn application() -> Upstream {
    let address = upstream(|request| async move {
        let said = spell(request).await.replace('\n', "|");
        Response::builder()
            .status(201)
            .header("access-control-allow-origin", "http://web.test")
            .header("access-control-expose-headers", said)
            .header("vary", "Origin")
            .header("set-cookie", "a=1")
            .header("x-secret", "1")
            .body(text("a secret"))
            .unwrap()
    })
    .await;
    Upstream::Address(address)
}

fn ask(host: &str, origin: &str) -> Request<Body> {
    Request::options("/hello?x=1")
        .header("host", host)
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type")
        .header("cookie", "a=1")
        .header("authorization", "Basic eDp5")
        .header("x-other", "1")
        .body(text("a body"))
        .unwrap()
}

/// A proxy whose Gate refuses every request.
async fn refusing(api: &Upstream) -> Proxy {
    let proxy = Proxy::start().await;
    proxy.put(doors(api)).await;
    gate(proxy.dir.path(), |_| async {
        Response::builder()
            .status(403)
            .body(text("refused"))
            .unwrap()
    });
    proxy
}

#[tokio::test]
async fn only_the_question_goes_in_and_only_its_answer_comes_out() {
    let proxy = refusing(&application().await).await;
    let answer = proxy.send(ask("api.test", "http://web.test:8080")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (201, ""));
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("http://web.test")
    );
    assert_eq!(answer.header("vary"), Some("Origin"));
    for gone in ["set-cookie", "x-secret"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    let heard = answer.header("access-control-expose-headers").unwrap();
    let mut heard: Vec<_> = heard.trim_end_matches('|').split('|').collect();
    assert_eq!(heard.remove(0), "OPTIONS /hello?x=1");
    heard.sort_unstable();
    assert_eq!(
        heard,
        [
            "access-control-request-headers: content-type",
            "access-control-request-method: PUT",
            "forwarded: for=127.0.0.1;host=\"api.test\";proto=http",
            "host: api.test",
            "origin: http://web.test:8080",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: api.test",
            "x-forwarded-proto: http",
        ]
    );
    let activity = proxy.client.activity().await.unwrap();
    assert_eq!(activity["one"].last_request_unix_ms, None, "it is no visit");
}

#[tokio::test]
async fn nobody_else_gets_past_the_gate() {
    let proxy = refusing(&application().await).await;
    let refused = |answer: Answer| assert_eq!(answer.body, "refused", "{answer:?}");
    for origin in [
        "http://other.test",
        "http://web.test.evil",
        "null",
        "http://unknown.test",
    ] {
        refused(proxy.send(ask("api.test", origin)).await);
    }
    refused(proxy.send(ask("alone.test", "http://alone.test")).await);
    let mut plain = ask("api.test", "http://web.test");
    plain.headers_mut().remove("access-control-request-method");
    refused(proxy.send(plain).await);
    let mut put = ask("api.test", "http://web.test");
    *put.method_mut() = http::Method::PUT;
    refused(proxy.send(put).await);
    let mut gates = ask("api.test", "http://web.test");
    *gates.uri_mut() = "/.dayfly/open".parse().unwrap();
    refused(proxy.send(gates).await);
}

#[tokio::test]
async fn a_question_wakes_nothing() {
    let proxy = Proxy::start().await;
    proxy.put(doors(&Upstream::Ask)).await;
    gate(proxy.dir.path(), |_| async { Response::new(text("asked")) });
    let answer = proxy.send(ask("api.test", "http://web.test")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body, "the preview is not ready yet\n");
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("http://web.test")
    );
    assert_eq!(answer.header("vary"), Some("Origin"));
    let activity = proxy.client.activity().await.unwrap();
    assert_eq!(activity["one"].last_request_unix_ms, None);
}

#[tokio::test]
async fn a_visitor_with_a_session_asks_the_application_itself() {
    let proxy = refusing(&application().await).await;
    let mut asked = ask("api.test", "http://other.test");
    let session = "dayfly_session=s".parse().unwrap();
    asked.headers_mut().insert("cookie", session);
    let answer = proxy.send(asked).await;
    assert_eq!(answer.body, "a secret");
}
