//! Git LFS: the batch API and the objects, each protected by its own ticket.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header::ACCEPT},
};
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{config::ModelError, server::ModelGitHub, state::State};
use crate::names::RepoName;

/// The media type of requests and answers.
const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";
/// The header with the ticket of an object.
const TICKET: &str = "x-lfs-ticket";

/// The pointer file that Git LFS commits instead of this content.
pub fn lfs_pointer(content: &[u8]) -> String {
    let (oid, size) = (hex::encode(Sha256::digest(content)), content.len());
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

impl ModelGitHub {
    /// Stores an object, like `git lfs push`.
    ///
    /// # Errors
    /// If the repository does not exist.
    pub fn push_lfs(&self, repo: &RepoName, content: &[u8]) -> Result<(), ModelError> {
        let mut state = self.inner.state();
        let id = state.names.get(repo).copied();
        let found = id.and_then(|id| state.repos.get_mut(&id));
        let found =
            found.ok_or_else(|| ModelError(format!("push to {repo}: no such repository")))?;
        let oid = hex::encode(Sha256::digest(content));
        found.objects.insert(oid, Bytes::copy_from_slice(content));
        Ok(())
    }
}

impl State {
    /// Answers the batch API for callers with read access.
    pub(super) fn lfs_batch(&self, id: u64, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let accepts = headers.get(ACCEPT).is_some_and(|kind| kind == MEDIA_TYPE);
        let asked: Option<Value> = serde_json::from_slice(body).ok();
        let Some(asked) = asked.filter(|asked| accepts && asked["operation"] == "download") else {
            return reply(
                StatusCode::NOT_ACCEPTABLE,
                &json!({"message": "Not Acceptable"}),
            );
        };
        let objects = self.repos.get(&id).map(|repo| &repo.objects);
        let told = asked["objects"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|asked| {
                let oid = asked["oid"].as_str().unwrap_or_default();
                let there = objects.is_some_and(|all| all.contains_key(oid));
                let mut told = json!({"oid": oid, "size": asked["size"]});
                if there {
                    told["authenticated"] = json!(true);
                    told["actions"]["download"] = json!({
                        "href": format!("{}/lfs/{id}/{oid}", self.base),
                        "header": {TICKET: ticket(id, oid)},
                        "expires_in": 3600,
                    });
                } else {
                    told["error"] = json!({"code": 404, "message": "Object does not exist"});
                }
                told
            });
        let told: Vec<Value> = told.collect();
        reply(
            StatusCode::OK,
            &json!({"transfer": "basic", "objects": told}),
        )
    }

    /// Serves an object; `at` is its repository's id, a slash and its SHA-256.
    pub(super) fn lfs_object(&self, at: &str, headers: &HeaderMap) -> Response<Body> {
        let found = at.split_once('/').and_then(|(id, oid)| {
            let id = id.parse().ok()?;
            let object = self.repos.get(&id)?.objects.get(oid)?;
            let opens = headers
                .get(TICKET)
                .is_some_and(|own| *own == ticket(id, oid));
            opens.then(|| object.clone())
        });
        match found {
            Some(object) => Response::new(Body::from(object)),
            None => reply(StatusCode::FORBIDDEN, &json!({"message": "no ticket"})),
        }
    }
}

fn ticket(id: u64, oid: &str) -> String {
    format!("{id}-{}", oid.get(..8).unwrap_or_default())
}

fn reply(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(MEDIA_TYPE);
    response.headers_mut().insert("content-type", kind);
    response
}
