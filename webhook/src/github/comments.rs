//! One comment per marker, edited in place.

use serde_json::json;

use super::{
    GitHub,
    ask::Ask,
    known::{Identity, KnownComment},
    tokens::{self, Tokens},
    wire::{Comment, Created},
};
use crate::{
    forge::ForgeError,
    names::{PullRequestNumber, RepoName},
};

impl GitHub {
    /// Holds the slot throughout: two concurrent calls for the same comment create only one.
    pub(super) async fn keep_one_comment(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        marker: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        let slot = self
            .comments
            .slot((repo.clone(), number, marker.to_owned()));
        let mut known = slot.lock().await;
        if let Some(comment) = known.take() {
            match self.keep_known(repo, comment, body).await {
                Ok(comment) => {
                    *known = Some(comment);
                    return Ok(());
                }
                // Someone deleted the comment; searches for another one, or creates a new one.
                Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let found = self.find_comment(repo, number, marker).await?;
        *known = Some(match found {
            Some(comment) if comment.body == body => comment,
            Some(comment) => self.edit_comment(repo, comment.id, body).await?,
            None => self.create_comment(repo, number, body).await?,
        });
        Ok(())
    }

    pub(super) async fn read_identity(&self, repo: &RepoName) -> Result<Identity, ForgeError> {
        match &self.tokens {
            Tokens::App(app) => {
                let ask = Ask::get("/app", "the GitHub App's own name");
                tokens::read(&self.http, &ask, &app.jwt()?)
                    .await
                    .map(Identity::App)
            }
            Tokens::Fixed(_) => {
                let ask = Ask::get("/user", "the user of the token");
                match self.read(repo, ask).await {
                    Ok(user) => Ok(Identity::User(user)),
                    Err(ForgeError::Refused { .. }) => Ok(Identity::SomeBot),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Reads the comment before it skips an identical write, since someone may have edited it.
    async fn keep_known(
        &self,
        repo: &RepoName,
        comment: KnownComment,
        body: &str,
    ) -> Result<KnownComment, ForgeError> {
        if comment.body == body {
            let path = format!("/repos/{repo}/issues/comments/{}", comment.id);
            let ask = Ask::get(path, format!("Dayfly's comment in {repo}"));
            let now: Comment = self.read(repo, ask).await?;
            if now.body.as_deref() == Some(body) {
                return Ok(comment);
            }
        }
        self.edit_comment(repo, comment.id, body).await
    }

    async fn find_comment(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        marker: &str,
    ) -> Result<Option<KnownComment>, ForgeError> {
        let path = format!("/repos/{repo}/issues/{}/comments", number.0);
        let subject = format!("the comments on {number} of {repo}");
        let comments: Vec<Comment> = self.read_all(repo, &path, &subject).await?;
        let identity = self.identity(repo).await?;
        let ours = comments.into_iter().find_map(|comment| {
            let wrote = identity.wrote(&comment);
            let body = comment.body.filter(|body| wrote && body.contains(marker))?;
            Some(KnownComment {
                id: comment.id,
                body,
            })
        });
        Ok(ours)
    }

    async fn edit_comment(
        &self,
        repo: &RepoName,
        id: u64,
        body: &str,
    ) -> Result<KnownComment, ForgeError> {
        let path = format!("/repos/{repo}/issues/comments/{id}");
        let subject = format!("Dayfly's comment in {repo}");
        let ask = Ask::patch(path, subject, json!({ "body": body }));
        self.send(repo, &ask).await?;
        Ok(KnownComment {
            id,
            body: body.to_owned(),
        })
    }

    async fn create_comment(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        body: &str,
    ) -> Result<KnownComment, ForgeError> {
        let path = format!("/repos/{repo}/issues/{}/comments", number.0);
        let subject = format!("a comment on {number} of {repo}");
        let ask = Ask::post(path, subject, json!({ "body": body }));
        let answer = self.send(repo, &ask).await?;
        let created: Created = super::decode::decode(&ask, &answer)?;
        Ok(KnownComment {
            id: created.id,
            body: body.to_owned(),
        })
    }
}
