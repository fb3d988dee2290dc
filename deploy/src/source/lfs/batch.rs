//! The batch API: requests objects and parses their locations.

use std::collections::BTreeMap;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
};
use serde::{Deserialize, Serialize};

use super::{super::paths, pointer::Pointer};

/// The media type of requests and answers.
pub(super) const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";
/// Headers that belong to the connection; an object's location may not set them.
const OURS: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

#[derive(Serialize)]
struct Question<'a> {
    operation: &'a str,
    transfers: [&'a str; 1],
    objects: Vec<Asked<'a>>,
    hash_algo: &'a str,
}

#[derive(Serialize)]
struct Asked<'a> {
    oid: &'a str,
    size: u64,
}

#[derive(Deserialize)]
struct Answer {
    transfer: Option<String>,
    hash_algo: Option<String>,
    objects: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    oid: String,
    actions: Option<Actions>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Actions {
    download: Option<Action>,
}

/// The location of an object.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Action {
    /// The URL.
    pub(super) href: String,
    /// Headers to send with the request.
    header: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Refusal {
    code: u32,
    #[serde(default)]
    message: String,
}

/// The forge's message when it refuses a request.
#[derive(Deserialize)]
struct Said {
    message: String,
}

/// The request body for these objects.
pub(super) fn question(pointers: &[Pointer]) -> Vec<u8> {
    let question = Question {
        operation: "download",
        transfers: ["basic"],
        objects: pointers
            .iter()
            .map(|Pointer { oid, size }| Asked { oid, size: *size })
            .collect(),
        hash_algo: "sha256",
    };
    // Serialising this type cannot fail.
    serde_json::to_vec(&question).unwrap_or_default()
}

/// The location of each object, or why there is none.
///
/// # Errors
/// If the answer does not follow this API: text that follows "was not fetched:".
pub(super) fn answer(body: &[u8]) -> Result<BTreeMap<String, Result<Action, String>>, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        let error = paths::shown(&error.to_string());
        format!("the forge's answer is not a Git LFS answer ({error})")
    })?;
    let transfer = answer.transfer.as_deref().unwrap_or("basic");
    let hash = answer.hash_algo.as_deref().unwrap_or("sha256");
    if (transfer, hash) != ("basic", "sha256") {
        let (transfer, hash) = (paths::shown(transfer), paths::shown(hash));
        return Err(format!(
            "the forge offers transfer {transfer} with {hash}; only basic with sha256 is supported"
        ));
    }
    let told = answer.objects.into_iter();
    Ok(told.map(|told| (told.oid.clone(), place(told))).collect())
}

fn place(told: Told) -> Result<Action, String> {
    if let Some(Refusal { code, message }) = told.error {
        let message = paths::shown(&message);
        return Err(match code {
            404 | 410 => {
                "the forge does not have it; `git lfs push --all origin` uploads it".to_owned()
            }
            code => format!("the forge answered {code} for it: {message}"),
        });
    }
    let download = told.actions.and_then(|actions| actions.download);
    download.ok_or_else(|| "the forge does not say where it is".to_owned())
}

/// The forge's message when it refuses a request, for users.
pub(super) fn message(body: &[u8]) -> String {
    let said: Option<Said> = serde_json::from_slice(body).ok();
    said.map_or_else(String::new, |said| {
        format!(": {}", paths::shown(&said.message))
    })
}

/// Maximum headers that the forge may request.
const HEADERS_MAX: usize = 32;

impl Action {
    /// Headers to send with the request.
    pub(super) fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        if self
            .header
            .as_ref()
            .is_some_and(|header| header.len() > HEADERS_MAX)
        {
            return Err(format!(
                "the forge requests more than {HEADERS_MAX} headers"
            ));
        }
        for (name, value) in self.header.iter().flatten() {
            let pair = (
                HeaderName::try_from(name.as_str()),
                HeaderValue::try_from(value.as_str()),
            );
            let (Ok(name), Ok(mut value)) = pair else {
                return Err("the forge requests an invalid header".to_owned());
            };
            if !OURS.contains(&name) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_the_one_that_git_lfs_asks() {
        let pointer = Pointer {
            oid: "2cf24dba".to_owned(),
            size: 5,
        };
        // Git LFS 3.3.0 names two more transfers, and the branch.
        let wanted = r#"{"operation":"download","transfers":["basic"],"objects":[{"oid":"2cf24dba","size":5}],"hash_algo":"sha256"}"#;
        assert_eq!(question(&[pointer]), wanted.as_bytes());
    }

    #[test]
    fn an_answer_says_where_objects_are_and_why_not() {
        let body = br#"{"transfer":"basic","objects":[
            {"oid":"a","size":1,"authenticated":true,"actions":{"download":{"href":"https://h/a",
             "header":{"X-One":"1","Host":"evil"},"expires_in":3600}}},
            {"oid":"b","size":1,"error":{"code":404,"message":"Object does not exist"}},
            {"oid":"c","size":1,"error":{"code":422,"message":"bad\u001b[31m"}},
            {"oid":"d","size":1,"actions":{}},
            {"oid":"e","size":1}]}"#;
        let told = answer(body).unwrap();
        let action = told["a"].as_ref().unwrap();
        assert_eq!(action.href, "https://h/a");
        let headers = action.headers().unwrap();
        assert_eq!(
            (headers.len(), &headers["x-one"]),
            (1, &HeaderValue::from_static("1"))
        );
        let why = |oid: &str| told[oid].as_ref().unwrap_err().as_str();
        assert!(why("b").contains("does not have it"), "{}", why("b"));
        assert_eq!(why("c"), "the forge answered 422 for it: bad\\u{1b}[31m");
        assert_eq!(why("d"), "the forge does not say where it is");
        assert_eq!(why("e"), why("d"));
    }

    #[test]
    fn an_answer_in_other_words_is_refused() {
        for (body, words) in [
            ("<html>", "not a Git LFS answer"),
            ("{}", "missing field `objects`"),
            (r#"{"transfer":"tus","objects":[]}"#, "transfer tus"),
            (r#"{"hash_algo":"sha512","objects":[]}"#, "with sha512"),
        ] {
            let why = answer(body.as_bytes()).unwrap_err();
            assert!(why.contains(words), "{why}");
        }
        let evil = Action {
            href: String::new(),
            header: Some(BTreeMap::from([("a b".to_owned(), String::new())])),
        };
        assert!(evil.headers().is_err());
        assert_eq!(message(b"<html>"), "");
        assert_eq!(message(br#"{"message":"no\n"}"#), ": no\\u{a}");
    }
}
