//! What people do on the forge.

use webhook::{
    model::{Changes, Files},
    names::{CommitSha, PullRequestNumber, RepoName},
};

use super::{api::Preview, apps::App, dayfly::Dayfly, visitor::Visitor, wait::eventually};

/// A pull request.
#[derive(Clone, Debug)]
pub struct Pull {
    /// Its repository.
    pub repo: RepoName,
    /// Its number.
    pub number: PullRequestNumber,
    /// Its branch.
    pub branch: String,
    /// The commit it was opened with.
    pub commit: CommitSha,
    /// The id of its preview.
    pub id: String,
}

impl Dayfly {
    /// Opens a pull request with an application on a branch.
    ///
    /// # Errors
    /// Where the modelled forge refuses; so with the others.
    pub async fn open(&self, branch: &str, app: &App) -> anyhow::Result<Pull> {
        let repo = self.repo.clone();
        let changes = app.changes();
        let commit = self
            .forge
            .push(&repo, branch, "main", &changes, "Begin")
            .await?;
        let number = self
            .forge
            .open_pull_request(&repo, branch, "main", "A change", "ada")
            .await?;
        let id = format!("{}-{}", repo.name(), number.0);
        self.opened(number);
        Ok(Pull {
            repo,
            number,
            branch: branch.to_owned(),
            commit,
            id,
        })
    }

    /// Opens a pull request and waits until it is live.
    ///
    /// # Errors
    /// Where it does not become live.
    pub async fn open_live(&self, branch: &str, app: &App) -> anyhow::Result<(Pull, Visitor)> {
        let pull = self.open(branch, app).await?;
        let preview = self.live(&pull, &pull.commit).await?;
        let visitor = self.visitor(preview.url()?);
        Ok((pull, visitor))
    }

    /// Pushes an application to a pull request's branch.
    ///
    /// # Errors
    /// Where git refuses.
    pub async fn push(&self, pull: &Pull, app: &App) -> anyhow::Result<CommitSha> {
        self.push_files(pull, app.files()).await
    }

    /// Pushes files to a pull request's branch.
    ///
    /// # Errors
    /// Where git refuses.
    pub async fn push_files(&self, pull: &Pull, files: Files) -> anyhow::Result<CommitSha> {
        let changes: Changes = files
            .into_iter()
            .map(|(path, file)| (path, Some(file)))
            .collect();
        Ok(self
            .forge
            .push(&pull.repo, &pull.branch, "main", &changes, "Go on")
            .await?)
    }

    /// Closes a pull request.
    ///
    /// # Errors
    /// Where there is none.
    pub fn close(&self, pull: &Pull) -> anyhow::Result<()> {
        Ok(self.forge.close(&pull.repo, pull.number)?)
    }

    /// Waits until a commit is live; a failure ends the wait.
    ///
    /// # Errors
    /// Where it fails or does not come.
    pub async fn live(&self, pull: &Pull, commit: &CommitSha) -> anyhow::Result<Preview> {
        let what = format!("{} live with {commit}", pull.id);
        let settled = eventually(&what, async || {
            let preview = self.api.preview(&pull.id).await?;
            let at = |known: &Option<String>| known.as_deref() == Some(commit.as_str());
            let live = preview.phase == "live" && at(&preview.serving_commit);
            let failed = preview.phase == "failed" && at(&preview.commit);
            anyhow::ensure!(live || failed, "{preview:?}");
            Ok(preview)
        })
        .await?;
        anyhow::ensure!(
            settled.phase == "live",
            "{} failed: {}",
            pull.id,
            settled.diagnosed()
        );
        Ok(settled)
    }

    /// Waits until a preview is in a phase.
    ///
    /// # Errors
    /// Where it does not come there.
    pub async fn phase(&self, id: &str, phase: &str) -> anyhow::Result<Preview> {
        eventually(&format!("{id} {phase}"), async || {
            let preview = self.api.preview(id).await?;
            anyhow::ensure!(preview.phase == phase, "{preview:?}");
            Ok(preview)
        })
        .await
    }

    /// Waits until a commit failed.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn failed(&self, pull: &Pull, commit: &CommitSha) -> anyhow::Result<Preview> {
        eventually(&format!("{} failed with {commit}", pull.id), async || {
            let preview = self.api.preview(&pull.id).await?;
            let it = preview.commit.as_deref() == Some(commit.as_str());
            anyhow::ensure!(it && preview.phase == "failed", "{preview:?}");
            Ok(preview)
        })
        .await
    }

    /// Waits until nothing is left of a preview.
    ///
    /// # Errors
    /// Where something is.
    pub async fn gone(&self, id: &str) -> anyhow::Result<Preview> {
        self.phase(id, "gone").await
    }

    /// Waits until the comment on a pull request says something; answers all of it.
    ///
    /// # Errors
    /// Where it does not, or where there are two comments.
    pub async fn comment(&self, pull: &Pull, words: &str) -> anyhow::Result<String> {
        eventually(
            &format!("a comment on {} that says {words:?}", pull.id),
            async || {
                let comments = self.forge.comments(&pull.repo, pull.number);
                let [comment] = comments.as_slice() else {
                    anyhow::bail!("{} comments", comments.len());
                };
                anyhow::ensure!(comment.body.contains(words), "it says {}", comment.body);
                Ok(comment.body.clone())
            },
        )
        .await
    }
}
