//! An upgraded connection, copied both ways until either end is done, silent or cut.

use std::{io, time::Duration};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{key::OpenStream, motion::Motion};

/// From the 101 to both ends being ours to copy.
const SWITCH_WITHIN: Duration = Duration::from_secs(10);
/// From the visitor's end of a stream to the upstream's.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(5);
/// Bytes copied at once, each way.
const BUFFER_BYTES: usize = 16 * 1024;

/// Copies until it ends. The count of the stream ends with it.
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
            // Nothing more can come for the visitor, and nobody is left to hear it.
            ended = downwards.as_mut() => ended,
            // The visitor has said its last word, but may still be listening.
            ended = upwards.as_mut() => {
                ended?;
                timeout(LAST_WORDS_WITHIN, downwards).await.unwrap_or(Ok(()))
            }
        }
    };
    tokio::select! {
        // How a tunnel ends is the business of its two ends.
        _ended = copying => {}
        () = motion.still_for(idle) => tracing::debug!("a stream was silent too long"),
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
