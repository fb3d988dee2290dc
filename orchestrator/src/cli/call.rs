//! The server connection that commands share.

use std::path::PathBuf;

use anyhow::Context as _;
use deploy::names::PreviewId;

use super::output::Output;
use crate::{
    api::{
        PreviewView,
        client::{Client, ClientError},
    },
    config::data_dir,
};

/// The client of the server, and the output of the command.
pub(super) struct Caller {
    pub(super) data: PathBuf,
    pub(super) client: Client,
    pub(super) output: Output,
}

impl Caller {
    pub(super) fn new(data: Option<PathBuf>, output: Output) -> anyhow::Result<Self> {
        let data = data_dir(data).context("failed to find the data directory")?;
        let client = Client::new(&data);
        Ok(Self {
            data,
            client,
            output,
        })
    }

    /// All previews.
    pub(super) async fn previews(&self) -> Result<Vec<PreviewView>, ClientError> {
        self.client.get("/api/v1/previews").await
    }

    /// One preview.
    pub(super) async fn preview(&self, id: &PreviewId) -> Result<PreviewView, ClientError> {
        self.client.get(&path(id)).await
    }

    /// Returns the preview once it settles or leaves the phase in `known`, or after one second: the
    /// reason for its wait may have changed.
    pub(super) async fn wait(&self, known: &PreviewView) -> Result<PreviewView, ClientError> {
        let path = path(&known.id);
        let query = format!("{path}/wait?seconds=1&since={}", known.phase);
        self.client.get(&query).await
    }
}

/// The path of a preview in the API.
pub(super) fn path(id: &PreviewId) -> String {
    format!("/api/v1/previews/{id}")
}
