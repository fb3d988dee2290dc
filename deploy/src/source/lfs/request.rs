//! Requests to object hosts: which hosts are allowed, and with which credentials.
//!
//! The forge that the repository was fetched from gets the repository's credentials, and may be at
//! any address. Every other host that it names must use https at a public address. It is only
//! contacted at the addresses that were checked, and gets no credentials of Dayfly.

use std::{
    collections::HashMap,
    error::Error,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, Uri,
    header::{AUTHORIZATION, LOCATION, USER_AGENT},
};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};

use super::super::{
    Remote, SourceError,
    limits::{LFS_CONNECT_DEADLINE, LFS_REDIRECTS_MAX, LFS_STALL_DEADLINE},
    missing::Fault,
    public,
};

const AGENT: &str = concat!("dayfly/", env!("CARGO_PKG_VERSION"));

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin(String, String, u16);

impl Origin {
    fn of(address: &Uri) -> Option<Self> {
        let scheme = address.scheme_str()?;
        let port = match (address.port_u16(), scheme) {
            (Some(port), _) => port,
            (None, "https") => 443,
            (None, "http") => 80,
            _ => return None,
        };
        let host = address.host()?.to_ascii_lowercase();
        Some(Self(scheme.to_owned(), host, port))
    }
}

/// Requests objects of one repository.
pub(super) struct Requests {
    client: Client<HttpsConnector<HttpConnector<Places>>, Full<Bytes>>,
    places: Places,
    home: Origin,
    authorization: Option<HeaderValue>,
}

impl Requests {
    /// For objects of a repository at `home`, the remote's URL.
    pub(super) fn new(remote: &Remote, home: &Uri) -> Result<Self, Fault> {
        let home = Origin::of(home).ok_or("its repository is not fetched over https".to_owned())?;
        let places = Places::new(&home.1, &remote.addresses);
        let mut tcp = HttpConnector::new_with_resolver(places.clone());
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(LFS_CONNECT_DEADLINE));
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(SourceError::io(
                "read the certificates that this machine trusts",
            ))?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let authorization = remote.authorization()?;
        let authorization = authorization.and_then(|text| HeaderValue::try_from(text).ok());
        let authorization = authorization.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            places,
            home,
            authorization,
        })
    }

    /// Sends a request to the forge itself. Follows no redirect.
    pub(super) async fn post(
        &self,
        address: &Uri,
        media_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, Fault> {
        let mut headers = HeaderMap::new();
        for name in [http::header::ACCEPT, http::header::CONTENT_TYPE] {
            headers.insert(name, HeaderValue::from_static(media_type));
        }
        headers.extend(self.credentials());
        self.send(Method::POST, address, headers, body).await
    }

    /// Requests an object at the location that the forge gave, and follows redirects. Headers for
    /// one host are never sent to another.
    pub(super) async fn get(
        &self,
        address: &str,
        mut headers: HeaderMap,
    ) -> Result<Response<Incoming>, Fault> {
        let no_address = || "the forge names an invalid address for it".to_owned();
        let mut address: Uri = address.parse().map_err(|_| no_address())?;
        let mut origin = Origin::of(&address).ok_or_else(no_address)?;
        if origin == self.home && !headers.contains_key(AUTHORIZATION) {
            headers.extend(self.credentials());
        }
        for _ in 0..=LFS_REDIRECTS_MAX {
            if origin != self.home {
                self.places.look_up(&address).await?;
            }
            let answer = self.send(Method::GET, &address, headers.clone(), Vec::new());
            let answer = answer.await?;
            if !answer.status().is_redirection() {
                return Ok(answer);
            }
            address = next(&address, &answer).ok_or_else(no_address)?;
            let next = Origin::of(&address).ok_or_else(no_address)?;
            if next != origin {
                headers.clear();
            }
            origin = next;
        }
        Err(format!("its address redirects more than {LFS_REDIRECTS_MAX} times").into())
    }

    fn credentials(&self) -> Option<(http::HeaderName, HeaderValue)> {
        let value = self.authorization.clone()?;
        Some((AUTHORIZATION, value))
    }

    async fn send(
        &self,
        method: Method,
        address: &Uri,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, Fault> {
        let host = address.host().unwrap_or_default();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = address.clone();
        *request.headers_mut() = headers;
        let answer = tokio::time::timeout(LFS_STALL_DEADLINE, self.client.request(request)).await;
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(unreachable(host, &error).into()),
            Err(_) => {
                let seconds = LFS_STALL_DEADLINE.as_secs();
                let why = format!("{host} gave no answer within {seconds} s");
                Err(SourceError::Unreachable(why).into())
            }
        }
    }
}

/// The target of a redirect.
fn next(from: &Uri, answer: &Response<Incoming>) -> Option<Uri> {
    let to = answer.headers().get(LOCATION)?.to_str().ok()?;
    let origin = format!("{}://{}", from.scheme_str()?, from.authority()?);
    match to.starts_with('/') && !to.starts_with("//") {
        true => (origin + to).parse().ok(),
        false => to.parse().ok(),
    }
}

/// The error for a failing host, with all known causes.
pub(super) fn unreachable(host: &str, error: &dyn Error) -> SourceError {
    let mut why = format!("{host}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        why += &format!(": {error}");
        cause = error.source();
    }
    SourceError::Unreachable(why)
}

/// Resolves hosts: the forge's by its name, all others to their checked addresses.
#[derive(Clone)]
struct Places {
    home: String,
    known: Arc<Mutex<HashMap<String, Vec<IpAddr>>>>,
}

impl Places {
    fn new(home: &str, addresses: &[IpAddr]) -> Self {
        let mut known = HashMap::new();
        if !addresses.is_empty() {
            known.insert(home.to_owned(), addresses.to_vec());
        }
        Self {
            home: home.to_owned(),
            known: Arc::new(Mutex::new(known)),
        }
    }

    fn of(&self, host: &str) -> Option<Vec<IpAddr>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).cloned()
    }

    /// Checks the addresses of a host other than the forge. Checks IP addresses too, which need no
    /// resolving.
    async fn look_up(&self, address: &Uri) -> Result<(), String> {
        let found = public::addresses(&address.to_string()).await?;
        let host = address.host().unwrap_or_default().to_ascii_lowercase();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // The first addresses stay: connections to them may be open.
        known.entry(host).or_insert(found);
        Ok(())
    }
}

impl tower::Service<Name> for Places {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.as_str().to_ascii_lowercase();
        let (known, is_home) = (self.of(&host), host == self.home);
        // The connector adds the port.
        Box::pin(async move {
            let found: Vec<SocketAddr> = match known {
                Some(known) => known.into_iter().map(|ip| (ip, 0).into()).collect(),
                None if is_home => tokio::net::lookup_host((host, 0)).await?.collect(),
                None => return Err(io::Error::other("the host's addresses were not checked")),
            };
            Ok(found.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let of = |text: &str| Origin::of(&text.parse().unwrap());
        assert_eq!(
            of("https://Forge.example/a"),
            of("https://forge.example:443/b?c")
        );
        for other in [
            "http://forge.example/a",
            "https://forge.example:8443/a",
            "https://forge.example.evil/a",
            "https://user@other.example/a",
        ] {
            assert_ne!(of("https://forge.example/a"), of(other), "{other}");
        }
        assert_eq!(of("/a"), None);
        assert_eq!(of("ftp://forge.example/a"), None);
    }
}
