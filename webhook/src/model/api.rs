//! The REST API: dispatches requests.

use axum::http::Method;
use serde_json::Value;

use super::{
    auth::Caller,
    reply::{Query, Reply},
    state::State,
};
use crate::names::RepoName;

/// A request with a known caller.
pub(super) struct Call<'a> {
    pub(super) caller: Caller,
    pub(super) method: &'a Method,
    /// The segments of the path.
    pub(super) parts: Vec<&'a str>,
    pub(super) query: Query,
    pub(super) raw_query: Option<&'a str>,
    pub(super) body: Value,
}

impl State {
    /// Executes a request.
    pub(super) fn answer(&mut self, call: &Call<'_>) -> Reply {
        match call.parts.as_slice() {
            ["app", ..] | ["user"] | ["installation", ..] => self.answer_app(call),
            ["repos", owner, name, rest @ ..] => {
                let Ok(asked) = RepoName::parse(&format!("{owner}/{name}")) else {
                    return Reply::not_found();
                };
                match self.names.get(&asked).copied() {
                    Some(id) if self.repos.get(&id).is_some_and(|r| r.name == asked) => {
                        self.answer_repo(call, id, rest)
                    }
                    Some(id) => self.moved(call, id, rest),
                    None => Reply::not_found(),
                }
            }
            ["repositories", id, rest @ ..] => match id.parse() {
                Ok(id) => self.answer_repo(call, id, rest),
                Err(_) => Reply::not_found(),
            },
            _ => Reply::not_found(),
        }
    }

    /// Redirects a renamed repository to its id, for callers with access only.
    fn moved(&self, call: &Call<'_>, id: u64, rest: &[&str]) -> Reply {
        if call.caller != Caller::App && !self.sees(&call.caller, id) {
            return Reply::not_found();
        }
        let mut location = format!("{}/repositories/{id}", self.base);
        for part in rest {
            location.push('/');
            location.push_str(part);
        }
        if let Some(query) = call.raw_query {
            location.push('?');
            location.push_str(query);
        }
        let status = if call.method == Method::GET { 301 } else { 307 };
        Reply::moved(status, location)
    }

    fn answer_repo(&mut self, call: &Call<'_>, id: u64, rest: &[&str]) -> Reply {
        if let (&Method::GET, ["installation"]) = (call.method, rest) {
            return self.installation_of(call, id);
        }
        if !self.sees(&call.caller, id) {
            return Reply::not_found();
        }
        if call.method == Method::GET {
            self.read_repo(call, id, rest)
        } else {
            self.write_repo(call, id, rest)
        }
    }

    fn read_repo(&self, call: &Call<'_>, id: u64, rest: &[&str]) -> Reply {
        let Some(repo) = self.repos.get(&id) else {
            return Reply::not_found();
        };
        let here = |rest: &[&str]| format!("{}/repositories/{id}/{}", self.base, rest.join("/"));
        let page = |all: Vec<Value>| Reply::page(all, &call.query, &here(rest), None);
        match rest {
            [] => Reply::ok(self.repository_of(repo)),
            ["pulls"] => page(self.pulls(id, call.query.get("state").unwrap_or("open"))),
            ["pulls", number] => {
                let pull = number.parse().ok().and_then(|n: u64| repo.pulls.get(&n));
                pull.map_or_else(Reply::not_found, |p| Reply::ok(self.pull(repo, p, true)))
            }
            ["issues", "comments", comment] => {
                let found = repo.comments.iter().find(|c| c.id.to_string() == *comment);
                found.map_or_else(Reply::not_found, |c| Reply::ok(self.comment(repo, c)))
            }
            ["issues", number, "comments"] => {
                let on = |n: u64| n.to_string() == *number;
                if !repo.pulls.keys().any(|n| on(*n)) {
                    return Reply::not_found();
                }
                let comments = repo.comments.iter().filter(|c| on(c.number));
                page(comments.map(|c| self.comment(repo, c)).collect())
            }
            ["deployments"] => page(self.deployments_of(id, &call.query)),
            ["deployments", deployment, "statuses"] => {
                let mut all = repo.deployments.iter();
                let found = all.find(|d| d.id.to_string() == *deployment);
                found.map_or_else(Reply::not_found, |d| {
                    page(d.statuses.iter().rev().cloned().collect())
                })
            }
            _ => Reply::not_found(),
        }
    }

    fn pulls(&self, id: u64, state: &str) -> Vec<Value> {
        let Some(repo) = self.repos.get(&id) else {
            return Vec::new();
        };
        repo.pulls
            .values()
            .filter(|pull| match state {
                "open" => pull.open,
                "closed" => !pull.open,
                _ => true,
            })
            .map(|pull| self.pull(repo, pull, false))
            .collect()
    }

    /// Newest first, like GitHub.
    fn deployments_of(&self, id: u64, query: &Query) -> Vec<Value> {
        let Some(repo) = self.repos.get(&id) else {
            return Vec::new();
        };
        let fits = |name: &str, is: &str| query.get(name).is_none_or(|wanted| wanted == is);
        repo.deployments
            .iter()
            .rev()
            .filter(|d| {
                let environment = d.request["environment"].as_str().unwrap_or("production");
                fits("sha", &d.sha) && fits("environment", environment)
            })
            .map(|d| self.deployment(repo, d))
            .collect()
    }
}
