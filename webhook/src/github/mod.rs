//! The forge that is GitHub, as an App or with a token, on github.com or elsewhere.
//!
//! Only the fields that are needed are read, by shapes of our own: what GitHub adds or changes
//! elsewhere in an answer breaks nothing.
//!
//! Not here: retries over time. An error says whether it is worth asking again; who asks knows
//! when.

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
