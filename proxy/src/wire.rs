//! A visitor's connection with a guard on it: bytes that are not plain HTTP/1 are poisoned, and
//! whoever stands still for too long is shut out.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::{
    Limits,
    scan::{Phase, Scanner},
};

/// A byte that no HTTP/1 head, chunk size or trailer may hold. Put in the place of the first one
/// that is not plain, it makes the HTTP library refuse the request in its own order: earlier
/// pipelined requests are answered first, then comes 400 and the end.
const POISON: u8 = 0;

/// Says that the connection is a tunnel from now on, and its bytes are no longer HTTP.
#[derive(Clone, Debug, Default)]
pub(crate) struct TunnelFlag(Arc<AtomicBool>);

impl TunnelFlag {
    /// Must be raised before the visitor can learn of it.
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The guarded connection.
pub(crate) struct Wire<S> {
    inner: S,
    scanner: Scanner,
    poisoned: bool,
    tunnel: TunnelFlag,
    head_read: Duration,
    stall: Duration,
    reading: Deadline,
    writing: Deadline,
}

impl<S> Wire<S> {
    pub(crate) fn new(inner: S, tunnel: TunnelFlag, limits: &Limits) -> Self {
        let mut reading = Deadline::default();
        // The first byte is due like the rest of the first head.
        reading.set(limits.head_read);
        Self {
            inner,
            scanner: Scanner::default(),
            poisoned: false,
            tunnel,
            head_read: limits.head_read,
            stall: limits.stall,
            reading,
            writing: Deadline::default(),
        }
    }

    /// New bytes have come: checks them, and sets the deadline for those that follow.
    fn accept(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let heads = self.scanner.heads();
        if let Err(at) = self.scanner.scan(&buf.filled()[before..]) {
            self.poisoned = true;
            buf.filled_mut()[before + at] = POISON;
            buf.set_filled(before + at + 1);
        }
        let same_head = self.scanner.phase() == Phase::Head && self.scanner.heads() == heads;
        if !same_head {
            self.reading.clear();
        }
        if self.scanner.phase() == Phase::Head {
            self.reading.set_if_clear(self.head_read);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.tunnel.raised() {
            return Pin::new(&mut this.inner).poll_read(cx, buf);
        }
        if this.poisoned {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                this.accept(buf, before);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                if this.scanner.phase() == Phase::Body {
                    this.reading.set_if_clear(this.stall);
                }
                this.reading.poll(cx)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn wrote<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.writing.clear();
            return done;
        }
        self.writing.set_if_clear(self.stall);
        match ready!(self.writing.poll(cx)) {
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.wrote(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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

/// A deadline that costs nothing until somebody has to wait for it.
#[derive(Default)]
struct Deadline {
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn set(&mut self, after: Duration) {
        self.at = Some(Instant::now() + after);
    }

    fn set_if_clear(&mut self, after: Duration) {
        if self.at.is_none() {
            self.set(after);
        }
    }

    fn clear(&mut self) {
        self.at = None;
    }

    /// Pending until the deadline, if there is one; then an error.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        ready!(sleep.as_mut().poll(cx));
        let error = io::Error::new(io::ErrorKind::TimedOut, "the visitor stood still too long");
        Poll::Ready(Err(error))
    }
}
