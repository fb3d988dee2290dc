//! The Gate of a simulated control plane, as its proxy asks it.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{Router, body::Body, response::Response};
use http::{Method, Request};
use proxy::{
    gate::{FOR, FOR_GATE, HOST, REASON},
    table::{Access, HostName, SessionDigest},
};
use tower::ServiceExt as _;
use webhook::intake::{Accepted, Delivery, Intake, IntakeError};

use super::testing::Bench;
use crate::gate;

/// Accepts no deliveries.
struct NoIntake;

#[async_trait]
impl Intake for NoIntake {
    async fn accept(&self, _: Delivery) -> Result<Accepted, IntakeError> {
        Err(IntakeError("none are expected".to_owned()))
    }
}

/// The Gate, and the proxy before it.
pub(super) struct Door<'b> {
    bench: &'b Bench,
    gate: Router,
}

impl<'b> Door<'b> {
    pub(super) fn of(bench: &'b Bench) -> Self {
        let workers = bench.state.workers.clone();
        let gate = gate::router(workers, Vec::new(), Arc::new(NoIntake));
        Self { bench, gate }
    }

    /// The Gate's answer to a visitor of the host. `reason` is the proxy's reason to ask.
    pub(super) async fn ask(
        &self,
        method: Method,
        host: &HostName,
        (reason, path, cookie): (&'static str, &str, &str),
    ) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(FOR, FOR_GATE)
            .header(HOST, host.as_str())
            .header(REASON, reason)
            .header("accept", "text/html")
            .header("cookie", cookie)
            .body(Body::empty())
            .unwrap();
        self.gate.clone().oneshot(request).await.unwrap()
    }

    /// The sessions to which the proxy gives access at the host.
    pub(super) fn let_in(&self, host: &HostName) -> Vec<SessionDigest> {
        match &self.bench.table().routes[host].access {
            Access::Sessions(sessions) => sessions.clone(),
            Access::Open => panic!("{host:?} is open to everyone"),
        }
    }
}

/// The host and the path of a link.
pub(super) fn host_and_path(url: &str) -> (HostName, &str) {
    let (_, rest) = url.split_once("://").unwrap();
    let at = rest.find('/').unwrap();
    let (host, _port) = rest[..at].split_once(':').unwrap();
    (HostName::parse(host).unwrap(), &rest[at..])
}

/// The cookie that an answer sets: its name and its value.
pub(super) fn cookie(answer: &Response) -> String {
    let line = answer.headers()["set-cookie"].to_str().unwrap();
    line.split(';').next().unwrap().to_owned()
}
