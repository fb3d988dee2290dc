//! Any other image that keeps its data in one directory.

use std::collections::BTreeMap;

use super::{
    kind::{Kind, Passwords, Seeding, unfit},
    run::{Answer, Run},
};
use crate::{
    databases::{DatabaseError, Seed},
    docker::image_facts::ImageFacts,
};

pub(super) struct Other {
    pub(super) data: String,
    pub(super) port: Option<u16>,
    pub(super) env: BTreeMap<String, String>,
}

impl Kind for Other {
    fn port(&self) -> Option<u16> {
        self.port
    }

    fn data_path(&self, _facts: &ImageFacts) -> String {
        self.data.clone()
    }

    fn env(&self, _passwords: &Passwords<'_>, _fresh: bool) -> BTreeMap<String, String> {
        self.env.clone()
    }

    fn command(&self, _memory_bytes: u64, _passwords: &Passwords<'_>) -> Option<Vec<String>> {
        None
    }

    fn user(&self) -> Option<&'static str> {
        None
    }

    /// Its protocol is unknown, so accepting connections must suffice.
    fn ready(&self, _passwords: &Passwords<'_>) -> Vec<Run> {
        Vec::new()
    }

    fn seed(&self, seed: &Seed, _passwords: &Passwords<'_>) -> Result<Vec<Seeding>, DatabaseError> {
        match seed {
            Seed::Empty | Seed::Run { .. } | Seed::Snapshot(_) => Ok(Vec::new()),
            _ => Err(unfit(
                seed,
                "an image with `data` only takes a seed command",
            )),
        }
    }

    fn complaint(&self, answer: &Answer) -> (Option<u32>, String) {
        (None, answer.last_error())
    }

    fn misfit<'a>(&self, _output: &'a [String]) -> Option<&'a str> {
        None
    }

    fn client(&self, _passwords: &Passwords<'_>) -> Option<Run> {
        None
    }
}
