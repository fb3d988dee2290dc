//! A request to GitHub's API.

use http::Method;
use serde_json::Value;

/// A request. `verb` and `subject` form the text of its errors.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// Path and query, relative to the API's URL.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) verb: &'static str,
    pub(super) subject: String,
    /// The known ETag: an unchanged answer then costs neither quota nor a body.
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

    /// The requested action, worded to follow "to".
    pub(super) fn what(&self) -> String {
        format!("{} {}", self.verb, self.subject)
    }
}
