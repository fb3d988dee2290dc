//! Answers: JSON, ETags, pages, and GitHub's error format.

use axum::{
    body::Body,
    http::{
        HeaderMap, Response, StatusCode,
        header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, LOCATION},
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The answer of a handler.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    pub(super) fn created(body: Value) -> Self {
        Self::new(201, body)
    }

    pub(super) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            headers: Vec::new(),
        }
    }

    pub(super) fn refuse(status: u16, message: &str) -> Self {
        Self::new(
            status,
            json!({
                "message": message,
                "documentation_url": "https://docs.github.com/rest",
                "status": status.to_string(),
            }),
        )
    }

    pub(super) fn not_found() -> Self {
        Self::refuse(404, "Not Found")
    }

    pub(super) fn moved(status: u16, location: String) -> Self {
        let mut reply = Self::refuse(status, "Moved Permanently");
        reply.headers.push((LOCATION.as_str(), location));
        reply
    }

    /// One page of a list, with links to the neighbouring pages.
    pub(super) fn page(all: Vec<Value>, query: &Query, here: &str, wrap: Option<&str>) -> Self {
        let size = query.number("per_page").unwrap_or(30).clamp(1, 100);
        let page = query.number("page").unwrap_or(1).max(1);
        let total = all.len();
        let last = total.div_ceil(size).max(1);
        let skip = (page - 1).saturating_mul(size);
        let items: Vec<Value> = all.into_iter().skip(skip).take(size).collect();
        let mut reply = Self::ok(match wrap {
            Some(name) => json!({ "total_count": total, name: items }),
            None => json!(items),
        });
        if page < last {
            let at = |page: usize| format!("{here}?{}", query.with_page(page));
            let link = format!(
                "<{}>; rel=\"next\", <{}>; rel=\"last\"",
                at(page + 1),
                at(last)
            );
            reply.headers.push((LINK.as_str(), link));
        }
        reply
    }

    /// Adds the ETag; answers 304 if the caller already has it.
    pub(super) fn into_response(self, asked: &HeaderMap) -> Response<Body> {
        let bytes = if self.status == 204 {
            Vec::new()
        } else {
            self.body.to_string().into_bytes()
        };
        let mut builder = Response::builder().header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            builder = builder.header(*name, value);
        }
        let mut status = self.status;
        let mut body = Body::from(bytes.clone());
        if status == 200 {
            let mut hash = Sha256::new();
            hash.update(&bytes);
            hash.update(format!("{:?}", self.headers));
            let etag = format!("W/\"{}\"", hex::encode(hash.finalize()));
            let known = asked.get(IF_NONE_MATCH).and_then(|v| v.to_str().ok());
            if known == Some(etag.as_str()) {
                status = 304;
                body = Body::empty();
            }
            builder = builder.header(ETAG, etag);
        }
        builder.status(status).body(body).unwrap_or_else(|_| {
            let mut broken = Response::new(Body::empty());
            *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            broken
        })
    }
}

/// The query parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&');
        Self(
            pairs
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, _)| n == name)?;
        Some(&found.1)
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }

    fn with_page(&self, page: usize) -> String {
        let mut parts: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        parts.push(format!("page={page}"));
        parts.join("&")
    }
}
