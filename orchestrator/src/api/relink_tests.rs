//! Replacing a preview's link.

use axum::body::Body;
use deploy::fake::AppScript;
use http::{Method, StatusCode};
use proxy::gate::REASON_PATH;
use serde_json::Value;

use super::{
    testing::Bench,
    testing_gate::{Door, cookie, host_and_path},
};

const RELINK: &str = "/api/v1/previews/shop-up/relink";

async fn live(domain: &str) -> (Bench, Value) {
    let bench = Bench::at(domain, AppScript::default());
    bench
        .put("shop", "/shop", "FROM scratch\nEXPOSE 8080\n")
        .await;
    let preview = bench.until("shop-up", "live").await;
    (bench, preview)
}

/// The status of the answer to opening a link.
async fn open(door: &Door<'_>, url: &str) -> StatusCode {
    let (host, path) = host_and_path(url);
    let opened = door.ask(Method::GET, &host, (REASON_PATH, path, "")).await;
    opened.status()
}

#[tokio::test]
async fn a_link_that_was_replaced_lets_nobody_in_and_keeps_nobody_in() {
    let (bench, preview) = live("previews.example").await;
    let (door, old) = (Door::of(&bench), preview["url"].as_str().unwrap());
    let (host, path) = host_and_path(old);
    let asked = (REASON_PATH, path, "");
    let entered = cookie(&door.ask(Method::GET, &host, asked).await);
    assert_eq!(door.let_in(&host).len(), 1, "{entered}");
    let (status, relinked) = bench.call(Method::POST, RELINK, Body::from("{}")).await;
    assert_eq!(status, StatusCode::OK, "{relinked}");
    assert_eq!(door.let_in(&host), [], "the earlier session is invalid");
    let new = relinked["url"].as_str().unwrap();
    assert_ne!(new, old);
    assert_eq!(relinked["services"][0]["url"], new);
    assert_eq!(open(&door, old).await, StatusCode::FORBIDDEN);
    assert_eq!(open(&door, new).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_link_ends_when_it_was_told_to_and_its_sessions_with_it() {
    let (bench, _) = live("previews.example").await;
    let door = Door::of(&bench);
    let body = Body::from(r#"{"hours":1}"#);
    let (_, relinked) = bench.call(Method::POST, RELINK, body).await;
    assert!(relinked["link_expires_at"].is_string(), "{relinked}");
    let url = relinked["url"].as_str().unwrap();
    assert_eq!(open(&door, url).await, StatusCode::SEE_OTHER);
    let store = &bench.state.workers.ports().store;
    let id = deploy::names::PreviewId::parse("shop-up").unwrap();
    let in_an_hour = crate::clock::wall_ms() + 3_600_000;
    assert!(store.sessions(&id, in_an_hour).await.unwrap().is_empty());
    // The next link has already expired.
    store.relink(&id, Some(1), 1).await.unwrap();
    let (_, over) = bench.get("/api/v1/previews/shop-up").await;
    let status = open(&door, over["url"].as_str().unwrap()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_has_no_link_gets_none() {
    let (bench, _) = live("localhost").await;
    let (status, said) = bench.problem(Method::POST, RELINK, "{}").await;
    assert_eq!(status, 409, "{said}");
    assert!(said.contains("without a link"), "{said}");
    let (bench, _) = live("previews.example").await;
    let (status, said) = bench.problem(Method::POST, RELINK, r#"{"hours":0}"#).await;
    assert_eq!(status, 400, "{said}");
    let path = "/api/v1/previews/shop-up";
    bench.call(Method::DELETE, path, Body::empty()).await;
    bench.until("shop-up", "gone").await;
    let (status, said) = bench.problem(Method::POST, RELINK, "{}").await;
    assert_eq!(status, 409, "{said}");
    assert!(said.contains("has ended"), "{said}");
}
