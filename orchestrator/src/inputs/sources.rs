//! Where a preview's source comes from: the forge's git for pull requests, imported checkouts for
//! local ones.

use std::sync::Arc;

use async_trait::async_trait;
use deploy::{
    blueprint::{self, Blueprint, BlueprintError},
    content::Content,
    names::{CommitSha, NameError},
    source::{self, Home, MirrorId, Mirrors, Remote, Transport, Tree},
};
use tokio::sync::OnceCell;
use webhook::forge::Forge;

use super::submodules::{ForgeLender, ListedSubmodule};
use crate::{
    lifecycle::Origin,
    store::{PreviewRow, RepositoryRow},
};

/// Why a commit's source is not available.
#[derive(Debug)]
pub enum SourceError {
    /// The commit itself is at fault; the same commit fails the same way.
    Blueprint(BlueprintError),
    /// The commit cannot be fetched or used: refused credentials, too large, an unreadable tree.
    Unusable(source::SourceError),
    /// The server does not have the checkout that was sent.
    CheckoutGone,
    /// A later attempt may succeed.
    Unreachable(String),
}

/// Source of commits: the forge's git, or an imported checkout.
#[async_trait]
pub trait Sources: Send + Sync {
    /// The commit's files, fetched if need be.
    async fn fetch(&self, preview: &PreviewRow, commit: &CommitSha) -> Result<Tree, SourceError>;

    /// The blueprint of the files.
    async fn blueprint(&self, tree: &Tree) -> Result<Blueprint, SourceError>;

    /// Deletes the stored source of a removed preview, unless another preview uses it.
    async fn forget(&self, preview: &PreviewRow) -> Result<(), SourceError>;

    /// Deletes stored files that were not used for a long time.
    async fn prune(&self) {}

    /// One file of the tree.
    async fn file(&self, tree: &Tree, path: &str) -> Result<Option<Content>, SourceError>;
}

/// The sources of a real server.
pub struct GitSources {
    /// All mirrors.
    pub mirrors: Arc<Mirrors>,
    /// The forge that gives the credentials for a fetch.
    pub forge: Option<Arc<dyn Forge>>,
    /// Whether code may be fetched over plain HTTP.
    pub allow_insecure_clone: bool,
    /// Submodules that are fetched as the repositories themselves are.
    pub submodules: Vec<ListedSubmodule>,
}

/// The mirror of a local checkout.
pub fn local_mirror(slug: &str) -> Result<MirrorId, SourceError> {
    MirrorId::parse(&format!("local-{slug}")).map_err(unnamed)
}

#[async_trait]
impl Sources for GitSources {
    async fn fetch(&self, preview: &PreviewRow, commit: &CommitSha) -> Result<Tree, SourceError> {
        let Some(repository) = &preview.repository else {
            let mirror = local_mirror(&preview.slug)?;
            let found = self.mirrors.find(&mirror, commit).await;
            let tree = found.ok_or(SourceError::CheckoutGone)?;
            let tree = tree.as_sent().await?;
            return Ok(self.mirrors.without_pointers(tree).await?);
        };
        let mirror = MirrorId::parse(&format!("github-{}", repository.id.0)).map_err(unnamed)?;
        // A commit that is stored and has no submodules needs no request to the forge.
        let remote = OnceCell::new();
        let remote = || remote.get_or_try_init(|| self.remote(repository, mirror.clone()));
        let tree = match self.mirrors.find(&mirror, commit).await {
            Some(tree) => tree,
            None => self.mirrors.fetch(remote().await?, commit).await?,
        };
        if !tree.has_submodules().await? {
            return self.mirrors.with_lfs(tree, remote()).await;
        }
        self.with_submodules(tree, repository, remote().await?)
            .await
    }

    async fn blueprint(&self, tree: &Tree) -> Result<Blueprint, SourceError> {
        blueprint::read(tree).await.map_err(|error| match error {
            BlueprintError::Source(error) => error.into(),
            error => SourceError::Blueprint(error),
        })
    }

    async fn forget(&self, preview: &PreviewRow) -> Result<(), SourceError> {
        // A repository's mirror serves all its pull requests.
        if preview.repository.is_some() || preview.desired.origin != Origin::Local {
            return Ok(());
        }
        let mirror = local_mirror(&preview.slug)?;
        Ok(self.mirrors.forget(&mirror).await?)
    }

    async fn prune(&self) {
        self.mirrors.prune_lfs().await;
    }

    async fn file(&self, tree: &Tree, path: &str) -> Result<Option<Content>, SourceError> {
        Ok(tree.content(path).await?)
    }
}

impl GitSources {
    fn forge(&self) -> Result<&dyn Forge, SourceError> {
        self.forge.as_deref().ok_or_else(|| {
            SourceError::Unreachable("no forge is configured on this server".to_owned())
        })
    }

    /// How the repository itself is fetched.
    async fn remote(
        &self,
        repository: &RepositoryRow,
        mirror: MirrorId,
    ) -> Result<Remote, SourceError> {
        let access = self.forge()?.clone_access(&repository.name).await;
        let access = access.map_err(|error| SourceError::Unreachable(error.to_string()))?;
        Ok(Remote {
            mirror,
            url: access.url,
            token: access.token,
            allow: match self.allow_insecure_clone {
                true => Transport::AlsoHttp,
                false => Transport::HttpsOnly,
            },
            addresses: Vec::new(),
        })
    }

    async fn with_submodules(
        &self,
        tree: Tree,
        repository: &RepositoryRow,
        remote: &Remote,
    ) -> Result<Tree, SourceError> {
        let fetched = (&repository.name, remote.url.as_str());
        let home = Home {
            remote,
            allow: Transport::HttpsOnly,
            lender: &ForgeLender::new(self.forge()?, fetched, &self.submodules, remote.allow),
        };
        Ok(self.mirrors.with_submodules(tree, &home).await?)
    }
}

/// Temporary failures are retried; faults of the commit are not.
impl From<source::SourceError> for SourceError {
    fn from(error: source::SourceError) -> Self {
        use source::SourceError as E;
        match error {
            E::Unreachable(_) | E::Timeout { .. } | E::Io { .. } => {
                Self::Unreachable(error.to_string())
            }
            error => Self::Unusable(error),
        }
    }
}

/// A mirror that cannot be named.
fn unnamed(error: NameError) -> SourceError {
    SourceError::Unusable(source::SourceError::Refused(error.to_string()))
}
