//! Copies an upgraded connection both ways until either end closes, both are silent, or it is cut.

use std::{io, time::Duration};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{key::OpenStream, motion::Motion};

/// Time limit from the 101 until both ends have switched protocols.
const SWITCH_WITHIN: Duration = Duration::from_secs(10);
/// How long the upstream may keep sending after the visitor has finished.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(5);
/// Bytes copied at once in each direction.
const BUFFER_BYTES: usize = 16 * 1024;

/// Copies until either end finishes. Dropping the stream count marks the end.
pub(crate) async fn tunnel(
    visitor: OnUpgrade,
    upstream: OnUpgrade,
    counted: OpenStream,
    cut: CancellationToken,
    idle: Duration,
) {
    let both = async { tokio::try_join!(visitor, upstream) };
    let switched = tokio::select! {
        switched = timeout(SWITCH_WITHIN, both) => switched,
        () = cut.cancelled() => return,
    };
    if let Ok(Ok((visitor, upstream))) = switched {
        tokio::select! {
            () = copy_both(visitor, upstream, idle) => {}
            () = cut.cancelled() => {}
        }
    }
    drop(counted);
}

async fn copy_both(visitor: Upgraded, upstream: Upgraded, idle: Duration) {
    let (visitor_in, visitor_out) = tokio::io::split(TokioIo::new(visitor));
    let (upstream_in, upstream_out) = tokio::io::split(TokioIo::new(upstream));
    let motion = Motion::default();
    let copying = async {
        let mut upwards = std::pin::pin!(copy(visitor_in, upstream_out, &motion));
        let mut downwards = std::pin::pin!(copy(upstream_in, visitor_out, &motion));
        tokio::select! {
            // The upstream has ended, so the visitor gets nothing more.
            ended = downwards.as_mut() => ended,
            // The visitor has finished sending, but may still be reading.
            ended = upwards.as_mut() => {
                ended?;
                timeout(LAST_WORDS_WITHIN, downwards).await.unwrap_or(Ok(()))
            }
        }
    };
    tokio::select! {
        // Errors of a tunnel concern only its two ends.
        _ended = copying => {}
        () = motion.still_for(idle) => tracing::debug!("closing a stream that was silent too long"),
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    motion: &Motion,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        motion.moved();
    }
}
