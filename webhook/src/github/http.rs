//! Sends one request and reads its answer, with a deadline, a size limit and same-host redirects.

use std::time::Duration;

use http::{
    HeaderName, HeaderValue, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, IF_NONE_MATCH, LOCATION, USER_AGENT},
};
use http_body_util::{BodyExt, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use octocrab::{AuthState, Octocrab, OctocrabBuilder, service::middleware::base_uri::BaseUriLayer};
use tokio::{sync::Semaphore, time::timeout};

use super::{answer::Answer, ask::Ask, failure};
use crate::forge::ForgeError;

/// Maximum size of an answer. A page of 100 pull requests with long bodies is far below it.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Maximum redirects. A renamed repository answers with one.
const REDIRECTS_MAX: u32 = 3;
/// Maximum concurrent requests. GitHub's secondary limit is 100, shared by all users of the
/// credential.
const CONCURRENT_MAX: usize = 32;

const AGENT: &str = concat!("dayfly/", env!("CARGO_PKG_VERSION"));

/// Sends requests to one API. Holds no credential.
pub(super) struct Http {
    octocrab: Octocrab,
    base: Uri,
    deadline: Duration,
    places: Semaphore,
}

impl Http {
    pub(super) fn new(api_url: &str, deadline: Duration) -> Result<Self, ForgeError> {
        let base = parse_base(api_url)?;
        Ok(Self {
            octocrab: client(&base)?,
            base,
            deadline,
            places: Semaphore::new(CONCURRENT_MAX),
        })
    }

    /// Returns every answer of the forge, whatever its status; only a missing answer is an error.
    pub(super) async fn send(
        &self,
        ask: &Ask,
        authorization: &HeaderValue,
    ) -> Result<Answer, ForgeError> {
        match timeout(self.deadline, self.follow(ask, authorization)).await {
            Ok(answer) => answer,
            Err(_) => Err(ForgeError::Unavailable(format!(
                "no answer within {:?} to the request to {}",
                self.deadline,
                ask.what()
            ))),
        }
    }

    /// Repeats the exact request at the redirect target, on the same host only: no other host may
    /// see the credential.
    async fn follow(&self, ask: &Ask, authorization: &HeaderValue) -> Result<Answer, ForgeError> {
        let _place = self.places.acquire().await.map_err(failure::unavailable)?;
        let mut path = ask.path.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.once(ask, &path, authorization).await?;
            let location = match answer.status.as_u16() {
                301 | 302 | 307 | 308 => answer.headers.get(LOCATION),
                _ => return Ok(answer),
            };
            path = self.moved_to(location).ok_or_else(|| {
                ForgeError::Unavailable(format!(
                    "a redirect to another host on the request to {}; check `github.api_url`",
                    ask.what()
                ))
            })?;
        }
        Err(ForgeError::Unavailable(format!(
            "more than {REDIRECTS_MAX} redirects on the request to {}",
            ask.what()
        )))
    }

    async fn once(
        &self,
        ask: &Ask,
        path: &str,
        authorization: &HeaderValue,
    ) -> Result<Answer, ForgeError> {
        let mut builder = Request::builder()
            .method(&ask.method)
            .uri(path)
            .header(ACCEPT, "application/vnd.github+json")
            .header(USER_AGENT, AGENT)
            .header(AUTHORIZATION, authorization);
        if let Some(etag) = &ask.etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        let request = self
            .octocrab
            .build_request(builder, ask.body.as_ref())
            .map_err(|error| failure::broken(ask, &error))?;
        let response = self
            .octocrab
            .send(request)
            .await
            .map_err(|error| failure::broken(ask, &error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| failure::broken(ask, &*error))?
            .to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    fn moved_to(&self, location: Option<&HeaderValue>) -> Option<String> {
        let target: Uri = location?.to_str().ok()?.parse().ok()?;
        let same = target.authority().is_none()
            || (target.scheme() == self.base.scheme()
                && target.host() == self.base.host()
                && target.port_u16() == self.base.port_u16());
        let path = target.path_and_query()?.as_str();
        // Two slashes start a host, which a URL parser takes for part of the path.
        (same && path.starts_with('/') && !path.starts_with("//")).then(|| path.to_owned())
    }
}

fn parse_base(api_url: &str) -> Result<Uri, ForgeError> {
    let wrong = |why: &str| ForgeError::Refused {
        what: format!("use the API URL {api_url:?}"),
        why: why.to_owned(),
    };
    let base: Uri = api_url
        .trim_end_matches('/')
        .parse()
        .map_err(|_| wrong("it is not a URL"))?;
    if !matches!(base.scheme_str(), Some("http" | "https")) {
        return Err(wrong("it must begin with https:// (or http://)"));
    }
    match base.authority() {
        Some(authority) if !authority.as_str().contains('@') => Ok(base),
        _ => Err(wrong("it needs a host, and no user name in it")),
    }
}

/// Plain HTTP needs no certificates, and must work on a host without any.
fn client(base: &Uri) -> Result<Octocrab, ForgeError> {
    if base.scheme_str() == Some("http") {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let plain = Client::builder(TokioExecutor::new()).build(connector);
        return OctocrabBuilder::new_empty()
            .with_service(plain)
            .with_layer(&BaseUriLayer::new(base.clone()))
            .with_auth(AuthState::None)
            .build()
            .map_err(failure::unavailable);
    }
    Octocrab::builder()
        .base_uri(base.clone())
        .and_then(|builder| {
            builder
                .add_header(HeaderName::from_static("user-agent"), AGENT.to_owned())
                .build()
        })
        .map_err(failure::unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_redirect_is_followed_on_the_same_host_only() {
        let http = Http::new("http://ghe.example:8080/api/v3", Duration::from_secs(1)).unwrap();
        let moved = |to: &str| http.moved_to(Some(&to.parse().unwrap()));
        let path = "/api/v3/repositories/7";
        assert_eq!(moved(path).as_deref(), Some(path));
        let whole = moved("http://ghe.example:8080/api/v3/repositories/7");
        assert_eq!(whole.as_deref(), Some(path));
        assert_eq!(moved("http://elsewhere.example:8080/repositories/7"), None);
        assert_eq!(moved("http://ghe.example/repositories/7"), None);
        assert_eq!(moved("https://ghe.example:8080/repositories/7"), None);
        assert_eq!(moved("//elsewhere.example/x"), None);
        assert_eq!(http.moved_to(None), None);
    }

    #[tokio::test]
    async fn an_address_with_a_user_name_or_without_a_host_is_refused() {
        for url in ["", "api.github.com", "ftp://x", "http://u:p@host", "/v3"] {
            assert!(Http::new(url, Duration::from_secs(1)).is_err(), "{url:?}");
        }
    }
}
