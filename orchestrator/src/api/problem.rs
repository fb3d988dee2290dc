//! An error answer, in one sentence.

use std::fmt;

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use deploy::databases::DatabaseError;

use crate::{
    actions::{Code, Refused},
    store::StoreError,
};

/// A problem as defined by RFC 9457, with a code for programs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    refused: Refused,
}

impl Problem {
    /// The HTTP request is invalid, with this status.
    pub(super) fn request(status: StatusCode, sentence: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            _ => Code::Invalid,
        };
        let refused = Refused::new(code, sentence);
        Self { status, refused }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let status = match refused.code {
            Code::Invalid => StatusCode::BAD_REQUEST,
            Code::NotAllowed => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Code::Conflict => StatusCode::CONFLICT,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::Unusable => StatusCode::UNPROCESSABLE_ENTITY,
            Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Code::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Code::OutsideFailed => StatusCode::BAD_GATEWAY,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::Full => StatusCode::INSUFFICIENT_STORAGE,
        };
        Self { status, refused }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Refused::from(error).into()
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        Refused::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Problem"),
            "status": self.status.as_u16(),
            "code": self.refused.code,
            "detail": self.refused.sentence,
        });
        let header = [(CONTENT_TYPE, "application/problem+json")];
        (self.status, header, body.to_string()).into_response()
    }
}

/// The engine or the pool failed.
pub(super) fn outside(error: impl fmt::Display) -> Problem {
    Refused::outside(error).into()
}

/// No route has this path.
pub(super) async fn unknown_route() -> Problem {
    Problem::request(
        StatusCode::NOT_FOUND,
        "there is no such route; the API begins at /api/v1/previews",
    )
}

/// The route exists, but only with other methods.
pub(super) async fn wrong_method() -> Problem {
    Problem::request(
        StatusCode::METHOD_NOT_ALLOWED,
        "this route does not support this HTTP method",
    )
}
