//! Bodies are streamed, not buffered.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, StreamBody};
use proxy::table::Upstream;
use tokio::sync::mpsc;

use crate::harness::{
    Body, Proxy, echo, gate, open, raw, request, send, soon, spell, table, text, upstream,
};

/// A body with the data of a channel.
pub(crate) fn from_channel(from: mpsc::Receiver<&'static str>) -> Body {
    let frames = futures_util::stream::unfold(from, |mut from| async move {
        let part = from.recv().await?;
        Some((
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(part.as_bytes()))),
            from,
        ))
    });
    BodyExt::boxed(StreamBody::new(SyncStream(Box::pin(frames))))
}

/// Tests poll a stream from one task at a time; this tells the type system.
struct SyncStream<S>(Pin<Box<S>>);

impl<S: futures_util::Stream> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

#[tokio::test]
async fn server_sent_events_arrive_one_by_one() {
    let (events, body) = mpsc::channel(1);
    let body = Arc::new(tokio::sync::Mutex::new(Some(body)));
    let address = upstream(move |_| {
        let body = Arc::clone(&body);
        async move {
            let body = from_channel(body.lock().await.take().unwrap());
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(body)
                .unwrap()
        }
    })
    .await;
    let proxy = Proxy::to(address).await;
    let mut answer = open(proxy.address, request("a.test", "/events")).await;
    for event in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
        events.send(event).await.unwrap();
        let frame = soon("an event", answer.body_mut().frame())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(frame.into_data().unwrap(), event);
    }
    drop(events);
    assert!(soon("the end", answer.body_mut().frame()).await.is_none());
}

/// Yields zeros while it is polled, and counts them.
struct Zeros {
    left: u64,
    sent: Arc<AtomicU64>,
}

impl http_body::Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static BLOCK: [u8; 64 * 1024] = [0; 64 * 1024];
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let block = Bytes::from_static(&BLOCK[..BLOCK.len().min(self.left as usize)]);
        self.left -= block.len() as u64;
        self.sent.fetch_add(block.len() as u64, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(block))))
    }
}

/// Maximum bytes in the sockets and buffers of both sides before a sender must stop; far less than
/// a body.
const BUFFERED_BYTES_MAX: u64 = 32 << 20;
const LARGE_BYTES: u64 = 256 << 20;

#[tokio::test]
async fn a_large_upload_waits_for_its_upstream_instead_of_filling_memory() {
    let (go, going) = tokio::sync::watch::channel(false);
    let address = upstream(move |request| {
        let mut going = going.clone();
        async move {
            going.wait_for(|go| *go).await.unwrap();
            let mut body = request.into_body();
            let mut read = 0;
            while let Some(frame) = body.frame().await {
                read += frame.unwrap().into_data().unwrap().len() as u64;
            }
            Response::new(text(read.to_string()))
        }
    })
    .await;
    let proxy = Proxy::to(address).await;
    let sent = Arc::new(AtomicU64::new(0));
    let body = BodyExt::boxed(Zeros {
        left: LARGE_BYTES,
        sent: Arc::clone(&sent),
    });
    let post = Request::post("/")
        .header("host", "a.test")
        .body(body)
        .unwrap();
    let address = proxy.address;
    let upload = tokio::spawn(async move { send(address, post).await });
    // The upload continues until everything between the two is full, and then stalls.
    soon("a standstill", async {
        let mut quiet = 0;
        let mut last = 0;
        while quiet < 200 {
            proxy.client.about().await.unwrap();
            let now = sent.load(Ordering::SeqCst);
            quiet = if now == last && now > 0 { quiet + 1 } else { 0 };
            last = now;
        }
    })
    .await;
    assert!(sent.load(Ordering::SeqCst) < BUFFERED_BYTES_MAX);
    go.send(true).unwrap();
    assert_eq!(
        soon("the upload", upload).await.unwrap().body,
        LARGE_BYTES.to_string()
    );
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let address = upstream(|request| async move {
        let collected = request.into_body().collect().await.unwrap();
        let trailer = collected.trailers().unwrap()["x-sum"].clone();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", trailer);
        // Of unknown length, because a response of known length cannot have trailers.
        let frames = [Frame::data(Bytes::from("body")), Frame::trailers(trailers)];
        let body = StreamBody::new(futures_util::stream::iter(frames.map(Ok::<_, Infallible>)));
        Response::builder()
            .header("trailer", "x-sum")
            .body(BodyExt::boxed(body))
            .unwrap()
    })
    .await;
    let proxy = Proxy::to(address).await;
    let answer = raw(
        proxy.address,
        b"POST / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: close, TE\r\n\
          Trailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 42\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with("\r\n4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_is_asked_for_only_when_somebody_takes_it() {
    let proxy = Proxy::to(echo().await).await;
    let answer = raw(
        proxy.address,
        b"POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nConnection: close\r\n\
          Content-Length: 3\r\n\r\nabc",
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with("abc") && !answer.contains("expect:"),
        "{answer}"
    );
    let refused = raw(
        proxy.address,
        b"POST / HTTP/1.1\r\nHost: b.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    )
    .await;
    assert!(refused.starts_with("HTTP/1.1 404 "), "{refused}");
}

#[tokio::test]
async fn the_control_plane_gets_whole_requests_of_its_host() {
    let proxy = Proxy::start().await;
    proxy
        .put(table(&[("dayfly.test", "control", Upstream::ControlPlane)]))
        .await;
    gate(proxy.dir.path(), |request| async move {
        Response::new(text(spell(request).await))
    });
    let post = Request::post("/.dayfly/hook?x=1")
        .header("host", "dayfly.test:80")
        .header("cookie", "dayfly_session=s")
        .header("dayfly-for", "gate")
        .body(text("a body"))
        .unwrap();
    let answer = proxy.send(post).await;
    assert!(
        answer.body.starts_with("POST /.dayfly/hook?x=1\n"),
        "{}",
        answer.body
    );
    assert!(answer.body.ends_with("\n\na body"), "{}", answer.body);
    for line in [
        "dayfly-for: control",
        "dayfly-host: dayfly.test",
        "dayfly-scheme: http",
        "cookie: dayfly_session=s",
        "x-forwarded-for: 127.0.0.1",
    ] {
        assert_eq!(
            answer.body.matches(&format!("{line}\n")).count(),
            1,
            "{line}: {}",
            answer.body
        );
    }
    assert!(
        answer.body.contains("dayfly-client: 127.0.0.1:"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_broken_response_is_not_made_to_look_whole() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await.unwrap();
            let part = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
            stream.write_all(part).await.unwrap();
        }
    });
    let proxy = Proxy::to(address).await;
    let answer = open(proxy.address, request("a.test", "/")).await;
    assert!(!answer.body().is_end_stream());
    assert!(
        soon("the break", answer.into_body().collect())
            .await
            .is_err()
    );
}
