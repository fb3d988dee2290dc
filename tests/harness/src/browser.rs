//! A browser, as far as links go: it keeps the cookies of each host apart, and follows redirects.

use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::Context as _;
use http::Method;

use super::{Answer, Visitor};

/// Redirects that a browser follows, at most.
const REDIRECTS_MAX: usize = 20;

/// One browser of somebody.
#[derive(Clone, Debug)]
pub struct Browser {
    proxy: SocketAddr,
    /// Host and port to the cookie of ours that was set there.
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// One that has been nowhere.
    pub fn new(proxy: SocketAddr) -> Self {
        Self {
            proxy,
            cookies: BTreeMap::new(),
        }
    }

    /// Goes to an address; answers every address on the way, and the page at the end.
    ///
    /// # Errors
    /// Where a connection fails, or the way has no end.
    pub async fn open(&mut self, url: &str) -> anyhow::Result<(Vec<String>, Answer)> {
        let mut way = vec![url.to_owned()];
        for _ in 0..=REDIRECTS_MAX {
            let url = way.last().cloned().unwrap_or_default();
            let answer = self.visitor(&url).browse(path_of(&url)?).await?;
            let authority = self.visitor(&url).authority().to_owned();
            if let Some(set) = answer.headers.get("set-cookie") {
                let pair = set.to_str()?.split(';').next().unwrap_or_default();
                self.cookies.insert(authority.clone(), pair.to_owned());
            }
            let Some(to) = answer.headers.get("location") else {
                return Ok((way, answer));
            };
            let to = to.to_str()?;
            way.push(match to.starts_with('/') {
                true => format!("http://{authority}{to}"),
                false => to.to_owned(),
            });
        }
        anyhow::bail!("{way:?} has no end")
    }

    /// Sends what a page of `origin` sends to an address.
    ///
    /// # Errors
    /// Where the connection fails.
    pub async fn call(&self, method: Method, url: &str, origin: &str) -> anyhow::Result<Answer> {
        let body = if method == Method::PUT { "this" } else { "" };
        let mut headers = vec![("origin", origin)];
        if method == Method::OPTIONS {
            headers.push(("access-control-request-method", "PUT"));
        }
        self.visitor(url)
            .send(method, path_of(url)?, body, &headers)
            .await
    }

    fn visitor(&self, url: &str) -> Visitor {
        let visitor = Visitor::new(self.proxy, url);
        match self.cookies.get(visitor.authority()) {
            Some(cookie) => visitor.with_cookie(cookie),
            None => visitor,
        }
    }
}

/// Path and query of an address.
fn path_of(url: &str) -> anyhow::Result<&str> {
    let (_, rest) = url.split_once("://").context("no scheme")?;
    Ok(rest.find('/').map_or("/", |at| &rest[at..]))
}
