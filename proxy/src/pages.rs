//! The proxy's own answers. All are static, and none reveals which previews exist.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{Limits, reply::ReplyBody};

/// Seconds until a visitor should retry while the control plane is away.
const RETRY_SECONDS: &str = "2";

/// The style of the pages, a short form of the control plane's. The proxy has no files to serve.
const STYLE: &str = ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:0}\
    header,main{max-width:44rem;margin:0 auto;padding:1rem 1.25rem}\
    header{font-weight:600;border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent)}\
    h1{font-size:1.5rem;overflow-wrap:anywhere}";

/// One answer of the proxy itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The request is malformed; the text says how.
    Malformed(&'static str),
    /// The method is CONNECT or TRACE.
    Method,
    /// The host is unknown.
    Unknown,
    /// The control plane is away, or no table has arrived yet.
    Away,
    /// No upstream is ready, and the Gate is not asked.
    NotReady,
    /// The Gate did not answer within `gate_hold`.
    Held,
    /// The upstream refused the connection.
    Unreachable,
    /// The upstream closed the connection, or did not speak HTTP.
    Broken,
    /// The upstream did not answer and nothing moved for this long.
    Late(Duration),
    /// The visitor's request body stalled for this long.
    Still(Duration),
    /// The visitor's head is larger than this.
    HeadTooLarge(Head),
    /// The upstream's head is larger than this.
    AnswerTooLarge(Head),
}

/// The limits of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    lines_max: usize,
    bytes_max: usize,
}

impl Head {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            lines_max: limits.head_lines_max,
            bytes_max: limits.head_bytes_max,
        }
    }

    fn exceeded(self) -> String {
        let Self {
            lines_max,
            bytes_max,
        } = self;
        format!(
            "more than {lines_max} header lines (limit: head_lines_max) or {bytes_max} bytes (limit: \
             head_bytes_max)"
        )
    }
}

impl Page {
    /// The response: a page for a browser navigation, a plain-text line otherwise.
    pub(crate) fn answer(self, navigation: bool) -> Response<ReplyBody> {
        let (kind, body) = if navigation && !matches!(self, Self::Malformed(_) | Self::Method) {
            ("text/html; charset=utf-8", self.html())
        } else {
            (
                "text/plain; charset=utf-8",
                format!("{}\n", self.sentence()),
            )
        };
        let mut response = Response::new(ReplyBody::Whole(Bytes::from(body)));
        *response.status_mut() = self.status();
        let mut put = |name, value| {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        };
        put(header::CONTENT_TYPE, kind);
        put(header::CACHE_CONTROL, "no-store");
        put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        put(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        );
        put(http::HeaderName::from_static("x-robots-tag"), "noindex");
        match self {
            Self::Away | Self::Held | Self::NotReady => put(header::RETRY_AFTER, RETRY_SECONDS),
            // The start of the next request cannot be determined reliably after such a request.
            Self::Malformed(_) | Self::Method | Self::Still(_) | Self::HeadTooLarge(_) => {
                put(header::CONNECTION, "close");
            }
            _ => {}
        }
        response
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Away | Self::Held | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable | Self::Broken | Self::AnswerTooLarge(_) => StatusCode::BAD_GATEWAY,
            Self::Late(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Still(_) => StatusCode::REQUEST_TIMEOUT,
            Self::HeadTooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }

    fn sentence(self) -> Cow<'static, str> {
        let fixed = match self {
            Self::Malformed(why) => why,
            Self::Method => "this HTTP method is not allowed",
            Self::Unknown => "there is nothing at this address",
            Self::Away => "temporarily unavailable, please try again",
            Self::NotReady => "the preview is not ready yet",
            Self::Held => "the preview takes too long, please try again (limit: gate_hold)",
            Self::Unreachable => "the preview did not accept the connection",
            Self::Broken => "the preview closed the connection without a complete answer",
            Self::Late(limit) => {
                return format!(
                    "the preview sent no response within {limit:?} after the last byte moved \
                     (limit: upstream_head)"
                )
                .into();
            }
            Self::Still(limit) => {
                return format!("the request stalled for {limit:?} before its end (limit: stall)")
                    .into();
            }
            Self::HeadTooLarge(head) => {
                return format!("the head of the request has {}", head.exceeded()).into();
            }
            Self::AnswerTooLarge(head) => {
                return format!("the head of the preview's answer has {}", head.exceeded()).into();
            }
        };
        fixed.into()
    }

    fn html(self) -> String {
        let again = match self {
            Self::Away | Self::Held => "<meta http-equiv=\"refresh\" content=\"2\">",
            _ => "",
        };
        let hint = match self {
            Self::Unknown => {
                "Check the spelling. A preview that was removed has no address any more."
            }
            Self::Away | Self::Held => "This page refreshes automatically.",
            _ => "",
        };
        let mut sentence = self.sentence().into_owned();
        sentence[..1].make_ascii_uppercase();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{again}\
             <style>{STYLE}</style><title>{sentence}</title></head>\n\
             <body><header>Dayfly</header><main><h1>{sentence}.</h1><p>{hint}</p></main></body>\n</html>\n"
        )
    }
}
