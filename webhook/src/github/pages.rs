//! Reads one answer, a revalidated answer, or all pages of a list.

use http::{HeaderValue, StatusCode, Uri};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    GitHub,
    answer::Answer,
    ask::Ask,
    decode::decode,
    failure,
    http::Http,
    remembered::{Entry, Remembered},
};
use crate::{forge::ForgeError, names::RepoName};

/// Maximum pages: 100,000 entries. A longer list is an error, because half a list is no answer.
const PAGES_MAX: usize = 1000;

impl GitHub {
    /// Sends a request about a repository. If the credential is refused or the name is unknown, the
    /// cached token and place may be outdated: both are looked up again, and the request is
    /// repeated once.
    pub(super) async fn send(&self, repo: &RepoName, ask: &Ask) -> Result<Answer, ForgeError> {
        let authorization = self.tokens.api(&self.http, repo).await?;
        let mut answer = self.http.send(ask, &authorization).await?;
        let outdated = matches!(
            answer.status,
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND
        );
        if outdated && self.tokens.forget(repo) {
            let authorization = self.tokens.api(&self.http, repo).await?;
            answer = self.http.send(ask, &authorization).await?;
        }
        if answer.status.is_success() || answer.status == StatusCode::NOT_MODIFIED {
            Ok(answer)
        } else {
            Err(failure::forge_error(ask, &answer))
        }
    }

    /// Reads one object.
    pub(super) async fn read<T>(&self, repo: &RepoName, ask: Ask) -> Result<T, ForgeError>
    where
        T: DeserializeOwned + Serialize,
    {
        Ok(self.read_page(repo, ask).await?.0)
    }

    /// Every page of a list, or an error. `path` comes without `per_page`.
    pub(super) async fn read_all<T>(
        &self,
        repo: &RepoName,
        path: &str,
        subject: &str,
    ) -> Result<Vec<T>, ForgeError>
    where
        T: DeserializeOwned + Serialize,
    {
        let mut all = Vec::new();
        let mut next = Some(with_page_size(path));
        for _ in 0..PAGES_MAX {
            let Some(path) = next else { return Ok(all) };
            let page: (Vec<T>, _) = self.read_page(repo, Ask::get(path, subject)).await?;
            all.extend(page.0);
            next = page.1;
        }
        Err(too_many(subject))
    }

    async fn read_page<T>(
        &self,
        repo: &RepoName,
        mut ask: Ask,
    ) -> Result<(T, Option<String>), ForgeError>
    where
        T: DeserializeOwned + Serialize,
    {
        let before = self.remembered.get(&ask.path);
        ask.etag = before.as_ref().map(|entry| entry.etag.clone());
        let answer = self.send(repo, &ask).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            let Some(entry) = before else {
                return Err(failure::unexpected(&ask, &"304 without an ETag"));
            };
            let value = serde_json::from_slice(&entry.body)
                .map_err(|error| failure::unexpected(&ask, &error))?;
            return Ok((value, entry.next));
        }
        let value = decode(&ask, &answer)?;
        let next = next_page(&answer);
        remember(&self.remembered, &ask, &answer, &value, next.clone());
        Ok((value, next))
    }
}

/// Every page, with a token other than the repository's.
pub(super) async fn read_all_as<T: DeserializeOwned>(
    http: &Http,
    path: &str,
    subject: &str,
    authorization: &HeaderValue,
) -> Result<Vec<T>, ForgeError> {
    let mut pages = Vec::new();
    let mut next = Some(with_page_size(path));
    for _ in 0..PAGES_MAX {
        let Some(path) = next else { return Ok(pages) };
        let ask = Ask::get(path, subject);
        let answer = http.send(&ask, authorization).await?;
        if !answer.status.is_success() {
            return Err(failure::forge_error(&ask, &answer));
        }
        pages.push(decode(&ask, &answer)?);
        next = next_page(&answer);
    }
    Err(too_many(subject))
}

fn remember<T: Serialize>(
    remembered: &Remembered,
    ask: &Ask,
    answer: &Answer,
    value: &T,
    next: Option<String>,
) {
    let (Some(etag), Ok(body)) = (answer.header("etag"), serde_json::to_vec(value)) else {
        return;
    };
    let entry = Entry {
        etag: etag.to_owned(),
        body: body.into(),
        next,
    };
    remembered.put(&ask.path, entry);
}

fn with_page_size(path: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}per_page=100")
}

fn too_many(subject: &str) -> ForgeError {
    ForgeError::Unavailable(format!("{subject}: more than {PAGES_MAX} pages"))
}

/// The path of the next page. Only path and query are used, so the credential stays on the API's
/// host, even if an API behind a tunnel names another host.
fn next_page(answer: &Answer) -> Option<String> {
    let links = answer.header("link")?;
    links.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters
            .split(';')
            .any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        let uri: Uri = is_next.then(|| target.parse().ok())??;
        Some(uri.path_and_query()?.as_str().to_owned())
    })
}
