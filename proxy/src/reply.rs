//! Bodies on their way: streamed through, never gathered.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, client::conn::http1::SendRequest};

use crate::{
    key::{InFlight, Key},
    pool::Target,
};

/// The body of a request on its way to an upstream.
pub(crate) enum RequestBody {
    Empty,
    Visitor(Incoming),
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Visitor(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Visitor(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Visitor(body) => body.size_hint(),
        }
    }
}

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

/// A response's body, with what must live exactly as long: the hold on the upstream connection and
/// the count of the request.
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
        // A body of known length is dropped after its last byte without being polled once more.
        self.end(self.incoming.is_end_stream());
    }
}

/// The hold on an upstream connection while a response comes in. Dropped, it closes the connection.
pub(crate) struct Lease {
    key: Arc<Key>,
    target: Target,
    sender: SendRequest<RequestBody>,
}

impl Lease {
    pub(crate) fn new(key: Arc<Key>, target: Target, sender: SendRequest<RequestBody>) -> Self {
        Self {
            key,
            target,
            sender,
        }
    }

    /// Gives the connection back if the response has no body that somebody would have to read.
    pub(crate) fn give_back_if_whole(self, body: &Incoming) {
        if body.is_end_stream() {
            self.give_back();
        }
    }

    fn give_back(self) {
        self.key.pool.put(self.target, self.sender);
    }
}
