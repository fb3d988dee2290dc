//! The hold on an upstream connection while its response comes in.

use std::sync::Arc;

use http_body::Body as _;
use hyper::{body::Incoming, client::conn::http1::SendRequest};

use crate::{key::Key, pool::Target, request_body::RequestBody};

/// The hold on an upstream connection while a response comes in. Dropped, it closes the connection.
pub(crate) struct Lease {
    key: Arc<Key>,
    target: Target,
    sender: SendRequest<RequestBody>,
}

impl Lease {
    pub(crate) fn new(key: Arc<Key>, target: Target, sender: SendRequest<RequestBody>) -> Self {
        Self {
            key,
            target,
            sender,
        }
    }

    /// Gives the connection back if the response has no body that somebody would have to read.
    pub(crate) fn give_back_if_whole(self, body: &Incoming) {
        if body.is_end_stream() {
            self.give_back();
        }
    }

    pub(crate) fn give_back(self) {
        self.key.pool.put(self.target, self.sender);
    }
}
