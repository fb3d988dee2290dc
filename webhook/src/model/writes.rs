//! The API requests that write.

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    api::Call,
    reply::Reply,
    state::{Comment, CommitStatusView, Deployment, State},
};

/// GitHub's limit for a comment.
const COMMENT_CHARACTERS_MAX: usize = 65_536;

impl State {
    pub(super) fn write_repo(&mut self, call: &Call<'_>, id: u64, rest: &[&str]) -> Reply {
        let needed = match rest.first() {
            Some(&"deployments") => "deployments",
            Some(&"statuses") => "statuses",
            _ => "pull_requests",
        };
        if !self.may(&call.caller, needed) {
            return Reply::refuse(403, "Resource not accessible by integration");
        }
        match (call.method, rest) {
            (&Method::POST, ["issues", number, "comments"]) => match number.parse() {
                Ok(number) => self.create_comment(call, id, number),
                Err(_) => Reply::not_found(),
            },
            (&Method::PATCH, ["issues", "comments", comment]) => {
                self.edit_comment(call, id, comment)
            }
            (&Method::POST, ["deployments"]) => self.create_deployment(call, id),
            (&Method::POST, ["deployments", deployment, "statuses"]) => {
                self.create_deployment_status(call, id, deployment)
            }
            (&Method::DELETE, ["deployments", deployment]) => {
                self.delete_deployment(id, deployment)
            }
            (&Method::POST, ["statuses", sha]) => self.create_commit_status(call, id, sha),
            _ => Reply::not_found(),
        }
    }

    fn create_comment(&mut self, call: &Call<'_>, id: u64, number: u64) -> Reply {
        let body = match comment_body(call) {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        let comment = Comment {
            id: self.next_id(),
            number,
            author: self.login(&call.caller),
            body,
            edits: 0,
            at: self.timestamp(),
        };
        let Some(repo) = self
            .repos
            .get(&id)
            .filter(|r| r.pulls.contains_key(&number))
        else {
            return Reply::not_found();
        };
        let shape = self.comment(repo, &comment);
        if let Some(repo) = self.repos.get_mut(&id) {
            repo.comments.push(comment);
        }
        Reply::created(shape)
    }

    fn edit_comment(&mut self, call: &Call<'_>, id: u64, comment: &str) -> Reply {
        let body = match comment_body(call) {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        let Some(repo) = self.repos.get_mut(&id) else {
            return Reply::not_found();
        };
        let mut comments = repo.comments.iter_mut();
        let Some(found) = comments.find(|c| c.id.to_string() == comment) else {
            return Reply::not_found();
        };
        found.body = body;
        found.edits += 1;
        let at = found.id;
        let repo = &self.repos[&id];
        let edited = repo.comments.iter().find(|c| c.id == at);
        edited.map_or_else(Reply::not_found, |c| Reply::ok(self.comment(repo, c)))
    }

    fn create_deployment(&mut self, call: &Call<'_>, id: u64) -> Reply {
        let wanted = call.body["ref"].as_str().unwrap_or_default().to_owned();
        let Some(repo) = self.repos.get(&id) else {
            return Reply::not_found();
        };
        let known = repo.commits.iter().find(|sha| sha.as_str() == wanted);
        let Some(sha) = known.or_else(|| repo.branches.get(&wanted)) else {
            return Reply::refuse(422, &format!("No ref found for: {wanted}"));
        };
        let deployment = Deployment {
            sha: sha.to_string(),
            id: self.next_id(),
            request: call.body.clone(),
            statuses: Vec::new(),
            at: self.timestamp(),
        };
        let shape = self.deployment(&self.repos[&id], &deployment);
        if let Some(repo) = self.repos.get_mut(&id) {
            repo.deployments.push(deployment);
        }
        Reply::created(shape)
    }

    fn create_deployment_status(&mut self, call: &Call<'_>, id: u64, deployment: &str) -> Reply {
        let states = [
            "error",
            "failure",
            "inactive",
            "in_progress",
            "queued",
            "pending",
            "success",
        ];
        let state = call.body["state"].as_str().unwrap_or_default();
        if !states.contains(&state) || too_long(&call.body) {
            return Reply::refuse(422, "Validation Failed");
        }
        let at = self.timestamp();
        let status_id = self.next_id();
        let found = self.repos.get_mut(&id).and_then(|repo| {
            let mut all = repo.deployments.iter_mut();
            all.find(|d| d.id.to_string() == deployment)
        });
        let Some(found) = found else {
            return Reply::not_found();
        };
        let mut status = call.body.clone();
        status["id"] = json!(status_id);
        status["created_at"] = json!(at);
        found.statuses.push(status.clone());
        Reply::created(status)
    }

    /// GitHub deletes only inactive deployments, or the only one.
    fn delete_deployment(&mut self, id: u64, deployment: &str) -> Reply {
        let Some(repo) = self.repos.get_mut(&id) else {
            return Reply::not_found();
        };
        let mut all = repo.deployments.iter();
        let Some(at) = all.position(|d| d.id.to_string() == deployment) else {
            return Reply::not_found();
        };
        let last = repo.deployments[at].statuses.last();
        let inactive = last.is_none_or(|status| status["state"] == "inactive");
        if !inactive && repo.deployments.len() > 1 {
            return Reply::refuse(
                422,
                "We cannot delete an active deployment unless it is the only deployment.",
            );
        }
        repo.deployments.remove(at);
        Reply::new(204, Value::Null)
    }

    fn create_commit_status(&mut self, call: &Call<'_>, id: u64, sha: &str) -> Reply {
        let Some(repo) = self.repos.get_mut(&id) else {
            return Reply::not_found();
        };
        let text = |name: &str| call.body[name].as_str().map(str::to_owned);
        let state = text("state").unwrap_or_default();
        let known = repo.commits.iter().any(|commit| commit.as_str() == sha);
        let valid = ["error", "failure", "pending", "success"].contains(&state.as_str());
        if !known || !valid || too_long(&call.body) {
            return Reply::refuse(422, "Validation Failed");
        }
        repo.statuses.push(CommitStatusView {
            sha: sha.to_owned(),
            state,
            context: text("context").unwrap_or_else(|| "default".to_owned()),
            description: text("description").unwrap_or_default(),
            target_url: text("target_url"),
        });
        Reply::created(call.body.clone())
    }
}

fn comment_body(call: &Call<'_>) -> Result<String, Reply> {
    let body = call.body["body"].as_str().unwrap_or_default();
    if body.is_empty() || body.chars().count() > COMMENT_CHARACTERS_MAX {
        return Err(Reply::refuse(422, "Validation Failed"));
    }
    Ok(body.to_owned())
}

fn too_long(body: &Value) -> bool {
    let description = body["description"].as_str().unwrap_or_default();
    description.chars().count() > 140
}
