//! An application that answers before it has read the request: every client gets the answer.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::harness::{Proxy, raw, soon};

/// How an application refuses an upload after its head.
#[derive(Clone, Copy, Debug)]
enum Refuses {
    /// It announces that it closes, and closes with the body unread.
    AndCloses,
    /// It answers in HTTP/1.0: the end of the connection is the end of the answer.
    InOldWords,
    /// It neither reads nor closes.
    AndReadsNothing,
}

/// Number of clients that upload concurrently.
const CLIENTS: usize = 5;
const WORDS: &str = "the application refuses";

async fn application(refuses: Refuses) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if let Some(answer) = answer(&mut stream, refuses).await {
                stream.write_all(answer.as_bytes()).await.unwrap();
                if matches!(refuses, Refuses::AndReadsNothing) {
                    kept.push(stream);
                }
            }
        }
    });
    address
}

/// Its answer to an upload, once the head has arrived.
async fn answer(stream: &mut TcpStream, refuses: Refuses) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let length = WORDS.len();
    Some(match refuses {
        Refuses::AndCloses => format!(
            "HTTP/1.1 413 Too Large\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{WORDS}"
        ),
        Refuses::InOldWords => format!("HTTP/1.0 413 Too Large\r\n\r\n{WORDS}"),
        Refuses::AndReadsNothing => {
            format!("HTTP/1.1 413 Too Large\r\nContent-Length: {length}\r\n\r\n{WORDS}")
        }
    })
}

/// Uploads `count` times and prints each answer on one line.
const PYTHON: &str = r#"
import http.client, sys, urllib.error, urllib.request
how, port, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
body = b"x" * size

def upload():
    if how == "urllib":
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, {"Host": "a.test"}, method="PUT")
        try:
            answer = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as refused:
            answer = refused
        return answer.getcode(), answer.read()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    pieces = (body[at:at + 65536] for at in range(0, size, 65536))
    connection.request("PUT", "/", pieces if how == "chunked" else body, {"Host": "a.test"})
    answer = connection.getresponse()
    return answer.status, answer.read()

for _ in range(count):
    try:
        status, text = upload()
        print(status, text.decode().strip())
    except OSError as lost:
        print("lost:", lost)
"#;

async fn printed(command: &mut Command) -> Vec<String> {
    let command = command.kill_on_drop(true).stderr(Stdio::inherit());
    let output = soon("the client's end", command.output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

async fn python(how: &str, proxy: &Proxy, count: usize, size: usize) -> Vec<String> {
    let numbers = [proxy.address.port().into(), count, size].map(|number| number.to_string());
    let mut command = Command::new("python3");
    printed(command.args(["-c", PYTHON, how]).args(numbers)).await
}

async fn curl(proxy: &Proxy, count: usize, size: usize, more: &[&str]) -> Vec<String> {
    let file = proxy.dir.path().join(format!("upload-{size}"));
    std::fs::write(&file, vec![b'x'; size]).unwrap();
    let mut lines = Vec::new();
    for _ in 0..count {
        let mut command = Command::new("curl");
        command
            .args(["-sS", "--max-time", "20", "-H", "Host: a.test"])
            .args(["-w", "\n%{http_code}", "-T"])
            .arg(&file)
            .args(more)
            .arg(format!("http://{}/", proxy.address));
        let said = printed(&mut command).await;
        lines.push(match said.as_slice() {
            [words, status] => format!("{status} {words}"),
            other => format!("lost: {other:?}"),
        });
    }
    lines
}

/// Uploads with all clients concurrently; returns the answers that did not come from the
/// application.
async fn lost(refuses: Refuses, count: usize, size: usize) -> Vec<String> {
    let proxy = Proxy::to(application(refuses).await).await;
    let (sized, chunked, urllib, asking, silent) = tokio::join!(
        python("sized", &proxy, count, size),
        python("chunked", &proxy, count, size),
        python("urllib", &proxy, count, size),
        curl(&proxy, count, size, &["-H", "Expect: 100-continue"]),
        curl(&proxy, count, size, &["-H", "Expect:"]),
    );
    let mut answers = [sized, chunked, urllib, asking, silent].concat();
    assert_eq!(answers.len(), CLIENTS * count, "{answers:?}");
    let wanted = format!("413 {WORDS}");
    answers.retain(|said| *said != wanted);
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_an_upload_that_is_refused_early_is_lost() {
    let mut early_answer_lost = Vec::new();
    for refuses in [
        Refuses::AndCloses,
        Refuses::InOldWords,
        Refuses::AndReadsNothing,
    ] {
        early_answer_lost.extend(lost(refuses, 20, 1_200_000).await);
    }
    assert!(
        early_answer_lost.is_empty(),
        "{} of 300: {early_answer_lost:?}",
        early_answer_lost.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_its_application_does_not_read_is_thrown_away_up_to_its_end() {
    let lost = lost(Refuses::AndReadsNothing, 1, 40_000_000).await;
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_a_host_that_is_not_there_gets_its_answer_too() {
    let proxy = Proxy::start().await;
    proxy.put(crate::harness::table(&[])).await;
    let answers = python("sized", &proxy, 5, 8_000_000).await;
    assert_eq!(answers, ["404 there is nothing at this address"; 5]);
}

#[tokio::test]
async fn the_next_request_of_a_visitor_finds_its_place_after_an_early_answer() {
    let proxy = Proxy::to(application(Refuses::AndCloses).await).await;
    let upload = format!(
        "PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 300000\r\n\r\n{}",
        "x".repeat(300_000)
    );
    let last = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    let answers = raw(proxy.address, format!("{upload}{last}").as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 413 ").count(), 2, "{answers}");
}
