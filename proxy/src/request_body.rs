//! The body of a request, streamed through without buffering it whole. Bytes that the upstream
//! does not want are still read, so that a visitor that is still sending gets the answer.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::{
    discard::discard,
    motion::{Motion, Standstill},
};

/// The body of a request on its way to an upstream.
pub(crate) enum RequestBody {
    Empty,
    Visitor(Upload),
}

/// Why a request body is incomplete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It was cut off or is malformed.
    #[error("read the visitor's body: {0}")]
    Broken(#[from] hyper::Error),
    /// The connection stalled for this long.
    #[error("read the visitor's body: it stalled for longer than {0:?}")]
    Still(Duration),
}

/// A visitor's request body. When dropped early, the rest is read and discarded.
pub(crate) struct Upload {
    /// `None` once the body has been read to its end.
    incoming: Option<Incoming>,
    progress: Arc<Progress>,
    /// Whether the visitor still waits for `100 Continue` before it sends the body.
    unasked: bool,
    motion: Arc<Motion>,
    stall: Duration,
    standstill: Standstill,
}

/// The progress of an upload, shared with the upstream side.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    waits: AtomicBool,
    over: CancellationToken,
}

impl Progress {
    /// Whether the next bytes have to come from the visitor.
    pub(crate) fn waits_for_visitor(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Whether the upstream gets no more of the body.
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Completes when the upstream gets no more of the body.
    pub(crate) fn over(&self) -> WaitForCancellationFuture<'_> {
        self.over.cancelled()
    }
}

impl RequestBody {
    /// The body of a request with these headers. `motion` belongs to the visitor's connection; the
    /// body fails when that stalls for `stall`.
    pub(crate) fn new(
        incoming: Incoming,
        headers: &HeaderMap,
        motion: Arc<Motion>,
        stall: Duration,
    ) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        Self::Visitor(Upload {
            incoming: Some(incoming),
            progress: Arc::default(),
            unasked: headers.contains_key(header::EXPECT),
            motion,
            stall,
            standstill: Standstill::default(),
        })
    }

    /// The progress of this upload; `None` if there is nothing to send.
    pub(crate) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Empty => None,
            Self::Visitor(upload) => Some(Arc::clone(&upload.progress)),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Visitor(upload) => upload.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Visitor(upload) => upload.incoming.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Visitor(upload) => match &upload.incoming {
                Some(incoming) => incoming.size_hint(),
                None => SizeHint::with_exact(0),
            },
        }
    }
}

impl Upload {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        self.unasked = false;
        let Poll::Ready(frame) = Pin::new(incoming).poll_frame(cx) else {
            self.progress.waits.store(true, Ordering::Relaxed);
            return match self.standstill.poll(cx, &self.motion, self.stall) {
                Poll::Ready(()) => {
                    self.incoming = None;
                    Poll::Ready(Some(Err(BodyError::Still(self.stall))))
                }
                Poll::Pending => Poll::Pending,
            };
        };
        self.progress.waits.store(false, Ordering::Relaxed);
        self.standstill.clear();
        if !matches!(frame, Some(Ok(_))) {
            self.incoming = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.progress.over.cancel();
        // A visitor that was not asked for the body sends none once it has the answer.
        if let Some(rest) = self.incoming.take().filter(|_| !self.unasked) {
            discard(rest);
        }
    }
}
