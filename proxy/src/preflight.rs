//! CORS preflights: a browser asks whether a page may call another host.
//!
//! By the standard, a preflight never carries a session. So on a route that requires a session, the
//! proxy passes it on without one if the page belongs to the same application. Only the preflight's
//! own headers go to the upstream, and only the headers that answer it come back.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};

use crate::{
    headers::{self, Visitor},
    reply::ReplyBody,
    request_body::RequestBody,
    table::HostName,
};

/// The preflight headers that go to the upstream.
const ASKS: [HeaderName; 7] = [
    header::HOST,
    header::ORIGIN,
    header::ACCESS_CONTROL_REQUEST_METHOD,
    header::ACCESS_CONTROL_REQUEST_HEADERS,
    HeaderName::from_static("access-control-request-private-network"),
    header::ACCEPT,
    header::USER_AGENT,
];
/// The prefix of headers that answer a preflight.
const ANSWER_PREFIX: &str = "access-control-";

/// The host of the page that asks; `None` if the request is not a preflight.
pub(crate) fn asking_host(method: &Method, headers: &HeaderMap) -> Option<HostName> {
    let asks = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if *method != Method::OPTIONS || !asks {
        return None;
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return None;
    };
    let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
    let host = match authority.split_once(':') {
        Some((host, port)) => port.parse::<u16>().ok().map(|_| host)?,
        None => authority,
    };
    HostName::parse(host)
        .ok()
        .filter(|_| matches!(scheme, "http" | "https"))
}

/// The preflight without everything else, as it goes to the upstream.
pub(crate) fn question(request: &Request<RequestBody>, visitor: &Visitor) -> Request<RequestBody> {
    let mut question = Request::new(RequestBody::Empty);
    *question.method_mut() = Method::OPTIONS;
    *question.uri_mut() = headers::origin_form(request.uri());
    for name in ASKS {
        for value in request.headers().get_all(&name) {
            question.headers_mut().append(name.clone(), value.clone());
        }
    }
    headers::tell_origin(question.headers_mut(), visitor);
    question
}

/// The preflight's answer without everything else, as it goes to the visitor.
pub(crate) fn answer<B>(upstream: &Response<B>) -> Response<ReplyBody> {
    let mut answer = Response::new(ReplyBody::empty());
    *answer.status_mut() = upstream.status();
    for (name, value) in upstream.headers() {
        if *name == header::VARY || name.as_str().starts_with(ANSWER_PREFIX) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    headers::from_control(answer.headers_mut());
    answer
}

/// Allows the page that asked to read an answer of the proxy.
pub(crate) fn let_read(answer: &mut Response<ReplyBody>, origin: Option<HeaderValue>) {
    let headers = answer.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method, header};

    use super::asking_host;

    fn asks(method: &Method, origins: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        let put = HeaderValue::from_static("PUT");
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, put);
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        asking_host(method, &headers).map(String::from)
    }

    #[test]
    fn only_a_page_of_one_host_asks() {
        let options = &Method::OPTIONS;
        for origin in ["http://a.test", "https://A.test:8443"] {
            assert_eq!(asks(options, &[origin]).as_deref(), Some("a.test"));
        }
        for origin in [
            "null",
            "a.test",
            "ftp://a.test",
            "http://a.test/x",
            "http://u@a.test",
            "http://a.test:x",
        ] {
            assert_eq!(asks(options, &[origin]), None, "{origin}");
        }
        assert_eq!(asks(options, &["http://a.test", "http://b.test"]), None);
        assert_eq!(asks(options, &[]), None);
        assert_eq!(asks(&Method::GET, &["http://a.test"]), None);
        assert_eq!(asking_host(options, &HeaderMap::new()), None);
    }
}
