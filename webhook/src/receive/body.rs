//! Reads a body that may be too large or too slow.

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

/// GitHub caps payloads at 25 MB; more than this is not from it.
pub(super) const BODY_BYTES_MAX: usize = 25 * 1024 * 1024;

/// GitHub gives up after 10 s; whoever is slower holds a connection for nothing.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// How much of all larger bodies together may be in memory, in MiB. Whoever fills it makes large
/// deliveries wait for their redelivery, and the server keep its memory.
const BUDGET_MIB: usize = 128;

/// Bodies up to this size are not counted: an ordinary delivery always gets in.
const UNCOUNTED_BYTES_MAX: u64 = 64 * 1024;

static BUDGET: Semaphore = Semaphore::const_new(BUDGET_MIB);

/// The whole body. A length that is announced as too large is refused before anything is read,
/// and the bytes are counted all the same.
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

/// A part of the budget that fits what was announced; a body of unknown length may be the largest.
fn share(announced: Option<u64>) -> Result<Option<SemaphorePermit<'static>>, Problem> {
    let bytes = announced.unwrap_or(BODY_BYTES_MAX as u64);
    if bytes <= UNCOUNTED_BYTES_MAX {
        return Ok(None);
    }
    let mib = u32::try_from(bytes.div_ceil(1024 * 1024)).unwrap_or(u32::MAX);
    BUDGET.try_acquire_many(mib).map(Some).map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many large deliveries arrive at once; send this one again later",
        )
    })
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body is larger than {BODY_BYTES_MAX} bytes"),
    )
}
