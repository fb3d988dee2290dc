use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use async_trait::async_trait;
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use hyper::body::{Body as HttpBody, Frame};
use sha2::Sha256;
use tower::ServiceExt;
use webhook::{
    Accepted, Delivery, Hint, Intake, IntakeError, PullRequestNumber, ReceiveConfig,
    model::{ModelWebhook, Policy},
    receive,
};

use super::support::{change, eventually, model, shop};

const SECRET: &str = "It's a Secret to Everybody";
const GUID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

#[derive(Default)]
struct Kept {
    deliveries: Mutex<Vec<Delivery>>,
    full: bool,
}

#[async_trait]
impl Intake for Kept {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, IntakeError> {
        if self.full {
            return Err(IntakeError("the disk is full".to_owned()));
        }
        let mut kept = self.deliveries.lock().unwrap();
        if kept.iter().any(|d| d.guid == delivery.guid) {
            return Ok(Accepted::Duplicate);
        }
        kept.push(delivery);
        Ok(Accepted::Recorded)
    }
}

fn router(kept: &Arc<Kept>, secrets: &[&str]) -> axum::Router {
    receive::router(ReceiveConfig {
        secrets: secrets.iter().map(|s| (*s).into()).collect(),
        intake: Arc::clone(kept) as Arc<dyn Intake>,
    })
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let digest = mac.chain_update(body).finalize().into_bytes();
    format!("sha256={}", hex::encode(digest))
}

fn request(event: &str, body: &[u8]) -> axum::http::request::Builder {
    Request::post("/webhooks/github")
        .header("x-github-delivery", GUID)
        .header("x-github-event", event)
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature(SECRET, body))
}

async fn answer(router: axum::Router, request: Request<Body>) -> (StatusCode, serde_json::Value) {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    if !status.is_success() {
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "application/problem+json");
    }
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    if !status.is_success() {
        assert_eq!(body["status"], status.as_u16());
        assert_eq!(body["type"], "about:blank");
    }
    (status, body)
}

fn opened() -> Vec<u8> {
    serde_json::json!({
        "action": "opened", "number": 3, "repository": {"id": 7, "full_name": "acme/shop"},
    })
    .to_string()
    .into()
}

#[tokio::test]
async fn a_signed_delivery_is_recorded_once() {
    let kept = Arc::new(Kept::default());
    for wanted in ["recorded", "duplicate"] {
        let body = opened();
        let request = request("pull_request", &body).body(body.into()).unwrap();
        let (status, answer) = answer(router(&kept, &[SECRET]), request).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(answer["status"], wanted);
    }
    let deliveries = kept.deliveries.lock().unwrap();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].action.as_deref(), Some("opened"));
    assert!(
        matches!(&deliveries[0].hint, Hint::Refresh { number, .. } if *number == PullRequestNumber(3))
    );
}

#[tokio::test]
async fn each_wrong_delivery_gets_its_own_sentence() {
    let body = opened();
    let ok = || request("pull_request", &body);
    let with = |name: &'static str, value: &str| {
        let mut request = ok().body(Body::from(body.clone())).unwrap();
        request.headers_mut().remove(name);
        if !value.is_empty() {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    };
    let signed =
        |event: &str, body: &'static [u8]| request(event, body).body(Body::from(body)).unwrap();
    let other = signature("another", &body);
    let cases = [
        (with("x-hub-signature-256", ""), 401, "is required"),
        (with("x-hub-signature-256", &other), 401, "does not match"),
        (with("x-github-delivery", ""), 400, "X-GitHub-Delivery"),
        (with("x-github-delivery", "../../x"), 400, "not a GUID"),
        (with("x-github-event", ""), 400, "X-GitHub-Event"),
        (
            with("content-type", "application/x-www-form-urlencoded"),
            400,
            "set the webhook's content type to application/json",
        ),
        (with("content-length", "26214401"), 413, "larger than"),
        (signed("pull_request", b"{"), 400, "not JSON"),
        (signed("pull_request", b"[1"), 400, "not JSON"),
        (signed("pull_request", b"3"), 400, "not one JSON object"),
        (signed("pull_request", b"{}"), 400, "no field action"),
    ];
    for (request, wanted, words) in cases {
        let kept = Arc::new(Kept::default());
        let (status, problem) = answer(router(&kept, &[SECRET]), request).await;
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(status.as_u16(), wanted, "{detail}");
        assert!(detail.contains(words), "{detail}");
        assert!(kept.deliveries.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_body_is_counted_while_it_is_read() {
    let kept = Arc::new(Kept::default());
    let mut body = opened();
    body.resize(25 * 1024 * 1024, b' ');
    let fits = request("pull_request", &body)
        .body(Chunks::body(&body))
        .unwrap();
    let (status, _) = answer(router(&kept, &[SECRET]), fits).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    body.push(b' ');
    let large = request("pull_request", &body)
        .body(Chunks::body(&body))
        .unwrap();
    let (status, _) = answer(router(&kept, &[SECRET]), large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up() {
    let kept = Arc::new(Kept::default());
    let request = request("ping", b"").body(Body::new(Never)).unwrap();
    let (status, _) = answer(router(&kept, &[SECRET]), request).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn nothing_is_accepted_without_a_secret_or_a_place_to_keep_it() {
    let body = opened();
    for (secrets, full, words) in [
        (vec![], false, "no webhook secret"),
        (vec![""], false, "no webhook secret"),
        (vec![SECRET], true, "the disk is full"),
    ] {
        let kept = Arc::new(Kept {
            full,
            ..Kept::default()
        });
        let request = request("pull_request", &body)
            .body(body.clone().into())
            .unwrap();
        let (status, problem) = answer(router(&kept, &secrets), request).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(problem["detail"].as_str().unwrap().contains(words));
    }
}

#[tokio::test]
async fn another_method_is_a_problem_too() {
    let kept = Arc::new(Kept::default());
    let request = Request::get("/webhooks/github")
        .body(Body::empty())
        .unwrap();
    let (status, _) = answer(router(&kept, &[SECRET]), request).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn events_of_the_modelled_forge_arrive_as_its_policies_say() {
    let model = model().await;
    let kept = Arc::new(Kept::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connect: SocketAddr = listener.local_addr().unwrap();
    let served = router(&kept, &[SECRET]);
    let server = tokio::spawn(async move { axum::serve(listener, served).await });
    model.set_webhook(Some(ModelWebhook {
        connect,
        host: "dayfly.localhost:8080".to_owned(),
        path: "/webhooks/github".to_owned(),
        secret: SECRET.into(),
    }));
    let one = PullRequestNumber(1);
    model.deliver_next(Policy::Hold, 1);
    model.deliver_next(Policy::Lose, 1);
    model.deliver_next(Policy::Double, 1);
    let changes = change("README", "three");
    model
        .push(&shop(), "topic", "main", &changes, "Held")
        .await
        .unwrap();
    model.close(&shop(), one).unwrap();
    model.reopen(&shop(), one).unwrap();
    let settled = || async {
        let all = model.deliveries();
        (all.iter().filter(|d| d.status == Some(202)).count() == 2).then_some(all)
    };
    let all = eventually(settled).await;
    assert_eq!(kept.deliveries.lock().unwrap().len(), 1);
    let held = all.iter().find(|d| d.held).unwrap();
    assert_eq!(held.action, "synchronize");
    model.release_held(|held| held.reverse());
    let lost = all.iter().find(|d| d.action == "closed").unwrap();
    assert!(model.redeliver(&lost.guid));
    eventually(|| async { (kept.deliveries.lock().unwrap().len() == 3).then_some(()) }).await;
    server.abort();
}

/// A body without a Content-Length.
struct Chunks(Vec<Bytes>);

impl Chunks {
    fn body(body: &[u8]) -> Body {
        let mut chunks: Vec<Bytes> = body.chunks(1 << 20).map(Bytes::copy_from_slice).collect();
        chunks.reverse();
        Body::new(Self(chunks))
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.pop().map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// A body that never arrives.
struct Never;

impl HttpBody for Never {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}
