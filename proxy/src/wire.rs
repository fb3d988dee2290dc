//! A guard around a visitor's connection. It poisons bytes that violate strict HTTP/1 framing, and
//! closes on visitors that do not send a head or do not read an answer. `request_body` guards
//! bodies.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
    motion::{Motion, Standstill},
    scan::{Fault, Phase, Scanner},
};

/// A byte that no HTTP/1 head, chunk size or trailer may contain. It replaces the first byte that
/// violates the framing, so that the HTTP library refuses the request in order: it first answers
/// earlier pipelined requests, then sends 400 and closes.
const POISON: u8 = 0;

/// How long a connection is still read after a request was refused before its end.
const LINGER_WITHIN: Duration = Duration::from_secs(2);
/// Bytes read at once meanwhile.
const LINGER_BUFFER_BYTES: usize = 8 * 1024;

/// Marks the connection as a tunnel, whose bytes are not HTTP.
#[derive(Clone, Debug, Default)]
pub(crate) struct TunnelFlag(Arc<AtomicBool>);

impl TunnelFlag {
    /// Must be called before the visitor can learn of the switch.
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The number of the head that is too large, counted from one. The guard ended that head early, and
/// passes on nothing after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LargeHead(Arc<AtomicU64>);

impl LargeHead {
    /// Whether `number` is the head that is too large.
    pub(crate) fn is(&self, number: u64) -> bool {
        self.0.load(Ordering::Acquire) == number
    }
}

/// The guarded connection.
pub(crate) struct Wire<S> {
    inner: S,
    scanner: Scanner,
    poisoned: bool,
    large: LargeHead,
    /// The end of a head that was ended early, until it has been read.
    head_end: Option<&'static [u8]>,
    tunnel: TunnelFlag,
    head_read: Duration,
    stall: Duration,
    motion: Arc<Motion>,
    reading: Deadline,
    writing: Standstill,
}

impl<S> Wire<S> {
    pub(crate) fn new(
        inner: S,
        tunnel: TunnelFlag,
        large: LargeHead,
        motion: Arc<Motion>,
        limits: &Limits,
    ) -> Self {
        let mut reading = Deadline::default();
        // The time limit of the first head includes its first byte.
        reading.set(limits.head_read);
        Self {
            inner,
            scanner: Scanner::new(limits.head_lines_max, limits.head_bytes_max),
            poisoned: false,
            large,
            head_end: None,
            tunnel,
            head_read: limits.head_read,
            stall: limits.stall,
            motion,
            reading,
            writing: Standstill::default(),
        }
    }

    /// Checks newly arrived bytes, and sets the deadline for the following ones.
    fn accept(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        self.motion.moved();
        let heads = self.scanner.heads();
        match self.scanner.scan(&buf.filled()[before..]) {
            Ok(()) => {}
            Err(Fault::Odd(at)) => {
                self.poisoned = true;
                buf.filled_mut()[before + at] = POISON;
                buf.set_filled(before + at + 1);
                return self.reading.clear();
            }
            Err(Fault::Large { at, end }) => {
                let number = self.scanner.heads() + 1;
                self.large.0.store(number, Ordering::Release);
                self.reading.clear();
                buf.set_filled(before + at);
                self.head_end = Some(end);
                return self.close_head(buf);
            }
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

impl<S> Wire<S> {
    /// Inserts as much as fits of the end of a head that was ended early: always at least one byte,
    /// since fewer bytes are passed on than were read.
    fn close_head(&mut self, buf: &mut ReadBuf<'_>) {
        if let Some(end) = self.head_end.take() {
            let (fits, later) = end.split_at(end.len().min(buf.remaining()));
            buf.put_slice(fits);
            self.head_end = Some(later).filter(|later| !later.is_empty());
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
        if this.head_end.is_some() {
            this.close_head(buf);
            return Poll::Ready(Ok(()));
        }
        if !this.large.is(0) {
            // An end of file here would read as the visitor leaving before the answer.
            return Poll::Pending;
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                this.accept(buf, before);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.reading.poll(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn wrote<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.motion.moved();
            self.writing.clear();
            return done;
        }
        ready!(self.writing.poll(cx, &self.motion, self.stall));
        Poll::Ready(Err(too_still()))
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    /// Reads and discards bytes until the visitor has closed too or the time limit ends. Closing
    /// with unread bytes would destroy an answer that the visitor has not read yet.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.reading.set_if_clear(LINGER_WITHIN);
        let mut scratch = [0; LINGER_BUFFER_BYTES];
        while self.reading.poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
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
        ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        if self.poisoned || !self.large.is(0) {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

/// A deadline that costs nothing until a read or write must wait.
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
        Poll::Ready(Err(too_still()))
    }
}

fn too_still() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the visitor stalled for too long")
}
