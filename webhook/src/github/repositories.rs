//! Lists repositories, and the identity of the credential.

use tokio::sync::OnceCell;

use super::{
    GitHub,
    ask::Ask,
    known::Identity,
    pages::read_all_as,
    tokens::{AppTokens, Tokens},
    wire::{Installation, Repo, RepoPage},
};
use crate::{
    forge::{ForgeError, Repository},
    names::{RepoName, RepositoryId},
};

impl GitHub {
    pub(super) async fn list_repositories(&self) -> Result<Vec<Repository>, ForgeError> {
        match &self.tokens {
            Tokens::Fixed(_) => {
                let mut found = Vec::with_capacity(self.configured.len());
                for repo in &self.configured {
                    found.push(named(&self.read_repository(repo).await?)?);
                }
                Ok(found)
            }
            Tokens::App(app) => self.list_installed(app).await,
        }
    }

    pub(super) async fn read_repository(&self, repo: &RepoName) -> Result<Repo, ForgeError> {
        let ask = Ask::get(format!("/repos/{repo}"), format!("repository {repo}"));
        self.read(repo, ask).await
    }

    /// The account behind the credential; requested once.
    pub(super) async fn identity(&self, repo: &RepoName) -> Result<&Identity, ForgeError> {
        let cell: &OnceCell<Identity> = &self.identity;
        cell.get_or_try_init(|| self.read_identity(repo)).await
    }

    async fn list_installed(&self, app: &AppTokens) -> Result<Vec<Repository>, ForgeError> {
        let jwt = app.jwt()?;
        let path = "/app/installations";
        let pages: Vec<Vec<Installation>> =
            read_all_as(&self.http, path, "the GitHub App's installations", &jwt).await?;
        let mut found = Vec::new();
        for installation in pages.into_iter().flatten() {
            if installation.suspended_at.is_some() {
                continue;
            }
            let metadata = app.metadata(&self.http, installation.id).await?;
            let subject = format!("the repositories of installation {}", installation.id);
            let path = "/installation/repositories";
            let pages: Vec<RepoPage> = read_all_as(&self.http, path, &subject, &metadata).await?;
            for repo in pages.iter().flat_map(|page| &page.repositories) {
                found.push(named(repo)?);
            }
        }
        Ok(found)
    }
}

/// Checks the id and name of a repository in an answer.
pub(super) fn named(repo: &Repo) -> Result<Repository, ForgeError> {
    Ok(Repository {
        id: RepositoryId(repo.id),
        name: RepoName::parse(&repo.full_name)
            .map_err(|error| ForgeError::Unavailable(error.to_string()))?,
    })
}
