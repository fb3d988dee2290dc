//! Smart HTTP through the real `git http-backend`, as its manual describes.

use std::{path::Path, process::Stdio, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Response, StatusCode, Uri},
};
use bytes::Bytes;
use tokio::{io::AsyncWriteExt, time::timeout};

use super::{config::ModelError, git};

/// A fetch of a small repository takes milliseconds.
const BACKEND_DEADLINE: Duration = Duration::from_secs(60);

/// Serves one request. `rest` is the path below the repository, from its slash.
pub(super) async fn serve(
    root: &Path,
    directory: &str,
    rest: &str,
    request: (&Method, &Uri, &HeaderMap),
    body: Bytes,
) -> Result<Response<Body>, ModelError> {
    let (method, uri, headers) = request;
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let mut command = git::git(root);
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{directory}{rest}"))
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped());
    for (name, variable) in [
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
        ("accept", "HTTP_ACCEPT"),
    ] {
        if let Some(value) = header(name) {
            command.env(variable, value);
        }
    }
    let failed = |why: String| ModelError(format!("run git http-backend: {why}"));
    let work = async {
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let write = async {
            if let Some(mut stdin) = stdin {
                // A backend that exits early reports the reason itself.
                let _ = stdin.write_all(&body).await;
            }
        };
        let ((), output) = tokio::join!(write, child.wait_with_output());
        output
    };
    let output = timeout(BACKEND_DEADLINE, work)
        .await
        .map_err(|_| failed("it did not exit in time".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    parse(&output.stdout).ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        failed(format!("its output is not a CGI response: {said}"))
    })
}

/// Parses headers, an empty line and the body.
fn parse(output: &[u8]) -> Option<Response<Body>> {
    let end = output.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&output[..end]).ok()?;
    let mut builder = Response::builder().status(StatusCode::OK);
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            builder = builder.status(value.get(..3)?.parse::<u16>().ok()?);
        } else {
            builder = builder.header(name, value);
        }
    }
    builder.body(output[end + 4..].to_vec().into()).ok()
}
