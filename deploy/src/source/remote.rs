//! Where to fetch a repository from.

use std::{fmt, net::IpAddr};

use base64::Engine as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::SourceError;
use crate::names::NameError;

/// The id of a repository's mirror, which is a folder in the mirrors' root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MirrorId(String);

impl MirrorId {
    /// Validates `value`: at most 64 of a-z, 0-9 and single hyphens, none at an end.
    pub fn parse(value: &str) -> Result<Self, NameError> {
        let fits = !value.is_empty()
            && value.len() <= 64
            && value
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !value.starts_with('-')
            && !value.ends_with('-')
            && !value.contains("--");
        if fits {
            return Ok(Self(value.to_owned()));
        }
        Err(NameError {
            what: "a mirror id",
            value: value.chars().take(80).collect(),
            rule: "at most 64 of a-z, 0-9 and single hyphens",
        })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MirrorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The allowed protocols. Each variant includes the previous ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// HTTPS and nothing else.
    #[default]
    HttpsOnly,
    /// Also unencrypted HTTP, for a forge on this machine.
    AlsoHttp,
    /// Also a folder of this machine.
    AlsoFile,
}

impl Transport {
    /// The protocols that git may use, whatever URL it gets.
    pub(super) fn protocols(self) -> &'static str {
        match self {
            Self::HttpsOnly => "https",
            Self::AlsoHttp => "https:http",
            Self::AlsoFile => "https:http:file",
        }
    }
}

/// A repository to fetch.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The mirror for the fetched commits.
    pub mirror: MirrorId,
    /// Its URL, without credentials.
    pub url: String,
    /// The token for reading it.
    pub token: Option<SecretString>,
    /// The protocols that the URL may use.
    pub allow: Transport,
    /// The addresses to connect to, whatever the host name resolves to. If empty, the name is
    /// resolved.
    pub addresses: Vec<IpAddr>,
}

impl Remote {
    /// Refuses every URL that git could interpret differently.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        self.check_url().map_err(|why| SourceError::BadUrl {
            url: without_user(&self.url),
            why,
        })
    }

    /// The value of the HTTP header `Authorization`.
    pub(super) fn authorization(&self) -> Result<Option<String>, SourceError> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let token = token.expose_secret();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SourceError::Refused(
                "the token is empty or contains a space".to_owned(),
            ));
        }
        let user = format!("x-access-token:{token}");
        let basic = base64::engine::general_purpose::STANDARD.encode(user);
        Ok(Some(format!("Basic {basic}")))
    }

    fn check_url(&self) -> Result<(), &'static str> {
        let url = self.url.as_str();
        if url.len() > 2048 {
            return Err("it is longer than 2048 bytes");
        }
        if !url
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'?' | b'#'))
        {
            return Err("it contains an invalid character");
        }
        if let Some(rest) = url.strip_prefix("https://") {
            return authority(rest);
        }
        if let Some(rest) = url.strip_prefix("http://") {
            if self.allow < Transport::AlsoHttp {
                return Err("only https is allowed here");
            }
            return authority(rest);
        }
        if url.starts_with("file:///") && self.allow == Transport::AlsoFile {
            return Ok(());
        }
        Err("only https addresses can be fetched from")
    }
}

/// Checks the host and port before the path.
fn authority(rest: &str) -> Result<(), &'static str> {
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        return Err("it must not contain credentials");
    }
    if host.is_empty() || host.starts_with(['-', '.', ':']) {
        return Err("it names no host");
    }
    if !host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
    {
        return Err("its host contains an invalid character");
    }
    if path.is_empty() {
        return Err("it names no repository");
    }
    Ok(())
}

/// The URL without user and password, shortened, for messages.
fn without_user(url: &str) -> String {
    let cut = match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let host = rest[..end].rfind('@').map_or(rest, |at| &rest[at + 1..]);
            format!("{scheme}://{host}")
        }
        None => url
            .rsplit_once('@')
            .map_or(url, |(_, rest)| rest)
            .to_owned(),
    };
    cut.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str, allow: Transport) -> Remote {
        let mirror = MirrorId::parse("shop").unwrap();
        Remote {
            mirror,
            url: url.into(),
            token: None,
            allow,
            addresses: Vec::new(),
        }
    }

    #[test]
    fn only_https_is_fetched_from_unless_more_is_allowed() {
        let (tls, http, file) = (
            "https://forge.example/a/b.git",
            "http://127.0.0.1:8/a/b.git",
            "file:///srv/b.git",
        );
        for (allow, fine) in [
            (Transport::HttpsOnly, vec![tls]),
            (Transport::AlsoHttp, vec![tls, http]),
            (Transport::AlsoFile, vec![tls, http, file]),
        ] {
            for url in [tls, http, file] {
                let answer = remote(url, allow).check();
                assert_eq!(answer.is_ok(), fine.contains(&url), "{url} {allow:?}");
            }
        }
    }

    #[test]
    fn an_address_that_git_would_take_for_something_else_is_refused() {
        for evil in [
            "",
            "--upload-pack=x",
            "-u",
            "ext::sh -c id",
            "ssh://git@h/x",
            "git@h:x",
            "/srv/x",
            "../x",
            "https://",
            "https://h",
            "https:///x",
            "https://-h/x",
            "https://h/a b",
            "https://h/\n",
            "https://u:p@h/x",
            "https://h@g/x",
            "https://h/x?y",
            "https://h/x#y",
            "https://h;id/x",
            "HTTPS://h/x",
            "fd::7",
            "file://h/x",
            "https://h/\u{202e}",
        ] {
            let answer = remote(evil, Transport::AlsoFile).check();
            assert!(
                matches!(answer, Err(SourceError::BadUrl { .. })),
                "{evil:?}"
            );
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_credentials() {
        let said = remote("https://me:s3cret@h/x", Transport::HttpsOnly)
            .check()
            .unwrap_err();
        assert!(!said.to_string().contains("s3cret"), "{said}");
        assert!(said.to_string().contains("https://h/x"), "{said}");
    }

    #[test]
    fn a_mirror_is_named_by_one_plain_word() {
        assert!(MirrorId::parse("github-42").is_ok());
        for evil in ["", "..", "a/b", "-x", "x-", "a--b", "A", "a.git"] {
            assert!(MirrorId::parse(evil).is_err(), "{evil:?}");
        }
    }
}
