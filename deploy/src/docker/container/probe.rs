//! Probes whether a service is ready, with a request like a visitor's.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{
    blueprint::Health,
    engine::{CONNECT_MAX, Probe},
};

/// One attempt: the service must answer within `limit`.
pub(crate) async fn probe(
    address: SocketAddr,
    host: &str,
    health: &Health,
    limit: Duration,
) -> Probe {
    // Neither is asked over the network.
    if matches!(health, Health::Running | Health::Check(_)) {
        return Probe::Ready;
    }
    let deadline = tokio::time::Instant::now() + limit;
    let connect = tokio::time::timeout(limit.min(CONNECT_MAX), TcpStream::connect(address));
    let Ok(Ok(stream)) = connect.await else {
        return Probe::Refused;
    };
    let path = match health {
        Health::Path(path) => path.as_str(),
        Health::Default => "/",
        Health::Tcp | Health::Running | Health::Check(_) => return Probe::Ready,
    };
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, "dayfly-probe")
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::new());
    // The blueprint accepts only valid paths.
    let Ok(request) = request else {
        return Probe::NotHttp;
    };
    match tokio::time::timeout_at(deadline, get_status(stream, request)).await {
        Ok(Ok(status)) if is_ready(health, status) => Probe::Ready,
        Ok(Ok(status)) => Probe::Status(status.as_u16()),
        Ok(Err(error)) if error.is_parse() => Probe::NotHttp,
        Ok(Err(_)) => Probe::Closed,
        Err(_) => Probe::Silent,
    }
}

fn is_ready(health: &Health, status: StatusCode) -> bool {
    match health {
        Health::Path(_) => (200..400).contains(&status.as_u16()),
        _ => status.as_u16() < 500,
    }
}

/// The status of the answer.
async fn get_status(
    stream: TcpStream,
    request: Request<Empty<Bytes>>,
) -> hyper::Result<StatusCode> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection ends first if the answer and its end arrive together.
        _ = connection => answer.await,
    };
    answer.map(|answer| answer.status())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    /// A server that answers one connection so; the second value is the head it got.
    async fn answering(answer: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            stream.write_all(answer).await.unwrap();
            if answer.is_empty() {
                // Holds the connection until the asker gives up.
                while stream.read(&mut head).await.unwrap_or(0) > 0 {}
            }
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        (address, server)
    }

    async fn probed(answer: &'static [u8], health: &Health) -> Probe {
        let (address, _server) = answering(answer).await;
        probe(address, "pr-1--shop.localhost", health, LIMIT).await
    }

    #[tokio::test]
    async fn a_path_is_ready_from_200_to_399_and_the_default_below_500() {
        let path = Health::Path("/up".to_owned());
        assert_eq!(
            probed(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", &path).await,
            Probe::Ready
        );
        assert_eq!(
            probed(b"HTTP/1.1 302 Found\r\n\r\n", &path).await,
            Probe::Ready
        );
        assert_eq!(
            probed(b"HTTP/1.1 404 No\r\n\r\n", &path).await,
            Probe::Status(404)
        );
        assert_eq!(
            probed(b"HTTP/1.1 404 No\r\n\r\n", &Health::Default).await,
            Probe::Ready
        );
        assert_eq!(
            probed(b"HTTP/1.0 500 No\r\n\r\n", &Health::Default).await,
            Probe::Status(500)
        );
    }

    #[tokio::test]
    async fn it_asks_for_the_path_as_a_visitor_of_the_host() {
        let (address, server) = answering(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let health = Health::Path("/up?now=1".to_owned());
        assert_eq!(
            probe(address, "pr-1--shop.localhost", &health, LIMIT).await,
            Probe::Ready
        );
        let head = server.await.unwrap().to_ascii_lowercase();
        assert!(head.starts_with("get /up?now=1 http/1.1\r\n"), "{head}");
        assert!(head.contains("host: pr-1--shop.localhost\r\n"), "{head}");
    }

    #[tokio::test]
    async fn silence_refusal_and_other_protocols_are_told_apart() {
        assert_eq!(probed(b"", &Health::Default).await, Probe::Silent);
        assert_eq!(
            probed(b"220 mail ESMTP\r\n", &Health::Default).await,
            Probe::NotHttp
        );
        // The beginning of an answer, and then the end.
        assert_eq!(
            probed(b"HTTP/1.1 200", &Health::Default).await,
            Probe::Closed
        );
        assert_eq!(probed(b"", &Health::Tcp).await, Probe::Ready);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        for health in [Health::Default, Health::Tcp] {
            assert_eq!(probe(address, "x", &health, LIMIT).await, Probe::Refused);
        }
        assert_eq!(
            probe(address, "x", &Health::Running, LIMIT).await,
            Probe::Ready
        );
    }
}
