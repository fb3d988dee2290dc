//! Sends a request to the Gate and reads its decision.

use std::{net::SocketAddr, sync::Arc};

use http::{HeaderMap, Method, Request, Response, Uri};
use hyper::body::Incoming;

use crate::{
    Limits, gate,
    key::Key,
    lease::Lease,
    pool::Target,
    request_body::RequestBody,
    upstream::{SendError, send},
};

/// The Gate as the proxy sees it.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Pools its connections; the Gate has no entry in any table.
    pub(crate) key: Arc<Key>,
    pub(crate) target: Target,
}

/// What the Gate decided.
pub(crate) enum Decision {
    /// Forward the original request to this address.
    Forward(SocketAddr),
    /// Send this response to the visitor.
    Answer(Response<Incoming>, Lease),
    /// The Gate did not answer within `gate_hold`.
    Held,
    /// The Gate is unreachable, or its answer is invalid.
    Away,
}

impl Gate {
    /// Asks about the head of a request. `headers` are those of [`crate::headers::for_gate`].
    pub(crate) async fn ask_gate(
        &self,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        limits: &Limits,
    ) -> Decision {
        let mut request = Request::new(RequestBody::Empty);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        match send(&self.key, &self.target, request, limits.gate_hold, limits).await {
            Ok((response, lease)) => decision(response, lease),
            Err(SendError::Late(_)) => Decision::Held,
            Err(error) => {
                tracing::debug!(%error, "cannot reach the Gate");
                Decision::Away
            }
        }
    }
}

fn decision(response: Response<Incoming>, lease: Lease) -> Decision {
    let headers = response.headers();
    match headers.get(gate::ANSWER) {
        Some(word) if word == gate::ANSWER_FORWARD => {
            let to = headers
                .get(gate::UPSTREAM)
                .and_then(|to| to.to_str().ok()?.parse().ok());
            match to {
                Some(to) => {
                    lease.give_back_if_whole(response.body());
                    Decision::Forward(to)
                }
                None => {
                    tracing::warn!("the Gate's answer has no valid upstream address");
                    Decision::Away
                }
            }
        }
        _ => Decision::Answer(response, lease),
    }
}
