//! Separates the proxy's questions about previews from requests to the control host.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use proxy::gate::{FOR, FOR_CONTROL, FOR_GATE};
use secrecy::SecretString;
use tower::ServiceExt as _;
use webhook::intake::Intake;

use super::{answer, codes::Codes, control, openers::Openers, state::Gate};
use crate::worker::Workers;

#[derive(Clone)]
struct Sides {
    gate: Arc<Gate>,
    control: Router,
}

/// The router for the Gate's socket.
pub fn router(
    workers: Workers,
    webhook_secrets: Vec<SecretString>,
    intake: Arc<dyn Intake>,
) -> Router {
    let control = control::router(webhook_secrets, intake);
    let gate = Arc::new(Gate {
        workers,
        codes: Codes::default(),
        openers: Openers::default(),
    });
    Router::new()
        .fallback(dispatch)
        .with_state(Sides { gate, control })
}

async fn dispatch(State(sides): State<Sides>, request: Request) -> Response {
    match request.headers().get(FOR).map(|value| value.as_bytes()) {
        Some(word) if word == FOR_CONTROL.as_bytes() => {
            sides.control.oneshot(request).await.into_response()
        }
        Some(word) if word == FOR_GATE.as_bytes() => {
            answer::answer(&sides.gate, &request.into_parts().0).await
        }
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}
