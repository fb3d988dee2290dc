//! `POST /api/v1/databases`: creates a standalone database. Also: how to connect to a database.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use deploy::data_access::ConnectionInfo;
use serde::{Deserialize, Serialize};

use super::{
    describe::accepted, extract::Said, problem::Problem, state::ApiState, view::PreviewView,
};
use crate::actions::{self, Caller, DatabaseRequest};

/// How to connect to a database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionView {
    /// The container that it runs in.
    pub container: Option<String>,
    /// The client in that container: program and arguments.
    pub client: Vec<String>,
    /// Variables that the client needs; they hold the password.
    pub env: Vec<String>,
    /// The address at which this host reaches it.
    pub address: Option<SocketAddr>,
    /// Its URL, with `HOST:PORT` instead of its address.
    pub url: String,
}

/// Creates a standalone database.
pub(super) async fn create(
    State(state): State<ApiState>,
    Said(request): Said<DatabaseRequest>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let id = actions::database::create(Caller::Operator, &state.workers, request).await?;
    accepted(state.workers.ports(), &id).await
}

/// How to connect to a database of a preview.
pub(super) async fn reach(
    State(state): State<ApiState>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Json<ConnectionView>, Problem> {
    let ports = state.workers.ports();
    let (info, url) = actions::reach::reach(Caller::Operator, ports, &id, &name).await?;
    Ok(Json(view(info, url)))
}

fn view(info: ConnectionInfo, url: String) -> ConnectionView {
    let (mut container, mut client, mut env) = (None, Vec::new(), Vec::new());
    if let Some(command) = info.client {
        container = Some(command.container);
        client = command.arguments;
        env = command.env;
    }
    ConnectionView {
        container,
        client,
        env,
        address: info.address,
        url,
    }
}
