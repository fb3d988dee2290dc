//! The connection to an upstream, as far as it outlasts a failure of either direction.
//!
//! An upstream may answer before it has read the request, and then close. What we still send is
//! refused from that moment, but its answer lies ready to be read. So a failed write is not the end of
//! the conversation: only reading tells how it ends.

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

/// What is known of one connection to an upstream.
#[derive(Debug, Default)]
pub(crate) struct Link {
    motion: Motion,
    /// The upload that the connection carries.
    upload: Mutex<Option<Arc<Progress>>>,
    /// Cancelled to close the connection at once.
    pub(crate) cut: CancellationToken,
}

impl Link {
    /// A request goes out now.
    pub(crate) fn begin(&self, upload: Option<&Arc<Progress>>) {
        *self.upload.lock().unwrap_or_else(PoisonError::into_inner) = upload.cloned();
        self.motion.moved();
    }

    /// Returns once nothing has moved for `limit` although the visitor was not what was waited for.
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
    /// The upstream takes nothing more.
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
                tracing::debug!(%error, "an upstream takes nothing more of a request");
                self.refuses = true;
                // What was read last came before this; there may be an answer by now.
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
            // Closing with a request half read is a reset; for the answer it is the end.
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
