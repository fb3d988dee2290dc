//! Holds an upstream connection while its response arrives.

use std::{sync::Arc, time::Duration};

use http_body::Body as _;
use hyper::body::Incoming;

use crate::{
    key::Key,
    pool::{Connection, Target},
    request_body::Progress,
};

/// How long an upstream that has answered completely may read nothing more of the request before
/// the proxy stops sending it.
const TAKES_MORE_WITHIN: Duration = Duration::from_millis(500);

/// Holds an upstream connection while a response arrives. Dropping it closes the connection.
pub(crate) struct Lease {
    key: Arc<Key>,
    target: Target,
    connection: Connection,
    upload: Option<Arc<Progress>>,
}

impl Lease {
    pub(crate) fn new(
        key: Arc<Key>,
        target: Target,
        connection: Connection,
        upload: Option<Arc<Progress>>,
    ) -> Self {
        Self {
            key,
            target,
            connection,
            upload,
        }
    }

    /// Returns the connection to the pool if the response has no body left to read.
    pub(crate) fn give_back_if_whole(self, body: &Incoming) {
        if body.is_end_stream() {
            self.give_back();
        }
    }

    /// The response is complete.
    ///
    /// A connection is never reused after a request with a body: an upstream may have answered
    /// without reading that body, and would take it for the next request.
    pub(crate) fn give_back(self) {
        match self.upload {
            None => self.key.pool.put(self.target, self.connection),
            Some(upload) if upload.is_over() => {}
            Some(upload) => {
                tokio::spawn(see_off(self.connection, upload));
            }
        }
    }
}

/// Lets an upstream that has answered read the rest of the request, for as long as it does.
async fn see_off(connection: Connection, upload: Arc<Progress>) {
    let link = &connection.link;
    tokio::select! {
        () = upload.over() => {}
        () = link.stands_still(Some(&upload), TAKES_MORE_WITHIN) => {}
    }
    link.cut.cancel();
}
