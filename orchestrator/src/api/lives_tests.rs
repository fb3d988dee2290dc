//! Several lives of one preview name: access to one life gives no access to the next.

use axum::body::Body;
use deploy::fake::AppScript;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use proxy::{
    gate::{REASON_ACCESS, REASON_PATH},
    table::SessionDigest,
};

use super::{
    testing::Bench,
    testing_gate::{Door, cookie, host_and_path},
};

/// How many names live side by side, and how many lives each has.
const NAMES: usize = 10;
const LIVES: usize = 10;

const DOCKERFILE: &str = "FROM scratch\nEXPOSE 8080\n";

/// Runs through one life: its link gives access, and the links of the life before do not. Returns
/// the link and the cookie.
async fn live(bench: &Bench, slug: &str, before: Option<&(String, String)>) -> (String, String) {
    let (door, id) = (Door::of(bench), format!("{slug}-up"));
    bench.put(slug, &format!("/{slug}"), DOCKERFILE).await;
    let preview = bench.until(&id, "live").await;
    let (host, path) = host_and_path(preview["url"].as_str().unwrap());
    assert_eq!(door.let_in(&host), [], "no one opened it yet");
    let ask = async |asked| door.ask(Method::GET, &host, asked).await;
    if let Some((link, cookie)) = before {
        for asked in [
            (REASON_PATH, link.as_str(), ""),
            (REASON_ACCESS, "/", cookie),
        ] {
            let refused = ask(asked).await.status();
            assert_eq!(
                refused,
                StatusCode::FORBIDDEN,
                "of the life before: {asked:?}"
            );
        }
    }
    let opened = ask((REASON_PATH, path, "")).await;
    assert_eq!(opened.status(), StatusCode::SEE_OTHER, "{path}");
    let cookie = cookie(&opened);
    let session = cookie.split_once('=').unwrap().1;
    assert_eq!(door.let_in(&host), [SessionDigest::of(session)]);
    let preview = format!("/api/v1/previews/{id}");
    bench.call(Method::DELETE, &preview, Body::empty()).await;
    bench.until(&id, "gone").await;
    assert_eq!(door.let_in(&host), [], "the life is over");
    (path.to_owned(), cookie)
}

#[tokio::test]
async fn what_opened_one_of_a_hundred_lives_opens_no_later_one() {
    let bench = Bench::at("previews.example", AppScript::default());
    let lives = (0..NAMES).map(async |name| {
        let slug = format!("shop{name}");
        let mut before = None;
        for _ in 0..LIVES {
            before = Some(live(&bench, &slug, before.as_ref()).await);
        }
    });
    join_all(lives).await;
}

#[tokio::test]
async fn a_link_that_was_read_while_its_life_ended_lets_nobody_in() {
    let bench = Bench::at("previews.example", AppScript::default());
    let (store, id) = (&bench.state.workers.ports().store, "shop-up");
    bench.put("shop", "/shop", DOCKERFILE).await;
    bench.until(id, "live").await;
    let id = deploy::names::PreviewId::parse(id).unwrap();
    let read = store.preview(&id).await.unwrap().unwrap();
    let path = "/api/v1/previews/shop-up";
    bench.call(Method::DELETE, path, Body::empty()).await;
    let digest = SessionDigest::of("late");
    let add = async || {
        let added = store.add_session(&read, &digest, 1);
        added.await.unwrap()
    };
    assert!(!add().await, "it is being removed");
    bench.until("shop-up", "gone").await;
    assert!(!add().await, "it is removed");
    bench.put("shop", "/shop", DOCKERFILE).await;
    bench.until("shop-up", "live").await;
    assert!(!add().await, "another life has begun");
}
