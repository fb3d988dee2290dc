//! Copies of a capture, by its link.

use axum::body::Body;
use deploy::fake::AppScript;
use http::{Method, StatusCode};
use proxy::gate::REASON_PATH;
use serde_json::json;

use super::{
    testing::Bench,
    testing_gate::{Door, cookie, host_and_path},
};

/// The link of a capture.
async fn capture(bench: &Bench, note: &str) -> String {
    bench
        .put("shop", "/shop", "FROM scratch\nEXPOSE 8080\n")
        .await;
    bench.until("shop-up", "live").await;
    let path = "/api/v1/previews/shop-up/captures";
    let body = Body::from(json!({ "note": note }).to_string());
    let (status, taken) = bench.call(Method::POST, path, body).await;
    assert!(status.is_success(), "{taken}");
    let id = taken["id"].as_str().unwrap();
    let captured = bench.until(id, "captured").await;
    captured["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_visitor_leaves_copies_of_a_capture_for_the_others() {
    let bench = Bench::at("previews.example", AppScript::default());
    let link = capture(&bench, "").await;
    let ((host, open), door) = (host_and_path(&link), Door::of(&bench));
    let press = open.replace("/open?", "/fork?");
    let press = async |cookie: &str| {
        let asked = (REASON_PATH, press.as_str(), cookie);
        door.ask(Method::POST, &host, asked).await.status()
    };
    let visit = async |cookie: &str| {
        door.ask(Method::GET, &host, (REASON_PATH, open, cookie))
            .await
    };
    let ann = cookie(&visit("").await);
    for wanted in [StatusCode::SEE_OTHER, StatusCode::SEE_OTHER] {
        assert_eq!(press(&ann).await, wanted);
    }
    assert_eq!(press(&ann).await, StatusCode::TOO_MANY_REQUESTS);
    let again = cookie(&visit(&ann).await);
    assert_eq!(
        press(&again).await,
        StatusCode::TOO_MANY_REQUESTS,
        "the same visitor"
    );
    let bob = cookie(&visit("").await);
    assert_eq!(press(&bob).await, StatusCode::SEE_OTHER);
    for wanted in [StatusCode::SEE_OTHER, StatusCode::SEE_OTHER] {
        assert_eq!(press("").await, wanted, "programs count as one visitor");
    }
    assert_eq!(
        press(&bob).await,
        StatusCode::TOO_MANY_REQUESTS,
        "five are open"
    );
}

#[tokio::test]
async fn links_of_several_captures_leave_places_for_forks_of_the_team() {
    let bench = Bench::at("previews.example", AppScript::default());
    let door = Door::of(&bench);
    let mut opened = 0;
    for nth in 1..=3 {
        let link = capture(&bench, &format!("number {nth}")).await;
        let (host, open) = host_and_path(&link);
        let press = open.replace("/open?", "/fork?");
        for _ in 0..3 {
            let visit = door.ask(Method::GET, &host, (REASON_PATH, open, "")).await;
            let visitor = cookie(&visit);
            for _ in 0..2 {
                let asked = (REASON_PATH, press.as_str(), visitor.as_str());
                let answer = door.ask(Method::POST, &host, asked).await;
                opened += usize::from(answer.status() == StatusCode::SEE_OTHER);
            }
        }
    }
    assert_eq!(
        opened, 10,
        "half of `limits.forks_max`, with three captures"
    );
    let (status, forked) = bench
        .call(
            Method::POST,
            "/api/v1/previews/shop-up/forks",
            Body::from("{}"),
        )
        .await;
    assert!(status.is_success(), "{forked}");
}

#[tokio::test]
async fn a_note_cannot_turn_the_direction_of_the_page() {
    let bench = Bench::at("previews.example", AppScript::default());
    let link = capture(&bench, "<b>total\u{202e}lmth.\u{2066}\u{1b}[31mred").await;
    let ((host, open), door) = (host_and_path(&link), Door::of(&bench));
    let page = door.ask(Method::GET, &host, (REASON_PATH, open, "")).await;
    let bytes = axum::body::to_bytes(page.into_body(), 1 << 20)
        .await
        .unwrap();
    let page = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(page.contains("totallmth.red"), "{page}");
    assert!(!page.contains(['\u{202e}', '\u{2066}', '\u{1b}']), "{page}");
    assert!(!page.contains("<b>"), "{page}");
}
