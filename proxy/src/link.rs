//! The connection to an upstream, which survives a failure of one direction.
//!
//! An upstream may answer before it has read the request, and then close. It refuses our further
//! writes from then on, but its answer is still there to read. So a failed write does not end the
//! exchange; only a read does.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::{motion::Motion, request_body::Progress};

/// The state of one connection to an upstream.
#[derive(Debug, Default)]
pub(crate) struct Link {
    motion: Motion,
    /// The request body that the connection sends.
    upload: Mutex<Option<Arc<Progress>>>,
    /// Cancelled to close the connection immediately.
    pub(crate) cut: CancellationToken,
}

impl Link {
    /// Marks the start of a request.
    pub(crate) fn begin(&self, upload: Option<&Arc<Progress>>) {
        *self.upload.lock().unwrap_or_else(PoisonError::into_inner) = upload.cloned();
        self.motion.moved();
    }

    /// Returns once nothing has moved for `limit` while the proxy was not waiting for the visitor.
    pub(crate) async fn stands_still(&self, upload: Option<&Arc<Progress>>, limit: Duration) {
        loop {
            self.motion.still_for(limit).await;
            if !upload.is_some_and(|upload| upload.waits_for_visitor()) {
                return;
            }
            self.motion.moved();
        }
    }

    fn is_sending(&self) -> bool {
        let upload = self.upload.lock().unwrap_or_else(PoisonError::into_inner);
        upload.as_ref().is_some_and(|upload| !upload.is_over())
    }
}

/// The socket of a link.
pub(crate) struct LinkSocket<S> {
    inner: S,
    link: Arc<Link>,
    /// Whether the upstream accepts no more bytes.
    refuses: bool,
}

impl<S> LinkSocket<S> {
    pub(crate) fn new(inner: S, link: Arc<Link>) -> Self {
        Self {
            inner,
            link,
            refuses: false,
        }
    }

    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match done {
            Poll::Ready(Ok(written)) => {
                self.link.motion.moved();
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "the upstream stopped reading the request");
                self.refuses = true;
                // The last read came before this failure; an answer may have arrived since.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LinkSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                self.link.motion.moved();
                Poll::Ready(Ok(()))
            }
            // An upstream that closes with a request half read resets; for the answer that is the
            // end.
            Poll::Ready(Err(error))
                if error.kind() == io::ErrorKind::ConnectionReset && self.link.is_sending() =>
            {
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LinkSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.refuses {
            return Poll::Pending;
        }
        let done = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.wrote(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.refuses {
            return Poll::Pending;
        }
        let done = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.wrote(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
