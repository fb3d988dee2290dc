//! Snapshots that a checkout names: checked at each push, and before databases are recreated.

use axum::body::Body;
use deploy::{fake::AppScript, names::PreviewId};
use http::Method;
use serde_json::{Value, json};

use super::testing::Bench;
use crate::lifecycle::Outcome;

const ID: &str = "shop-up";

/// A serving preview. The server keeps its data as `nightly`, and as `people` with real data.
async fn serving() -> Bench {
    let bench = Bench::new(AppScript::default());
    push(&bench, "").await;
    bench.until(ID, "live").await;
    for (name, holds) in [("nightly", "synthetic"), ("people", "real")] {
        let body = json!({"preview": ID, "name": name, "holds": holds, "owner": "ann"});
        let body = Body::from(body.to_string());
        let (status, said) = bench.call(Method::POST, "/api/v1/snapshots", body).await;
        assert_eq!(status, 201, "{said}");
    }
    bench
}

/// Pushes a checkout whose database starts from the snapshot of that name, or empty.
async fn push(bench: &Bench, snapshot: &str) {
    let mut toml =
        "[services.web]\nbuild = \".\"\n[databases.main]\nengine = \"postgres:15\"\n".to_owned();
    if !snapshot.is_empty() {
        toml.push_str(&format!("snapshot = \"{snapshot}\"\n"));
    }
    let files = [
        ("Dockerfile", "FROM scratch\nEXPOSE 8080\n"),
        ("dayfly.toml", toml.as_str()),
    ];
    bench.put_files("shop", "/shop", &files).await;
}

async fn reset(bench: &Bench) -> (u16, Value) {
    let path = format!("/api/v1/previews/{ID}/reset");
    let (status, said) = bench.call(Method::POST, &path, Body::from("{}")).await;
    (status.as_u16(), said)
}

/// The diagnosis of the newest revision that everyone sees.
async fn told_to_all(bench: &Bench) -> String {
    let store = &bench.state.workers.ports().store;
    let id = PreviewId::parse(ID).unwrap();
    let last = store.revisions(&id).await.unwrap().pop().unwrap();
    match last.facts.outcome {
        Some(Outcome::Failed(diagnosis)) => format!("{} {}", diagnosis.sentence, diagnosis.action),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_push_that_names_an_unusable_snapshot_fails_although_its_data_would_go_on() {
    let bench = serving().await;
    push(&bench, "nightly").await;
    let before = bench.until(ID, "live").await;
    for (name, code) in [("nightlly", "DF413"), ("people", "DF414")] {
        push(&bench, name).await;
        let failed = bench.until(ID, "failed").await;
        assert_eq!(failed["diagnosis"]["code"], code, "{failed}");
        assert_eq!(failed["serving_commit"], before["commit"], "{failed}");
        assert_eq!(failed["services"][0]["phase"], "live", "{failed}");
    }
    push(&bench, "nightly").await;
    bench.until(ID, "live").await;
}

#[tokio::test]
async fn only_the_operator_is_told_the_name_that_was_probably_meant() {
    let bench = serving().await;
    push(&bench, "nightlly").await;
    let failed = bench.until(ID, "failed").await;
    let action = failed["diagnosis"]["action"].as_str().unwrap();
    assert!(action.contains("Did you mean nightly?"), "{action}");
    let told = told_to_all(&bench).await;
    assert!(told.contains("nightlly"), "{told}");
    assert!(!told.contains("nightly"), "{told}");
    push(&bench, "backups").await;
    let failed = bench.until(ID, "failed").await;
    let action = failed["diagnosis"]["action"].as_str().unwrap();
    assert!(!action.contains("Did you mean"), "{action}");
}

#[tokio::test]
async fn databases_that_cannot_start_again_change_nothing() {
    let bench = serving().await;
    push(&bench, "nightly").await;
    let before = bench.until(ID, "live").await;
    let named = bench.call(Method::DELETE, "/api/v1/snapshots/nightly", Body::empty());
    assert!(named.await.0.is_success());
    let (status, said) = reset(&bench).await;
    assert_eq!(status, 409, "{said}");
    let detail = said["detail"].as_str().unwrap();
    assert!(detail.contains("nothing is changed"), "{detail}");
    assert!(detail.contains("no snapshot called nightly"), "{detail}");
    let (_, after) = bench.get(&format!("/api/v1/previews/{ID}")).await;
    for told in [
        "phase",
        "commit",
        "serving_commit",
        "diagnosis",
        "updated_at",
    ] {
        assert_eq!(after[told], before[told], "{told}");
    }
    push(&bench, "peopel").await;
    bench.until(ID, "failed").await;
    let (status, said) = reset(&bench).await;
    assert_eq!(status, 409, "{said}");
    let detail = said["detail"].as_str().unwrap();
    assert!(detail.contains("did you mean people?"), "{detail}");
}
