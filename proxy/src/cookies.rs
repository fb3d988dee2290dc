//! Keeps the proxy's session cookie away from upstreams, and upstream cookies on their own host.

use http::{HeaderMap, HeaderValue, header};

use crate::table::SESSION_COOKIES;

/// Part of every session cookie name; used as a fast first check.
const MARK: &[u8] = b"dayfly_session";

/// The values of all cookies of this name in a request. Another preview may have set some of them;
/// the limits of the head bound their number.
pub(crate) fn sessions<'h>(
    headers: &'h HeaderMap,
    cookie: &'static str,
) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .filter(move |(name, _)| name.trim() == cookie)
        .map(|(_, value)| value.trim())
}

/// The session cookies of a request as one header line; `None` if there are none.
pub(crate) fn session_line(headers: &HeaderMap, cookie: &'static str) -> Option<HeaderValue> {
    let pairs: Vec<String> = sessions(headers, cookie)
        .map(|value| format!("{cookie}={value}"))
        .collect();
    (!pairs.is_empty()).then(|| HeaderValue::from_str(&pairs.join("; ")).ok())?
}

/// Removes the session cookie from a request before it goes to an upstream.
pub(crate) fn strip_session(headers: &mut HeaderMap) {
    let lines = headers.get_all(header::COOKIE);
    if !lines.iter().any(|line| mentions(line.as_bytes(), MARK)) {
        return;
    }
    let kept: Vec<HeaderValue> = lines.iter().filter_map(without_session).collect();
    headers.remove(header::COOKIE);
    for line in kept {
        headers.append(header::COOKIE, line);
    }
}

/// Keeps the cookies that an upstream sets for `host` on that host: drops a cookie with the
/// session's name, and removes a Domain that is not exactly the host.
pub(crate) fn tame_set_cookies(headers: &mut HeaderMap, host: &str) {
    let lines = headers.get_all(header::SET_COOKIE);
    let tame = |line: &HeaderValue| {
        let line = line.as_bytes();
        !mentions(line, MARK) && !mentions(line, b"domain")
    };
    if lines.iter().all(tame) {
        return;
    }
    let kept: Vec<HeaderValue> = lines.iter().filter_map(|line| tamed(line, host)).collect();
    headers.remove(header::SET_COOKIE);
    for line in kept {
        headers.append(header::SET_COOKIE, line);
    }
}

fn without_session(line: &HeaderValue) -> Option<HeaderValue> {
    let kept: Vec<&[u8]> = line
        .as_bytes()
        .split(|&b| b == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !is_ours(pair))
        .collect();
    let joined = kept.join(&b"; "[..]);
    if joined.is_empty() {
        None
    } else {
        HeaderValue::from_bytes(&joined).ok()
    }
}

fn tamed(line: &HeaderValue, host: &str) -> Option<HeaderValue> {
    let mut parts = line.as_bytes().split(|&b| b == b';');
    let pair = parts.next().unwrap_or_default();
    // A browser sends a nameless cookie back as its bare value, which could read as a session.
    let pair_read_back = pair.trim_ascii().strip_prefix(b"=").unwrap_or(pair);
    if is_ours(pair_read_back) {
        return None;
    }
    let mut kept = pair.to_vec();
    for attribute in parts.filter(|attribute| !widens(attribute, host)) {
        kept.push(b';');
        kept.extend_from_slice(attribute);
    }
    HeaderValue::from_bytes(&kept).ok()
}

fn widens(attribute: &[u8], host: &str) -> bool {
    if !name_of(attribute).eq_ignore_ascii_case(b"domain") {
        return false;
    }
    let value = attribute
        .splitn(2, |&b| b == b'=')
        .nth(1)
        .unwrap_or_default()
        .trim_ascii();
    let value = value.strip_prefix(b".").unwrap_or(value);
    !value.eq_ignore_ascii_case(host.as_bytes())
}

/// Whether a pair is a session cookie of either scheme.
fn is_ours(pair: &[u8]) -> bool {
    let name = name_of(pair);
    SESSION_COOKIES.iter().any(|ours| name == ours.as_bytes())
}

fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|&b| b == b'=')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

fn mentions(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len())
        .any(|w| w.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::{sessions, strip_session, tame_set_cookies};

    fn with(name: http::HeaderName, lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|l| (name.clone(), HeaderValue::from_str(l).unwrap()))
            .collect()
    }

    fn lines(headers: &HeaderMap, name: http::HeaderName) -> Vec<&str> {
        headers
            .get_all(name)
            .iter()
            .map(|v| v.to_str().unwrap())
            .collect()
    }

    #[test]
    fn the_session_is_read_and_taken_off_and_nothing_else_changes() {
        let mut headers = with(
            header::COOKIE,
            &[
                "a=1; dayfly_session=s1;b=2",
                "dayfly_session=s2; __Host-dayfly_session=s3",
                "c=3",
            ],
        );
        let plain = sessions(&headers, "dayfly_session");
        assert_eq!(plain.collect::<Vec<_>>(), ["s1", "s2"]);
        let host_only = sessions(&headers, "__Host-dayfly_session");
        assert_eq!(host_only.collect::<Vec<_>>(), ["s3"]);
        strip_session(&mut headers);
        assert_eq!(lines(&headers, header::COOKIE), ["a=1; b=2", "c=3"]);
        let mut plain = with(header::COOKIE, &["a=1;  b=dayfly_sessio"]);
        strip_session(&mut plain);
        assert_eq!(lines(&plain, header::COOKIE), ["a=1;  b=dayfly_sessio"]);
    }

    #[test]
    fn cookies_of_an_upstream_stay_on_its_host() {
        for (set, wanted) in [
            ("a=1; Path=/; HttpOnly", Some("a=1; Path=/; HttpOnly")),
            (
                "a=1; Domain=pr-1.test; Path=/",
                Some("a=1; Domain=pr-1.test; Path=/"),
            ),
            ("a=1; domain=.PR-1.test", Some("a=1; domain=.PR-1.test")),
            ("a=1; Domain=test; Path=/", Some("a=1; Path=/")),
            ("a=1; DOMAIN = .test", Some("a=1")),
            ("a=1; domain=x.pr-1.test", Some("a=1")),
            ("a=1;Domain", Some("a=1")),
            ("a=domain", Some("a=domain")),
            ("dayfly_session=x; Path=/", None),
            (" dayfly_session =x", None),
            ("=dayfly_session=x", None),
            ("__Host-dayfly_session=x; Secure; Path=/", None),
            ("a=dayfly_session", Some("a=dayfly_session")),
        ] {
            let mut headers = with(header::SET_COOKIE, &[set]);
            tame_set_cookies(&mut headers, "pr-1.test");
            assert_eq!(
                lines(&headers, header::SET_COOKIE).first().copied(),
                wanted,
                "{set:?}"
            );
        }
    }
}
