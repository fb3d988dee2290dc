//! The endpoint for webhooks.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::{
    body,
    payload::{Payload, shortened},
    problem::Problem,
    signature,
};
use crate::intake::{Accepted, Delivery, Hint, Intake};

/// GitHub waits 10 s for an answer, which includes reading the body.
const INTAKE_DEADLINE: Duration = Duration::from_secs(8);

/// The configuration of the endpoint.
pub struct ReceiveConfig {
    /// One secret, or two during a rotation. Without any, every delivery is answered with 503:
    /// unsigned deliveries are never accepted. Empty secrets do not count.
    pub secrets: Vec<SecretString>,
    /// Stores verified deliveries.
    pub intake: Arc<dyn Intake>,
}

/// A router that only answers `POST /webhooks/github`.
pub fn router(config: ReceiveConfig) -> Router {
    let secrets = config
        .secrets
        .into_iter()
        .filter(|secret| !secret.expose_secret().is_empty())
        .collect();
    let state = Arc::new(Receiver {
        secrets,
        intake: config.intake,
    });
    Router::new()
        .route(
            "/webhooks/github",
            post(receive).fallback(method_not_allowed),
        )
        .with_state(state)
}

struct Receiver {
    secrets: Vec<SecretString>,
    intake: Arc<dyn Intake>,
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "send webhooks to this address with POST",
    )
}

async fn receive(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match receiver.receive(&parts.headers, body).await {
        Ok(accepted) => {
            let status = match accepted {
                Accepted::Recorded => "recorded",
                Accepted::Ignored => "ignored",
                Accepted::Duplicate => "duplicate",
            };
            let answer = Json(serde_json::json!({ "status": status }));
            (StatusCode::ACCEPTED, answer).into_response()
        }
        Err(problem) => {
            tracing::warn!(
                status = problem.status.as_u16(),
                detail = problem.detail,
                "refused a webhook"
            );
            problem.into_response()
        }
    }
}

impl Receiver {
    async fn receive(&self, headers: &HeaderMap, body: Body) -> Result<Accepted, Problem> {
        if self.secrets.is_empty() {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no webhook secret is configured here, and unsigned webhooks are never accepted",
            ));
        }
        let body = body::read(headers, body).await?;
        signature::verify(headers, &body, &self.secrets)?;
        let delivery = read(headers, &body)?;
        let ignored = matches!(delivery.hint, Hint::Ignored { .. });
        tracing::info!(
            delivery = delivery.guid,
            event = delivery.event,
            action = delivery.action,
            ignored,
            "received a webhook"
        );
        self.record_delivery(delivery).await
    }

    async fn record_delivery(&self, delivery: Delivery) -> Result<Accepted, Problem> {
        let unavailable = |detail: String| Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        match timeout(INTAKE_DEADLINE, self.intake.accept(delivery)).await {
            Ok(Ok(accepted)) => Ok(accepted),
            Ok(Err(error)) => Err(unavailable(error.to_string())),
            Err(_) => Err(unavailable(format!(
                "cannot store the delivery within {}s",
                INTAKE_DEADLINE.as_secs()
            ))),
        }
    }
}

/// Only called with a verified body.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Delivery, Problem> {
    let guid = header(headers, "X-GitHub-Delivery")?.to_ascii_lowercase();
    if !is_guid(&guid) {
        return Err(Problem::bad_request(
            "the header X-GitHub-Delivery is not a GUID",
        ));
    }
    let event = header(headers, "X-GitHub-Event")?;
    check_content_type(headers)?;
    let payload = Payload::parse(body)?;
    Ok(Delivery {
        guid,
        hint: payload.hint(event)?,
        action: payload.action(),
        event: shortened(event),
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Problem> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Problem::bad_request(format!("the header {name} is missing or not text")))
}

/// Eight, four, four, four and twelve hex digits.
fn is_guid(value: &str) -> bool {
    let lengths = value.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::bad_request(format!(
        "the payload's content type is {:?}: set the webhook's content type to application/json",
        shortened(media_type)
    )))
}
