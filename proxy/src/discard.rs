//! Reads and discards the rest of a request that was answered before its end.
//!
//! Closing a connection while the visitor still sends resets it, and a reset destroys an answer
//! that the visitor has not read yet. Many programs read nothing until they have sent the whole
//! request.

use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{runtime::Handle, time::timeout};

/// Maximum bytes of one request to discard.
const DISCARD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Time limit for discarding the rest of one request.
const DISCARD_WITHIN: Duration = Duration::from_secs(30);
/// How long the visitor may stall meanwhile.
const DISCARD_STILL_MAX: Duration = Duration::from_secs(5);

/// Reads the rest in a separate task, within the limits above. After that the connection is
/// closed.
pub(crate) fn discard(rest: Incoming) {
    // A runtime that shuts down has closed every connection, or is about to.
    let Some(runtime) = Handle::try_current().ok().filter(|_| !rest.is_end_stream()) else {
        return;
    };
    runtime.spawn(async {
        if timeout(DISCARD_WITHIN, read(rest)).await != Ok(true) {
            tracing::debug!("stopped reading the rest of a request that was answered early");
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
