//! The App with its installation, tokens and deliveries.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    api::Call,
    auth::Caller,
    reply::Reply,
    state::{IssuedToken, State, rfc3339},
};

/// The id of the only installation.
const INSTALLATION: u64 = 501;
/// Same as GitHub.
const TOKEN_LIFE: Duration = Duration::from_secs(60 * 60);

impl State {
    pub(super) fn answer_app(&mut self, call: &Call<'_>) -> Reply {
        let as_app = call.caller == Caller::App;
        match (call.method, call.parts.as_slice()) {
            (&Method::GET, ["user"]) => match call.caller {
                Caller::Person => Reply::ok(self.user(&self.config.login)),
                _ => Reply::refuse(403, "Resource not accessible by integration"),
            },
            (&Method::GET, ["app"]) if as_app => {
                self.app().map_or_else(Reply::not_found, Reply::ok)
            }
            (&Method::GET, ["app", "installations"]) if as_app => {
                let all = vec![installation()];
                let here = format!("{}/app/installations", self.base);
                Reply::page(all, &call.query, &here, None)
            }
            (&Method::POST, ["app", "installations", id, "access_tokens"]) if as_app => {
                if *id == INSTALLATION.to_string() {
                    self.issue_token(&call.body)
                } else {
                    Reply::not_found()
                }
            }
            (&Method::GET, ["app", "hook", "deliveries"]) if as_app => {
                let here = format!("{}/app/hook/deliveries", self.base);
                Reply::page(self.webhooks.shapes(), &call.query, &here, None)
            }
            (&Method::POST, ["app", "hook", "deliveries", id, "attempts"]) if as_app => {
                let sent = id.parse().is_ok_and(|id| self.webhooks.redeliver_id(id));
                if sent {
                    Reply::new(202, json!({}))
                } else {
                    Reply::not_found()
                }
            }
            (&Method::GET, ["installation", "repositories"]) => self.installed(call),
            (_, ["app", ..]) => Reply::refuse(401, "A JSON web token could not be decoded"),
            _ => Reply::not_found(),
        }
    }

    pub(super) fn installation_of(&self, call: &Call<'_>, id: u64) -> Reply {
        if call.caller != Caller::App {
            return Reply::refuse(401, "A JSON web token could not be decoded");
        }
        if self.repos.contains_key(&id) {
            Reply::ok(installation())
        } else {
            Reply::not_found()
        }
    }

    fn installed(&self, call: &Call<'_>) -> Reply {
        if !matches!(call.caller, Caller::Installation(_)) {
            return Reply::refuse(
                403,
                "You must authenticate with an installation access token",
            );
        }
        let all: Vec<Value> = self
            .repos
            .values()
            .filter(|repo| self.sees(&call.caller, repo.id))
            .map(|repo| self.repository_of(repo))
            .collect();
        let here = format!("{}/installation/repositories", self.base);
        Reply::page(all, &call.query, &here, Some("repositories"))
    }

    fn issue_token(&mut self, request: &Value) -> Reply {
        let wanted = request["repository_ids"]
            .as_array()
            .map(|ids| ids.iter().filter_map(Value::as_u64).collect::<Vec<u64>>());
        let unknown = |id: &u64| !self.repos.contains_key(id);
        if wanted.as_ref().is_some_and(|ids| ids.iter().any(unknown)) {
            return Reply::refuse(422, "There is at least one repository that does not exist");
        }
        let expires_at = self.now() + TOKEN_LIFE;
        let token = format!("ghs_model{:030}", self.next_id());
        let permissions = request.get("permissions").filter(|p| p.is_object());
        let reply = Reply::created(json!({
            "token": token, "expires_at": rfc3339(expires_at),
            "permissions": permissions.cloned().unwrap_or_else(|| json!({})),
            "repository_selection": if wanted.is_some() { "selected" } else { "all" },
        }));
        let issued = IssuedToken {
            expires_at,
            repositories: wanted,
            permissions: permissions.cloned(),
        };
        self.tokens.insert(token, issued);
        reply
    }
}

fn installation() -> Value {
    json!({
        "id": INSTALLATION, "account": null, "suspended_at": null,
        "repository_selection": "all", "target_type": "Organization",
    })
}
