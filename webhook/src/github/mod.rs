//! The forge implementation for GitHub, with an App or a token, on github.com or elsewhere.
//!
//! It decodes only the fields it needs, into its own types, so changes elsewhere in an answer break
//! nothing.
//!
//! Not here: retries over time. An error says whether a retry makes sense; the caller decides when.

mod access;
mod answer;
mod ask;
mod comments;
mod connect;
mod decode;
mod deployments;
mod failure;
mod http;
mod implement;
mod known;
mod pages;
mod pulls;
mod remembered;
mod repositories;
mod slots;
mod statuses;
mod tokens;
mod wire;

pub use connect::{Credential, GitHub, GitHubConfig};
