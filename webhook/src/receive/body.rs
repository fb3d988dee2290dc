//! Reads a request body with limits on size and time.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::problem::Problem;

/// GitHub caps payloads at 25 MB.
pub(super) const BODY_BYTES_MAX: usize = 25 * 1024 * 1024;

/// GitHub gives up after 10 s, so a slower sender only occupies a connection.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Memory for all larger bodies together, in MiB. When it is full, large deliveries are refused and
/// must be redelivered; the server's memory use stays bounded.
const BUDGET_MIB: usize = 128;

/// Bodies up to this size do not count, so an ordinary delivery is always accepted.
const UNCOUNTED_BYTES_MAX: u64 = 64 * 1024;

static BUDGET: Semaphore = Semaphore::const_new(BUDGET_MIB);

/// Reads the whole body. A too large Content-Length is refused before reading, and the limit also
/// applies to the bytes that arrive.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    let _share = share(announced)?;
    match timeout(BODY_DEADLINE, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::bad_request(
            "the connection broke before the body was complete",
        )),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body did not arrive within {}s",
                BODY_DEADLINE.as_secs()
            ),
        )),
    }
}

/// The body's share of the budget; a body of unknown length gets the maximum.
fn share(announced: Option<u64>) -> Result<Option<SemaphorePermit<'static>>, Problem> {
    let bytes = announced.unwrap_or(BODY_BYTES_MAX as u64);
    if bytes <= UNCOUNTED_BYTES_MAX {
        return Ok(None);
    }
    let mib = u32::try_from(bytes.div_ceil(1024 * 1024)).unwrap_or(u32::MAX);
    BUDGET.try_acquire_many(mib).map(Some).map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many large deliveries arrive at once; redeliver this one later",
        )
    })
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body is larger than {BODY_BYTES_MAX} bytes"),
    )
}
