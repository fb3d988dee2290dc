//! The API as its callers see it.

use axum::body::Body;
use deploy::fake::{AppScript, BuildScript};
use http::{Method, StatusCode};
use webhook::PullRequestState;

use super::{
    client::{Client, ClientError},
    testing::Bench,
};
use crate::config::api_socket;

const DOCKERFILE: &str = "FROM scratch\nEXPOSE 8080\n";

#[tokio::test]
async fn what_is_not_there_is_told_in_one_sentence() {
    let bench = Bench::new(AppScript::default());
    let get = Method::GET;
    let (status, said) = bench.problem(get.clone(), "/api/v1/nothing", "").await;
    assert_eq!(status, 404, "{said}");
    for id in ["shop-1", "..%2Fetc", "--x", "%ff"] {
        for rest in ["", "/events", "/logs", "/wait"] {
            let path = format!("/api/v1/previews/{id}{rest}");
            let (status, said) = bench.problem(get.clone(), &path, "").await;
            assert_eq!(status, 404, "{path}: {said}");
        }
    }
    let (status, _) = bench.problem(Method::PATCH, "/api/v1/previews", "").await;
    assert_eq!(status, 405);
    let (status, _) = bench.problem(get, "/api/v1/deliveries?limit=x", "").await;
    assert_eq!(status, 400);
    let path = "/api/v1/previews";
    for body in ["", "{", r#"{"repository":"x","number":1}"#, r#"{"repo":1}"#] {
        let (status, said) = bench.problem(Method::POST, path, body).await;
        assert_eq!(status, 400, "{body}: {said}");
    }
    let large = format!(r#"{{"repository":"{}","number":1}}"#, "x".repeat(100_000));
    let (status, _) = bench.problem(Method::POST, path, &large).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_program_reads_the_kind_of_a_refusal_in_its_code() {
    let bench = Bench::new(AppScript::default());
    bench.put("shop", "/shop", DOCKERFILE).await;
    let database = r#"{"engine":"postgres:15","hours":0}"#;
    for (method, path, body, status, code) in [
        ("GET", "/api/v1/nothing", "", 404, "not_found"),
        ("GET", "/api/v1/previews/blog-up", "", 404, "not_found"),
        ("PATCH", "/api/v1/previews", "", 405, "invalid"),
        ("POST", "/api/v1/databases", database, 400, "invalid"),
        (
            "POST",
            "/api/v1/previews/shop-up/relink",
            "{}",
            409,
            "conflict",
        ),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (answered, said) = bench.call(method, path, Body::from(body)).await;
        assert_eq!(answered, status, "{said}");
        assert_eq!(said["code"], code, "{said}");
    }
}

#[tokio::test]
async fn an_uploaded_checkout_lives_and_is_removed_without_a_trace() {
    let bench = Bench::new(AppScript::default());
    let (status, preview) = bench.put("shop", "/home/ann/shop", DOCKERFILE).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{preview}");
    assert_eq!(preview["id"], "shop-up");
    let preview = bench.until("shop-up", "live").await;
    assert_eq!(preview["url"], "http://up--shop.localhost:8080");
    assert_eq!(preview["title"], "/home/ann/shop");
    assert_eq!(preview["branch"], "main");
    assert_eq!(preview["commit"], preview["serving_commit"]);
    assert_eq!(preview["services"][0]["phase"], "live");
    let (_, again) = bench.put("shop", "/home/ann/shop", DOCKERFILE).await;
    assert_eq!(again["phase"], "live", "the same files change nothing");
    let (_, all) = bench.get("/api/v1/previews").await;
    assert_eq!(all.as_array().unwrap().len(), 1);
    let path = "/api/v1/previews/shop-up";
    let (status, _) = bench.call(Method::DELETE, path, Body::empty()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let gone = bench.until("shop-up", "gone").await;
    assert_eq!(gone["ending"], "removed");
    assert!(gone["url"].is_null() && gone["expires_at"].is_null());
    assert!(bench.engine.everything().is_empty());
    let (status, _) = bench.call(Method::DELETE, path, Body::empty()).await;
    assert_eq!(status, StatusCode::OK);
    let (_, events) = bench.get("/api/v1/previews/shop-up/events").await;
    assert!(!events.as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_checkout_that_failed_is_tried_once_more() {
    let build = BuildScript::Fails {
        step: "[2/2] RUN make".to_owned(),
        message: "exit code 2".to_owned(),
    };
    let bench = Bench::new(AppScript {
        build,
        ..AppScript::default()
    });
    bench.put("shop", "/shop", DOCKERFILE).await;
    let failed = bench.until("shop-up", "failed").await;
    assert_eq!(failed["diagnosis"]["code"], "DF201");
    let log = bench
        .text("/api/v1/previews/shop-up/logs?build=true&follow=true")
        .await;
    assert!(log.contains("failed: exit code 2"), "{log}");
    bench.engine.app_by_default(AppScript::default());
    let (_, preview) = bench.put("shop", "/shop", DOCKERFILE).await;
    assert_eq!(preview["diagnosis"], serde_json::Value::Null);
    bench.until("shop-up", "live").await;
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_told_with_the_reason() {
    let bench = Bench::new(AppScript::default());
    let why = async |name: &str| {
        let path = format!("/api/v1/previews/{name}-up/databases/main");
        bench.problem(Method::GET, &path, "").await
    };
    let toml = "[services.web]\nbuild = \".\"\n[databases.main]\nengine = \"postgres:15\"\n\
                snapshot = \"nightly\"\n";
    let files = [("Dockerfile", DOCKERFILE), ("dayfly.toml", toml)];
    bench.put_files("shop", "/shop", &files).await;
    let failed = bench.until("shop-up", "failed").await;
    assert_eq!(failed["diagnosis"]["code"], "DF413");
    assert_eq!(failed["databases"][0]["phase"], "failed");
    let (status, said) = why("shop").await;
    let wanted =
        "database main was not created, since shop-up failed; `dayfly show shop-up` says why";
    assert_eq!((status, said.as_str()), (409, wanted));

    bench.put_files("blog", "/blog", &[("note", "")]).await;
    let failed = bench.until("blog-up", "failed").await;
    assert_eq!(failed["diagnosis"]["code"], "DF101");
    let (status, said) = why("blog").await;
    assert_eq!(status, 409);
    assert!(
        said.contains("failed before its databases were known"),
        "{said}"
    );

    let path = "/api/v1/previews/blog-up";
    bench.call(Method::DELETE, path, Body::empty()).await;
    bench.until("blog-up", "gone").await;
    let (status, said) = why("blog").await;
    let wanted = "blog-up was removed, including its databases";
    assert_eq!((status, said.as_str()), (409, wanted));
}

#[tokio::test]
async fn a_folder_of_the_same_name_does_not_take_the_preview() {
    let bench = Bench::new(AppScript::default());
    bench.put("shop", "/ann/shop", DOCKERFILE).await;
    let (status, said) = bench.put("shop", "/bob/shop", DOCKERFILE).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        said["detail"].as_str().unwrap().contains("/ann/shop"),
        "{said}"
    );
    let (status, _) = bench.put("Shop--x", "/x", DOCKERFILE).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn only_an_open_pull_request_of_the_repository_gets_a_preview() {
    let bench = Bench::new(AppScript::default());
    let ask = async |repository: &str, number: u64| {
        let body = format!(r#"{{"repository":"{repository}","number":{number}}}"#);
        bench.problem(Method::POST, "/api/v1/previews", &body).await
    };
    let (status, said) = ask("acme/other", 1).await;
    assert_eq!(status, 404);
    assert!(said.contains("no repository acme/other"), "{said}");
    let (status, said) = ask("acme/shop", 2).await;
    assert_eq!(status, 404);
    assert_eq!(said, "acme/shop has no pull request #2");
    bench.forge.pull.lock().unwrap().state = PullRequestState::Merged;
    let (status, said) = ask("acme/shop", 1).await;
    assert_eq!(
        (status, said.contains("acme/shop#1 is merged")),
        (409, true)
    );
    bench.forge.pull.lock().unwrap().state = PullRequestState::Open;
    bench.forge.pull.lock().unwrap().head_repository = None;
    let (status, said) = ask("acme/shop", 1).await;
    assert_eq!((status, said.contains("fork")), (409, true));
    let (_, all) = bench.get("/api/v1/previews").await;
    assert_eq!(all, serde_json::json!([]));
}

#[tokio::test]
async fn a_removed_preview_stays_away_until_somebody_asks_for_it() {
    let bench = Bench::new(AppScript::default());
    let body = r#"{"repository":"acme/shop","number":1}"#;
    let ask = || bench.call(Method::POST, "/api/v1/previews", Body::from(body));
    let (status, preview) = ask().await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(preview["id"], "shop-1");
    // This test's forge provides no clone, so the preview cannot get past its source.
    bench.until("shop-1", "building").await;
    let path = "/api/v1/previews/shop-1";
    bench.call(Method::DELETE, path, Body::empty()).await;
    bench.until("shop-1", "gone").await;
    let (_, preview) = ask().await;
    assert_eq!(preview["phase"], "queued");
    bench.until("shop-1", "building").await;
}

#[tokio::test]
async fn the_command_line_and_the_server_understand_each_other() {
    let bench = Bench::new(AppScript::default());
    let client = Client::new(bench.folder.path());
    let error = client.health().await.unwrap_err();
    assert!(matches!(error, ClientError::NoServer { .. }));
    assert!(
        error
            .to_string()
            .contains("start one with `dayfly serve --config FILE`")
    );
    let socket = api_socket(bench.folder.path());
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    let stop = bench.state.shutdown.clone().cancelled_owned();
    let served = axum::serve(listener, bench.router()).with_graceful_shutdown(stop);
    let served = tokio::spawn(served.into_future());
    assert_eq!(client.health().await.unwrap().status, "ok");
    let previews: Vec<super::PreviewView> = client.get("/api/v1/previews").await.unwrap();
    assert!(previews.is_empty());
    let missing = client
        .get::<super::PreviewView>("/api/v1/previews/shop-1")
        .await;
    let said = missing.unwrap_err().to_string();
    assert_eq!(
        said,
        "there is no preview \"shop-1\"; `dayfly ls` shows all"
    );
    let stopping: super::Stopping = client
        .post("/api/v1/shutdown?proxy=true", &())
        .await
        .unwrap();
    assert!(stopping.proxy);
    served.await.unwrap().unwrap();
}
