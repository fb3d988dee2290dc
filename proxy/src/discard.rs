//! Reads the rest of a request that was answered before its end, and throws it away.
//!
//! A connection that is closed while its visitor still sends is reset, and a reset takes the answer
//! away from a visitor who has not read it yet. Many programs read nothing before they have sent
//! everything.

use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{runtime::Handle, time::timeout};

/// Bytes of one request that are thrown away, at most.
const DISCARD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long the rest of one request is thrown away, at most.
const DISCARD_WITHIN: Duration = Duration::from_secs(30);
/// How long a visitor may stand still meanwhile.
const DISCARD_STILL_MAX: Duration = Duration::from_secs(5);

/// Reads what still comes, in a task of its own, within the bounds above. After them the
/// connection is closed.
pub(crate) fn discard(rest: Incoming) {
    // A runtime that ends has closed every connection, or is about to.
    let Some(runtime) = Handle::try_current().ok().filter(|_| !rest.is_end_stream()) else {
        return;
    };
    runtime.spawn(async {
        if timeout(DISCARD_WITHIN, read(rest)).await != Ok(true) {
            tracing::debug!("the rest of a request that was answered early is not waited for");
        }
    });
}

/// Whether the end was reached.
async fn read(mut rest: Incoming) -> bool {
    let mut bytes = 0;
    while bytes < DISCARD_BYTES_MAX {
        match timeout(DISCARD_STILL_MAX, rest.frame()).await {
            Ok(Some(Ok(frame))) => bytes += frame.data_ref().map_or(0, bytes::Bytes::len),
            Ok(None) => return true,
            Ok(Some(Err(_))) | Err(_) => return false,
        }
    }
    false
}
