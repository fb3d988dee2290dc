//! The actions of people: create, push, open, merge, close. Each sends its webhooks.

use std::{
    collections::{BTreeMap, HashSet},
    sync::atomic::Ordering,
};

use serde_json::json;

use super::{
    config::ModelError,
    git::{self, Changes, Files, NewCommit},
    server::ModelGitHub,
    state::{Pull, Repo, State},
};
use crate::names::{CommitSha, PullRequestNumber, RepoName, RepositoryId};

impl ModelGitHub {
    /// Creates a repository with one commit on `main`.
    ///
    /// # Errors
    /// If git fails or the name is taken.
    pub async fn create_repository(
        &self,
        name: &RepoName,
        files: Files,
    ) -> Result<RepositoryId, ModelError> {
        let (id, path) = {
            let mut state = self.inner.state();
            if state.names.contains_key(name) {
                return Err(ModelError(format!("create {name}: the name is taken")));
            }
            let id = state.next_id();
            let path = self.inner.root.path().join(format!("{id}.git"));
            let repo = Repo {
                id,
                name: name.clone(),
                directory: format!("{id}.git"),
                path: path.clone(),
                branches: BTreeMap::new(),
                commits: HashSet::new(),
                objects: BTreeMap::new(),
                pulls: BTreeMap::new(),
                comments: Vec::new(),
                deployments: Vec::new(),
                statuses: Vec::new(),
                last_number: 0,
            };
            state.repos.insert(id, repo);
            state.names.insert(name.clone(), id);
            (id, path)
        };
        git::init(&path).await?;
        let changes = files.into_iter().map(|(path, file)| (path, Some(file)));
        self.push(name, "main", "main", &changes.collect(), "First commit")
            .await?;
        Ok(RepositoryId(id))
    }

    /// Pushes one commit to a branch. A new branch starts at the tip of `base`. Open pull requests
    /// of the branch follow it (`synchronize`). Any branch name that git accepts works.
    ///
    /// # Errors
    /// If git fails.
    pub async fn push(
        &self,
        repo: &RepoName,
        branch: &str,
        base: &str,
        changes: &Changes,
        message: &str,
    ) -> Result<CommitSha, ModelError> {
        let _writing = self.inner.writing.lock().await;
        let (id, path, parent) = self.at(repo, |r| {
            let parent = r.branches.get(branch).or_else(|| r.branches.get(base));
            (r.id, r.path.clone(), parent.cloned())
        })?;
        let new = NewCommit {
            refname: &format!("refs/heads/{branch}"),
            parent: parent.as_ref(),
            changes,
            message,
            counter: self.inner.commits.fetch_add(1, Ordering::Relaxed),
        };
        let sha = git::commit(&path, new).await?;
        let follow: Vec<u64> = self.at(repo, |r| {
            let mine = |p: &&Pull| {
                p.open
                    && p.head_branch == branch
                    && p.head_repo.as_ref().is_some_and(|(head, _)| *head == r.id)
            };
            r.pulls.values().filter(mine).map(|p| p.number).collect()
        })?;
        for number in &follow {
            git::update_ref(&path, &format!("refs/pull/{number}/head"), &sha).await?;
        }
        let mut state = self.inner.state();
        if let Some(repo) = state.repos.get_mut(&id) {
            repo.branches.insert(branch.to_owned(), sha.clone());
            repo.commits.insert(sha.clone());
            for number in &follow {
                if let Some(pull) = repo.pulls.get_mut(number) {
                    pull.head = sha.clone();
                }
            }
        }
        for number in follow {
            state.emit_pull(id, number, "synchronize");
        }
        Ok(sha)
    }

    /// Opens a pull request (`opened`).
    ///
    /// # Errors
    /// If the repository or branch does not exist.
    pub async fn open_pull_request(
        &self,
        repo: &RepoName,
        branch: &str,
        base: &str,
        title: &str,
        author: &str,
    ) -> Result<PullRequestNumber, ModelError> {
        let _writing = self.inner.writing.lock().await;
        let (id, path, tip) = self.at(repo, |r| {
            (r.id, r.path.clone(), r.branches.get(branch).cloned())
        })?;
        let head = tip.ok_or_else(|| ModelError(format!("find the branch {branch:?}")))?;
        let pull = Pull {
            number: 0,
            title: title.to_owned(),
            author: author.to_owned(),
            open: true,
            merged: false,
            draft: false,
            labels: Vec::new(),
            head_branch: branch.to_owned(),
            head: head.clone(),
            head_repo: Some((id, repo.clone())),
            base_branch: base.to_owned(),
            at: String::new(),
        };
        let number = self.insert_pull(id, pull)?;
        let refname = format!("refs/pull/{number}/head");
        git::update_ref(&path, &refname, &head).await?;
        self.inner.state().emit_pull(id, number, "opened");
        Ok(PullRequestNumber(number))
    }

    /// Opens a pull request with one commit from another repository, or from one that has been
    /// deleted.
    ///
    /// # Errors
    /// If the repository does not exist or git fails.
    pub async fn open_fork_pull_request(
        &self,
        repo: &RepoName,
        fork: Option<&RepoName>,
        branch: &str,
        changes: &Changes,
        title: &str,
    ) -> Result<PullRequestNumber, ModelError> {
        let _writing = self.inner.writing.lock().await;
        let (id, path, parent) = self.at(repo, |r| {
            (r.id, r.path.clone(), r.branches.get("main").cloned())
        })?;
        let parent = parent.ok_or_else(|| ModelError("find the branch main".to_owned()))?;
        let head_repo = fork.map(|fork| {
            let mut state = self.inner.state();
            let known = state.names.get(fork).copied();
            (known.unwrap_or_else(|| state.next_id()), fork.clone())
        });
        let pull = Pull {
            number: 0,
            title: title.to_owned(),
            author: fork.map_or("ghost", |fork| fork.owner()).to_owned(),
            open: true,
            merged: false,
            draft: false,
            labels: Vec::new(),
            head_branch: branch.to_owned(),
            head: parent.clone(),
            head_repo,
            base_branch: "main".to_owned(),
            at: String::new(),
        };
        let number = self.insert_pull(id, pull)?;
        let new = NewCommit {
            refname: &format!("refs/pull/{number}/head"),
            parent: Some(&parent),
            changes,
            message: title,
            counter: self.inner.commits.fetch_add(1, Ordering::Relaxed),
        };
        let sha = git::commit(&path, new).await?;
        let mut state = self.inner.state();
        if let Some(repo) = state.repos.get_mut(&id) {
            repo.commits.insert(sha.clone());
            if let Some(pull) = repo.pulls.get_mut(&number) {
                pull.head = sha;
            }
        }
        state.emit_pull(id, number, "opened");
        Ok(PullRequestNumber(number))
    }

    /// Merges (`closed`, merged). The base moves to the head, like a fast-forward.
    ///
    /// # Errors
    /// If the pull request does not exist or git fails.
    pub async fn merge(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
    ) -> Result<(), ModelError> {
        let _writing = self.inner.writing.lock().await;
        let (path, pull) = self.at(repo, |r| (r.path.clone(), r.pulls.get(&number.0).cloned()))?;
        let pull = pull.ok_or_else(|| ModelError(format!("find {number}")))?;
        let refname = format!("refs/heads/{}", pull.base_branch);
        git::update_ref(&path, &refname, &pull.head).await?;
        if let Some(repo) = self.inner.state().repo_mut(repo) {
            repo.branches.insert(pull.base_branch, pull.head);
        }
        self.change(repo, number, "closed", |pull| {
            pull.open = false;
            pull.merged = true;
        })
    }

    /// Closes without merging (`closed`).
    ///
    /// # Errors
    /// If the pull request does not exist; same for the methods below.
    pub fn close(&self, repo: &RepoName, number: PullRequestNumber) -> Result<(), ModelError> {
        self.change(repo, number, "closed", |pull| pull.open = false)
    }

    /// Reopens a pull request (`reopened`).
    pub fn reopen(&self, repo: &RepoName, number: PullRequestNumber) -> Result<(), ModelError> {
        self.change(repo, number, "reopened", |pull| pull.open = true)
    }

    /// Changes the base branch (`edited`).
    pub fn retarget(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        base: &str,
    ) -> Result<(), ModelError> {
        self.change(repo, number, "edited", |pull| {
            pull.base_branch = base.to_owned();
        })
    }

    /// Adds a label (`labeled`).
    pub fn label(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        label: &str,
    ) -> Result<(), ModelError> {
        self.change(repo, number, "labeled", |pull| {
            pull.labels.push(label.to_owned());
        })
    }

    /// Renames a repository (`renamed`); its old name redirects to it from then on.
    ///
    /// # Errors
    /// If the repository does not exist.
    pub fn rename(&self, old: &RepoName, new: &RepoName) -> Result<(), ModelError> {
        let mut state = self.inner.state();
        let repo = state.repo_mut(old);
        let repo = repo.ok_or_else(|| ModelError(format!("find {old}")))?;
        repo.name = new.clone();
        let id = repo.id;
        for pull in repo.pulls.values_mut() {
            if let Some((head, name)) = &mut pull.head_repo
                && *head == id
            {
                name.clone_from(new);
            }
        }
        state.names.insert(new.clone(), id);
        let shape = state.repository_of(&state.repos[&id]);
        let payload = json!({ "action": "renamed", "repository": shape });
        state.webhooks.emit("repository", &payload);
        Ok(())
    }

    fn insert_pull(&self, id: u64, pull: Pull) -> Result<u64, ModelError> {
        let mut state = self.inner.state();
        let at = state.timestamp();
        let repo = state.repos.get_mut(&id);
        let repo = repo.ok_or_else(|| ModelError("find the repository".to_owned()))?;
        repo.last_number += 1;
        let number = repo.last_number;
        repo.pulls.insert(number, Pull { number, at, ..pull });
        Ok(number)
    }

    fn change(
        &self,
        repo: &RepoName,
        number: PullRequestNumber,
        action: &str,
        change: impl FnOnce(&mut Pull),
    ) -> Result<(), ModelError> {
        let mut state = self.inner.state();
        let found = state.repo_mut(repo).and_then(|repo| {
            let pull = repo.pulls.get_mut(&number.0)?;
            change(pull);
            Some(repo.id)
        });
        let id = found.ok_or_else(|| ModelError(format!("find {number} of {repo}")))?;
        state.emit_pull(id, number.0, action);
        Ok(())
    }

    fn at<T>(&self, repo: &RepoName, look: impl FnOnce(&Repo) -> T) -> Result<T, ModelError> {
        let state = self.inner.state();
        let found = state.repo(repo).map(look);
        found.ok_or_else(|| ModelError(format!("find the repository {repo}")))
    }
}

impl State {
    fn emit_pull(&mut self, id: u64, number: u64, action: &str) {
        let Some(repo) = self.repos.get(&id) else {
            return;
        };
        let Some(pull) = repo.pulls.get(&number) else {
            return;
        };
        let payload = json!({
            "action": action, "number": number,
            "pull_request": self.pull(repo, pull, true),
            "repository": self.repository_of(repo),
            "sender": self.user(&pull.author),
        });
        self.webhooks.emit("pull_request", &payload);
    }
}
