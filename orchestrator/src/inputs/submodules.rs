//! Which submodules are read with the server's own credentials.

use std::str::FromStr;

use async_trait::async_trait;
use deploy::source::{Lender, MirrorId, Remote, SourceError, Transport};
use webhook::{
    forge::{Forge, ForgeError},
    names::RepoName,
};

/// A line of `github.submodules`: previews of one repository may read another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSubmodule {
    repository: RepoName,
    submodule: RepoName,
}

/// A line that is not `owner/name:owner/name`.
#[derive(Debug, thiserror::Error)]
#[error("not owner/name:owner/name")]
pub struct NotListed;

impl FromStr for ListedSubmodule {
    type Err = NotListed;

    fn from_str(line: &str) -> Result<Self, NotListed> {
        let (repository, submodule) = line.split_once(':').ok_or(NotListed)?;
        Ok(Self {
            repository: repository.trim().parse().map_err(|_| NotListed)?,
            submodule: submodule.trim().parse().map_err(|_| NotListed)?,
        })
    }
}

/// Lends the forge's credentials for the submodules that are listed for one repository. There is no
/// preview of a pull request from a fork, so nothing is lent to one.
pub(super) struct ForgeLender<'a> {
    forge: &'a dyn Forge,
    /// Everything before a repository's name in the forge's addresses.
    origin: String,
    listed: Vec<&'a RepoName>,
    allow: Transport,
}

impl<'a> ForgeLender<'a> {
    /// For the repository that is fetched from `url`.
    pub(super) fn new(
        forge: &'a dyn Forge,
        (repository, url): (&RepoName, &str),
        all: &'a [ListedSubmodule],
        allow: Transport,
    ) -> Self {
        let is_its = |line: &&ListedSubmodule| same(&line.repository, &repository.to_string());
        Self {
            forge,
            origin: origin(url),
            listed: all
                .iter()
                .filter(is_its)
                .map(|line| &line.submodule)
                .collect(),
            allow,
        }
    }

    fn named(&self, url: &str) -> Option<&'a RepoName> {
        let name = name(&self.origin, url)?;
        let mut listed = self.listed.iter().copied();
        listed.find(|listed| same(listed, name))
    }
}

#[async_trait]
impl Lender for ForgeLender<'_> {
    fn lists(&self, url: &str) -> bool {
        self.named(url).is_some()
    }

    async fn lend(&self, url: &str, mirror: MirrorId) -> Result<Remote, SourceError> {
        let refused = || SourceError::Refused("`github.submodules` does not list it".to_owned());
        let name = self.named(url).ok_or_else(refused)?;
        let access = self.forge.clone_access(name).await;
        let access = access.map_err(|error| match error {
            ForgeError::NotFound(_) | ForgeError::Refused { .. } => {
                SourceError::Refused(error.to_string())
            }
            _ => SourceError::Unreachable(error.to_string()),
        })?;
        Ok(Remote {
            mirror,
            url: access.url,
            token: access.token,
            allow: self.allow,
            addresses: Vec::new(),
        })
    }
}

/// The owner/name in an address of the forge.
fn name<'a>(origin: &str, url: &'a str) -> Option<&'a str> {
    let name = url.strip_prefix(origin)?.trim_end_matches('/');
    Some(name.strip_suffix(".git").unwrap_or(name))
}

/// Whether the forge treats both names as the same repository.
fn same(one: &RepoName, other: &str) -> bool {
    one.to_string().eq_ignore_ascii_case(other)
}

/// Scheme and authority, with a slash behind them.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{authority}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_same_forge_are_names_of_its_repositories() {
        let origin = origin("https://forge.example/acme/shop.git");
        for (url, wanted) in [
            ("https://forge.example/acme/theme.git", Some("acme/theme")),
            ("https://forge.example/acme/theme/", Some("acme/theme")),
            ("https://forge.example.evil/acme/theme", None),
            ("https://forge.example:8443/acme/theme", None),
            ("http://forge.example/acme/theme", None),
            ("https://other.example/acme/theme", None),
        ] {
            assert_eq!(name(&origin, url), wanted, "{url}");
        }
    }

    #[test]
    fn a_line_lists_one_submodule_for_one_repository() {
        let line: ListedSubmodule = "acme/Shop:acme/theme".parse().unwrap();
        assert!(same(&line.repository, "acme/shop"));
        assert!(!same(&line.submodule, "acme/shop"));
        for wrong in [
            "acme/shop",
            "acme/shop:",
            ":acme/theme",
            "shop:theme",
            "a/b:c/d:e/f",
        ] {
            assert!(wrong.parse::<ListedSubmodule>().is_err(), "{wrong}");
        }
    }
}
