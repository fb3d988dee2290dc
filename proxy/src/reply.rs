//! The body of a response, streamed through without buffering it whole.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{key::InFlight, lease::Lease};

/// The body of a response on its way to a visitor.
pub(crate) enum ReplyBody {
    Whole(Bytes),
    Streamed(Streamed),
}

impl ReplyBody {
    pub(crate) fn empty() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Streamed(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streamed(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(body) => body.incoming.size_hint(),
        }
    }
}

/// A response body together with the guards that must live as long: the lease of the upstream
/// connection and the request count.
pub(crate) struct Streamed {
    incoming: Incoming,
    lease: Option<Lease>,
    counted: Option<InFlight>,
}

impl Streamed {
    pub(crate) fn new(incoming: Incoming, lease: Lease, counted: Option<InFlight>) -> Self {
        Self {
            incoming,
            lease: Some(lease),
            counted,
        }
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        match &frame {
            None => self.end(true),
            Some(Err(_)) => self.end(false),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn end(&mut self, whole: bool) {
        if let Some(lease) = self.lease.take().filter(|_| whole) {
            lease.give_back();
        }
        self.counted = None;
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        // The HTTP library drops a body of known length after its last byte without polling it
        // again.
        self.end(self.incoming.is_end_stream());
    }
}
