//! Access for fetching a repository.

use http::Uri;

use crate::{
    forge::{CloneAccess, ForgeError},
    names::RepoName,
};

use super::GitHub;

impl GitHub {
    pub(super) async fn fetch_access(&self, repo: &RepoName) -> Result<CloneAccess, ForgeError> {
        let refused = |why: String| ForgeError::Refused {
            what: format!("tell how to fetch {repo}"),
            why,
        };
        let found = self.read_repository(repo).await?;
        let url = found
            .clone_url
            .ok_or_else(|| refused("its answer has no clone_url".to_owned()))?;
        check(&url, self.allow_insecure_clone).map_err(refused)?;
        let token = self.tokens.contents(&self.http, repo).await?;
        Ok(CloneAccess {
            url,
            token: Some(token.secret),
            expires_at: token.expires_at,
        })
    }
}

/// The token is sent to this URL, so it must be encrypted and unambiguous.
fn check(url: &str, allow_insecure: bool) -> Result<(), String> {
    let uri: Uri = url
        .parse()
        .map_err(|_| "the clone_url is not a URL".to_owned())?;
    let authority = uri
        .authority()
        .ok_or_else(|| "the clone_url has no host".to_owned())?;
    if authority.as_str().contains('@') {
        return Err("the clone_url has a user name in it".to_owned());
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if allow_insecure => Ok(()),
        Some("http") => Err(
            "the clone_url is plain http; [github] allow_insecure_clone would allow it".to_owned(),
        ),
        _ => Err("the clone_url is not https".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_plain_https_addresses_get_the_token() {
        assert!(check("https://github.com/acme/shop.git", false).is_ok());
        assert!(check("http://127.0.0.1:80/acme/shop.git", true).is_ok());
        for url in [
            "http://github.com/acme/shop.git",
            "https://user:pw@github.com/acme/shop.git",
            "ssh://git@github.com/acme/shop.git",
            "git@github.com:acme/shop.git",
            "file:///etc",
            "--upload-pack=x",
            "/acme/shop.git",
            "",
        ] {
            assert!(check(url, false).is_err(), "{url:?}");
        }
    }
}
