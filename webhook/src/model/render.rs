//! GitHub's JSON objects, with the fields that its schema requires in the parts Dayfly uses.

use serde_json::{Value, json};

use super::state::{Comment, Deployment, Pull, Repo, State};

impl State {
    pub(super) fn user(&self, login: &str) -> Value {
        let bot = login.ends_with("[bot]");
        // A stable number per login.
        let id = login
            .bytes()
            .fold(7u64, |id, b| (id * 31 + u64::from(b)) % 1_000_000_007);
        json!({
            "login": login, "id": id, "type": if bot { "Bot" } else { "User" },
            "node_id": format!("U_{id}"), "site_admin": false,
            "url": format!("{}/users/{login}", self.base),
        })
    }

    pub(super) fn app(&self) -> Option<Value> {
        let (id, slug) = self.config.app.as_ref()?;
        Some(json!({
            "id": id, "slug": slug, "node_id": format!("A_{id}"), "name": slug,
            "owner": self.user("acme"), "description": null,
            "permissions": {"contents": "read", "metadata": "read", "pull_requests": "write",
                "deployments": "write", "statuses": "write"},
            "events": ["pull_request", "issue_comment", "repository"],
        }))
    }

    pub(super) fn repository(&self, id: u64, name: &str) -> Value {
        let (owner, short) = name.split_once('/').unwrap_or((name, ""));
        json!({
            "id": id, "node_id": format!("R_{id}"), "name": short, "full_name": name,
            "owner": self.user(owner), "private": true, "fork": false,
            "default_branch": "main", "url": format!("{}/repos/{name}", self.base),
            "html_url": format!("{}/{name}", self.base),
            "clone_url": format!("{}/{name}.git", self.base),
        })
    }

    pub(super) fn repository_of(&self, repo: &Repo) -> Value {
        self.repository(repo.id, &repo.name.to_string())
    }

    /// `whole` adds the fields that a list leaves out.
    pub(super) fn pull(&self, repo: &Repo, pull: &Pull, whole: bool) -> Value {
        let base_sha = repo.branches.get(&pull.base_branch);
        let head_repo = pull
            .head_repo
            .as_ref()
            .map(|(id, name)| self.repository(*id, &name.to_string()));
        let head_owner = pull.head_repo.as_ref().map(|(_, name)| name.owner());
        let labels: Vec<Value> = pull.labels.iter().map(|l| json!({ "name": l })).collect();
        let mut shape = json!({
            "id": repo.id * 1000 + pull.number, "number": pull.number,
            "state": if pull.open { "open" } else { "closed" },
            "locked": false, "title": pull.title, "body": null, "draft": pull.draft,
            "user": self.user(&pull.author), "labels": labels,
            "created_at": pull.at, "updated_at": pull.at,
            "merged_at": pull.merged.then_some(&pull.at),
            "closed_at": (!pull.open).then_some(&pull.at),
            "author_association": "CONTRIBUTOR",
            "url": format!("{}/repos/{}/pulls/{}", self.base, repo.name, pull.number),
            "html_url": format!("{}/{}/pull/{}", self.base, repo.name, pull.number),
            "head": {
                "label": format!("{}:{}", head_owner.unwrap_or("unknown"), pull.head_branch),
                "ref": pull.head_branch, "sha": pull.head, "repo": head_repo,
                "user": head_owner.map(|owner| self.user(owner)),
            },
            "base": {
                "label": format!("{}:{}", repo.name.owner(), pull.base_branch),
                "ref": pull.base_branch, "sha": base_sha, "repo": self.repository_of(repo),
                "user": self.user(repo.name.owner()),
            },
        });
        if whole {
            shape["merged"] = json!(pull.merged);
            shape["mergeable"] = json!(true);
        }
        shape
    }

    pub(super) fn comment(&self, repo: &Repo, comment: &Comment) -> Value {
        let bot = comment.author.ends_with("[bot]");
        json!({
            "id": comment.id, "node_id": format!("IC_{}", comment.id), "body": comment.body,
            "user": self.user(&comment.author), "created_at": comment.at, "updated_at": comment.at,
            "url": format!("{}/repos/{}/issues/comments/{}", self.base, repo.name, comment.id),
            "html_url": format!("{}/{}/pull/{}#issuecomment-{}", self.base, repo.name,
                comment.number, comment.id),
            "issue_url": format!("{}/repos/{}/issues/{}", self.base, repo.name, comment.number),
            "author_association": "NONE",
            "performed_via_github_app": bot.then(|| self.app()).flatten(),
        })
    }

    pub(super) fn deployment(&self, repo: &Repo, deployment: &Deployment) -> Value {
        let request = &deployment.request;
        let url = format!(
            "{}/repos/{}/deployments/{}",
            self.base, repo.name, deployment.id
        );
        json!({
            "id": deployment.id, "node_id": format!("DE_{}", deployment.id),
            "sha": deployment.sha, "ref": request["ref"], "task": "deploy",
            "environment": request["environment"], "payload": request["payload"],
            "description": request["description"], "creator": null,
            "created_at": deployment.at, "updated_at": deployment.at,
            "url": url, "statuses_url": format!("{url}/statuses"),
            "repository_url": format!("{}/repos/{}", self.base, repo.name),
            "transient_environment": request["transient_environment"],
            "production_environment": request["production_environment"],
        })
    }
}
