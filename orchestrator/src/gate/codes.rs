//! One-time codes. They carry a visitor's access from one host of a preview to the next, so that
//! the link's token never appears in the address of another host.
//!
//! A code is random and works once, at one host, for a short time. A server restart invalidates all
//! codes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use deploy::names::PreviewId;
use proxy::table::{HostName, SessionDigest};
use tokio::time::Instant;

/// How long a code works. A browser follows a redirect immediately.
const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// Maximum number of unused codes, over all previews.
const CODES_MAX: usize = 10_000;

/// The remaining redirects of a visitor through the hosts of a preview.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) preview: PreviewId,
    /// The session that each host sets for the visitor.
    pub(super) session: String,
    /// The remaining hosts, the next one last.
    pub(super) hosts: Vec<HostName>,
    /// The target of the last redirect.
    pub(super) end: String,
}

/// The unused codes, by digest.
#[derive(Default)]
pub(super) struct Codes(Mutex<HashMap<SessionDigest, Issued>>);

struct Issued {
    until: Instant,
    walk: Walk,
}

impl Codes {
    /// Issues a code for the next host of a walk.
    pub(super) fn issue(&self, walk: Walk, now: Instant) -> anyhow::Result<String> {
        let code = deploy::random::hex::<16>()?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, issued| issued.until > now);
        anyhow::ensure!(
            open.len() < CODES_MAX,
            "there are already {CODES_MAX} unused one-time codes"
        );
        let until = now + CODE_LIFETIME;
        open.insert(SessionDigest::of(&code), Issued { until, walk });
        Ok(code)
    }

    /// Redeems a code at a host and returns its walk without that host. Returns none if the code
    /// was used before, belongs to another host, or has expired. In each case the code does not
    /// work again.
    pub(super) fn redeem(&self, code: &str, host: &HostName, now: Instant) -> Option<Walk> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Issued { until, mut walk } = open.remove(&SessionDigest::of(code))?;
        let next = walk.hosts.pop()?;
        (next == *host && until > now).then_some(walk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> HostName {
        HostName::parse(name).unwrap()
    }

    fn walk() -> Walk {
        Walk {
            preview: PreviewId::parse("shop-1").unwrap(),
            session: "s".to_owned(),
            hosts: vec![host("last.test"), host("next.test")],
            end: "http://first.test/".to_owned(),
        }
    }

    #[test]
    fn a_code_works_once_and_only_at_its_host() {
        let (codes, now) = (Codes::default(), Instant::now());
        let code = codes.issue(walk(), now).unwrap();
        assert!(codes.redeem("guess", &host("next.test"), now).is_none());
        let left = codes.redeem(&code, &host("next.test"), now).unwrap();
        assert!(left.hosts == [host("last.test")] && left.session == "s");
        assert!(codes.redeem(&code, &host("next.test"), now).is_none());
        let stolen = codes.issue(walk(), now).unwrap();
        assert!(codes.redeem(&stolen, &host("last.test"), now).is_none());
        assert!(codes.redeem(&stolen, &host("next.test"), now).is_none());
        assert_ne!(code, stolen);
    }

    #[test]
    fn a_code_expires() {
        let (codes, now) = (Codes::default(), Instant::now());
        let issue = |at| codes.issue(walk(), at).unwrap();
        let (early, late) = (issue(now), issue(now));
        let last = now + CODE_LIFETIME - Duration::from_millis(1);
        assert!(codes.redeem(&early, &host("next.test"), last).is_some());
        let over = now + CODE_LIFETIME;
        issue(over);
        assert_eq!(codes.0.lock().unwrap().len(), 1, "the old one is forgotten");
        assert!(codes.redeem(&late, &host("next.test"), over).is_none());
        let later = issue(now);
        assert!(codes.redeem(&later, &host("next.test"), over).is_none());
    }
}
