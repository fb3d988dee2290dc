//! One request, before it is sent.

use http::Method;
use serde_json::Value;

/// One request. `verb` and `subject` make the sentence of its failure.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// Path and query, relative to the address of the API.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) verb: &'static str,
    pub(super) subject: String,
    /// Sent back, so that an answer that has not changed costs neither quota nor bytes.
    pub(super) etag: Option<String>,
}

impl Ask {
    pub(super) fn get(path: impl Into<String>, subject: impl Into<String>) -> Self {
        Self::new(Method::GET, path, "read", subject)
    }

    pub(super) fn post(path: impl Into<String>, subject: impl Into<String>, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Method::POST, path, "create", subject)
        }
    }

    pub(super) fn patch(path: impl Into<String>, subject: impl Into<String>, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(Method::PATCH, path, "edit", subject)
        }
    }

    pub(super) fn delete(path: impl Into<String>, subject: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, "delete", subject)
    }

    fn new(
        method: Method,
        path: impl Into<String>,
        verb: &'static str,
        subject: impl Into<String>,
    ) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            verb,
            subject: subject.into(),
            etag: None,
        }
    }

    /// What was asked, after "to".
    pub(super) fn what(&self) -> String {
        format!("{} {}", self.verb, self.subject)
    }
}
