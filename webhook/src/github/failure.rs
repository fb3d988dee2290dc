//! Translates answers that are not a success into errors.

use std::{
    error::Error,
    fmt::Display,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::{answer::Answer, ask::Ask};
use crate::forge::ForgeError;

/// The wait that GitHub documents for a rate limit without a time.
const WAIT_UNSAID: Duration = Duration::from_secs(60);
/// Quotas reset hourly, so a header with a much longer wait is ignored.
const WAIT_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// Maximum characters of the forge's message that are shown to users.
const SENTENCE_CHARACTERS_MAX: usize = 300;

/// The forge's error message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sentence {
    message: String,
    errors: Vec<Value>,
}

/// Translates an answer that is not a success. Only JSON comes from the forge itself: a 404 page of
/// a proxy in front of it says nothing about the requested object.
pub(super) fn forge_error(ask: &Ask, answer: &Answer) -> ForgeError {
    let status = answer.status;
    let sentence = serde_json::from_slice::<Sentence>(&answer.body).ok();
    if let Some(retry_after) = limited(answer, sentence.as_ref()) {
        return ForgeError::RateLimited { retry_after };
    }
    match (status, sentence) {
        (StatusCode::NOT_FOUND | StatusCode::GONE, Some(_)) => {
            ForgeError::NotFound(ask.subject.clone())
        }
        (StatusCode::NOT_FOUND | StatusCode::GONE, None) => not_json(ask, answer),
        (status, sentence) if status.is_client_error() => ForgeError::Refused {
            what: ask.what(),
            why: why(status, sentence.as_ref()),
        },
        (status, sentence) => ForgeError::Unavailable(format!(
            "{} on the request to {}",
            why(status, sentence.as_ref()),
            ask.what()
        )),
    }
}

/// The answer has a success status but is not from the forge's API.
pub(super) fn not_json(ask: &Ask, answer: &Answer) -> ForgeError {
    let kind: String = answer
        .header("content-type")
        .unwrap_or("no content type")
        .chars()
        .take(80)
        .collect();
    ForgeError::Unavailable(format!(
        "{} with {kind:?} instead of JSON on the request to {}",
        answer.status,
        ask.what()
    ))
}

/// The answer is JSON with an unexpected structure.
pub(super) fn unexpected(ask: &Ask, why: &dyn Display) -> ForgeError {
    ForgeError::Unavailable(format!(
        "unexpected JSON on the request to {}: {why}",
        ask.what()
    ))
}

/// There was no answer, or it was incomplete.
pub(super) fn broken(ask: &Ask, error: &(dyn Error + 'static)) -> ForgeError {
    ForgeError::Unavailable(format!(
        "no complete answer to the request to {}: {}",
        ask.what(),
        innermost(error)
    ))
}

/// The request failed before it was sent.
pub(super) fn unavailable(error: impl Error + 'static) -> ForgeError {
    ForgeError::Unavailable(innermost(&error))
}

/// The outer layers of a client error only say that there was an error, and some include a
/// backtrace.
fn innermost(mut error: &(dyn Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn limited(answer: &Answer, sentence: Option<&Sentence>) -> Option<Duration> {
    let too_many = answer.status == StatusCode::TOO_MANY_REQUESTS;
    if !too_many && answer.status != StatusCode::FORBIDDEN {
        return None;
    }
    let number = |name: &str| answer.header(name)?.trim().parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs(seconds).min(WAIT_MAX));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let reset = number("x-ratelimit-reset").map_or(WAIT_UNSAID, until);
        return Some(reset.clamp(Duration::from_secs(1), WAIT_MAX));
    }
    let said = sentence.is_some_and(|s| s.message.to_ascii_lowercase().contains("rate limit"));
    (too_many || said).then_some(WAIT_UNSAID)
}

fn until(unix_seconds: u64) -> Duration {
    (UNIX_EPOCH + Duration::from_secs(unix_seconds.min(u64::from(u32::MAX))))
        .duration_since(SystemTime::now())
        .unwrap_or_default()
}

fn why(status: StatusCode, sentence: Option<&Sentence>) -> String {
    let mut words = status.to_string();
    if let Some(sentence) = sentence {
        words.push_str(": ");
        words.push_str(&sentence.message);
        for error in &sentence.errors {
            let text = error.as_str().or_else(|| error["message"].as_str());
            words.push_str("; ");
            words.push_str(&text.map_or_else(|| error.to_string(), str::to_owned));
        }
    }
    words
        .chars()
        .filter(|c| !c.is_control())
        .take(SENTENCE_CHARACTERS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn verdict(status: u16, headers: &[(&'static str, &str)], body: &str) -> ForgeError {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: body.to_owned().into(),
        };
        forge_error(&Ask::get("/x", "the thing"), &answer)
    }

    fn wait(error: &ForgeError) -> Option<u64> {
        match error {
            ForgeError::RateLimited { retry_after } => Some(retry_after.as_secs()),
            _ => None,
        }
    }

    #[test]
    fn every_kind_of_limit_says_how_long_to_wait() {
        let json = r#"{"message":"x"}"#;
        assert_eq!(wait(&verdict(429, &[("retry-after", "7")], json)), Some(7));
        assert_eq!(wait(&verdict(403, &[("retry-after", "7")], "")), Some(7));
        assert_eq!(wait(&verdict(429, &[], "")), Some(60));
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(wait(&verdict(403, &[], secondary)), Some(60));
        let past = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")];
        assert_eq!(wait(&verdict(403, &past, json)), Some(1));
        let absurd = [("retry-after", "99999999999")];
        assert_eq!(wait(&verdict(429, &absurd, json)), Some(7200));
    }

    #[test]
    fn a_plain_403_is_a_refusal_with_the_forges_sentence() {
        let left = [("x-ratelimit-remaining", "12")];
        let error = verdict(403, &left, r#"{"message":"Must have admin rights"}"#);
        assert_eq!(
            error.to_string(),
            "the forge refused to read the thing: 403 Forbidden: Must have admin rights"
        );
    }

    #[test]
    fn only_json_says_that_a_thing_is_missing() {
        let missing = verdict(404, &[], r#"{"message":"Not Found"}"#);
        assert!(matches!(missing, ForgeError::NotFound(_)));
        let page = verdict(404, &[("content-type", "text/html")], "<h1>404</h1>");
        assert!(matches!(page, ForgeError::Unavailable(_)), "{page}");
        assert!(matches!(verdict(500, &[], ""), ForgeError::Unavailable(_)));
        assert!(matches!(verdict(302, &[], ""), ForgeError::Unavailable(_)));
    }
}
