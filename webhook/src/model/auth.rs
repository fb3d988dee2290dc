//! Identifies callers and checks their permissions.

use std::time::SystemTime;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::state::State;

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// The person that owns the token.
    Person,
    /// The App itself, with its JWT.
    App,
    /// An installation, with this token.
    Installation(String),
}

impl State {
    /// The caller of a request, if its credential is valid.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, rest) = value.split_once(' ')?;
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "token" => self.holder(rest),
            "basic" => {
                let decoded = BASE64_STANDARD.decode(rest).ok()?;
                let decoded = String::from_utf8(decoded).ok()?;
                self.holder(decoded.split_once(':')?.1)
            }
            _ => None,
        }
    }

    /// Whether this caller may see this repository.
    pub(super) fn sees(&self, caller: &Caller, repo: u64) -> bool {
        match caller {
            Caller::Person => true,
            Caller::App => false,
            Caller::Installation(token) => self.tokens.get(token).is_some_and(|token| {
                let all = token.repositories.as_ref();
                all.is_none_or(|ids| ids.contains(&repo))
            }),
        }
    }

    /// Whether this caller may use a permission, such as `contents`.
    pub(super) fn may(&self, caller: &Caller, permission: &str) -> bool {
        match caller {
            Caller::Person => true,
            Caller::App => false,
            Caller::Installation(token) => self.tokens.get(token).is_some_and(|token| {
                let narrowed = token.permissions.as_ref();
                narrowed.is_none_or(|p| p.get(permission).is_some())
            }),
        }
    }

    /// The login that owns this caller's writes.
    pub(super) fn login(&self, caller: &Caller) -> String {
        match (caller, &self.config.app) {
            (Caller::Installation(_), Some((_, slug))) => format!("{slug}[bot]"),
            _ => self.config.login.clone(),
        }
    }

    fn holder(&self, secret: &str) -> Option<Caller> {
        if secret == self.config.token.expose_secret() {
            return Some(Caller::Person);
        }
        if let Some(token) = self.tokens.get(secret) {
            let alive = token.expires_at > self.now();
            return alive.then(|| Caller::Installation(secret.to_owned()));
        }
        self.is_jwt(secret).then_some(Caller::App)
    }

    /// Whether this looks like an unexpired JWT of the model's App. The signature is not verified:
    /// the model has no public key.
    fn is_jwt(&self, secret: &str) -> bool {
        let Some((app_id, _)) = &self.config.app else {
            return false;
        };
        let parts: Vec<Vec<u8>> = secret
            .split('.')
            .filter_map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok())
            .collect();
        let [header, claims, signature] = parts.as_slice() else {
            return false;
        };
        let header: Value = serde_json::from_slice(header).unwrap_or_default();
        let claims: Value = serde_json::from_slice(claims).unwrap_or_default();
        let issuer = &claims["iss"];
        let ours = issuer.as_u64() == Some(*app_id)
            || issuer.as_str() == Some(app_id.to_string().as_str());
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        let ends = claims["exp"].as_u64().unwrap_or_default();
        header["alg"] == "RS256"
            && ours
            && ends > now
            && ends <= now + 660
            && signature.len() >= 256
    }
}
