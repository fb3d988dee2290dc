//! Derives from an event and its payload what to refresh.

use serde::Deserialize;
use serde_json::Value;

use super::problem::Problem;
use crate::{
    forge::Repository,
    intake::Hint,
    names::{PullRequestNumber, RepoName, RepositoryId},
};

/// Actions of `pull_request` after which a preview may have to change.
const PULL_REQUEST_ACTIONS: [&str; 9] = [
    "opened",
    "reopened",
    "synchronize",
    "closed",
    "edited",
    "ready_for_review",
    "converted_to_draft",
    "labeled",
    "unlabeled",
];

/// Actions of `repository` after which its previews may have to change.
const REPOSITORY_ACTIONS: [&str; 3] = ["renamed", "transferred", "deleted"];

/// Maximum characters of a word from the payload that is stored and shown.
const WORD_CHARACTERS_MAX: usize = 100;

/// The decoded fields; all others are skipped.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Payload {
    action: Value,
    number: Value,
    repository: Value,
    repositories: Value,
    repositories_added: Value,
    repositories_removed: Value,
}

impl Payload {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(body).map_err(|error| {
            Problem::bad_request(if error.is_data() {
                format!("the payload is not one JSON object: {error}")
            } else {
                format!("the payload is not JSON: {error}")
            })
        })
    }

    /// The action, if there is one.
    pub(super) fn action(&self) -> Option<String> {
        self.action.as_str().map(shortened)
    }

    /// The action that this event asks for.
    pub(super) fn hint(&self, event: &str) -> Result<Hint, Problem> {
        match event {
            "pull_request" => self.pull_request(),
            "repository" => self.repository(),
            "ping" => Ok(ignored("a ping: the webhook is set up")),
            "installation" | "installation_repositories" | "installation_target" => {
                self.installation()
            }
            _ => Ok(ignored(format!(
                "no preview depends on the event {:?}",
                shortened(event)
            ))),
        }
    }

    fn pull_request(&self) -> Result<Hint, Problem> {
        let action = self.required_action("pull_request")?;
        if !PULL_REQUEST_ACTIONS.contains(&action) {
            return Ok(ignored(format!(
                "no preview depends on the action {:?} of a pull request",
                shortened(action)
            )));
        }
        let number = self
            .number
            .as_u64()
            .ok_or_else(|| missing("pull_request", "number", "a whole number"))?;
        Ok(Hint::Refresh {
            repository: named("pull_request", "repository", &self.repository)?,
            number: PullRequestNumber(number),
        })
    }

    fn repository(&self) -> Result<Hint, Problem> {
        let action = self.required_action("repository")?;
        if !REPOSITORY_ACTIONS.contains(&action) {
            return Ok(ignored(format!(
                "no preview depends on the action {:?} of a repository",
                shortened(action)
            )));
        }
        Ok(Hint::RefreshAll {
            repository: named("repository", "repository", &self.repository)?,
        })
    }

    /// A hint names one repository. If an installation changes several at once, the delivery is
    /// ignored: the sweep checks all repositories anyway.
    fn installation(&self) -> Result<Hint, Problem> {
        if !self.repository.is_null() {
            return Ok(Hint::RefreshAll {
                repository: named("installation", "repository", &self.repository)?,
            });
        }
        let lists = [
            ("repositories[0]", &self.repositories),
            ("repositories_added[0]", &self.repositories_added),
            ("repositories_removed[0]", &self.repositories_removed),
        ];
        let mut all = lists.iter().flat_map(|(field, list)| {
            let entries = list.as_array().map(Vec::as_slice).unwrap_or_default();
            entries.iter().map(move |entry| (*field, entry))
        });
        match (all.next(), all.next()) {
            (Some((field, entry)), None) => Ok(Hint::RefreshAll {
                repository: named("installation", field, entry)?,
            }),
            (None, _) => Ok(ignored("the installation changed and names no repository")),
            (Some(_), Some(_)) => Ok(ignored(
                "the installation changed for several repositories: the sweep checks all of them",
            )),
        }
    }

    fn required_action(&self, event: &str) -> Result<&str, Problem> {
        self.action
            .as_str()
            .ok_or_else(|| missing(event, "action", "a word"))
    }
}

/// Cuts an untrusted word to its maximum length.
pub(super) fn shortened(word: &str) -> String {
    word.chars().take(WORD_CHARACTERS_MAX).collect()
}

fn named(event: &str, field: &str, value: &Value) -> Result<Repository, Problem> {
    let id = value["id"]
        .as_u64()
        .ok_or_else(|| missing(event, &format!("{field}.id"), "a whole number"))?;
    let name = value["full_name"]
        .as_str()
        .and_then(|name| RepoName::parse(name).ok())
        .ok_or_else(|| missing(event, &format!("{field}.full_name"), "owner/name"))?;
    Ok(Repository {
        id: RepositoryId(id),
        name,
    })
}

fn missing(event: &str, field: &str, form: &str) -> Problem {
    Problem::bad_request(format!(
        "the payload of this {event} event has no field {field} that is {form}"
    ))
}

fn ignored(reason: impl Into<String>) -> Hint {
    Hint::Ignored {
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn hint(event: &str, payload: &Value) -> Result<Hint, Problem> {
        Payload::parse(payload.to_string().as_bytes())?.hint(event)
    }

    fn shop() -> Repository {
        Repository {
            id: RepositoryId(7),
            name: RepoName::parse("acme/shop").unwrap(),
        }
    }

    #[test]
    fn pull_request_actions_that_matter_ask_for_a_refresh() {
        for action in PULL_REQUEST_ACTIONS {
            let payload = json!({
                "action": action, "number": 3, "repository": {"id": 7, "full_name": "acme/shop"},
            });
            let wanted = Hint::Refresh {
                repository: shop(),
                number: PullRequestNumber(3),
            };
            assert_eq!(hint("pull_request", &payload).unwrap(), wanted, "{action}");
        }
    }

    #[test]
    fn other_actions_and_events_are_ignored_with_a_reason() {
        for (event, payload) in [
            ("pull_request", json!({"action": "assigned"})),
            ("issue_comment", json!({"action": "created"})),
            ("repository", json!({"action": "starred"})),
            ("ping", json!({"zen": "Keep it logically awesome."})),
            ("an_event_of_tomorrow", json!({})),
            ("installation", json!({"action": "created"})),
        ] {
            match hint(event, &payload).unwrap() {
                Hint::Ignored { reason } => assert!(reason.len() > 10, "{event}"),
                other => panic!("{event}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_renamed_repository_asks_for_a_refresh_of_all_of_it() {
        for action in REPOSITORY_ACTIONS {
            let payload =
                json!({"action": action, "repository": {"id": 7, "full_name": "acme/shop"}});
            let wanted = Hint::RefreshAll { repository: shop() };
            assert_eq!(hint("repository", &payload).unwrap(), wanted, "{action}");
        }
    }

    #[test]
    fn an_installation_that_names_one_repository_asks_for_a_refresh_of_it() {
        let one = json!({"id": 7, "full_name": "acme/shop"});
        let payload = json!({"action": "removed", "repositories_removed": [one]});
        let wanted = Hint::RefreshAll { repository: shop() };
        assert_eq!(hint("installation_repositories", &payload).unwrap(), wanted);
        let several = json!({"action": "created", "repositories": [one, one]});
        assert!(matches!(
            hint("installation", &several).unwrap(),
            Hint::Ignored { .. }
        ));
    }

    #[test]
    fn a_missing_field_is_named() {
        let repository = json!({"id": 7, "full_name": "acme/shop"});
        for (payload, field) in [
            (json!({"number": 1, "repository": repository}), "action"),
            (
                json!({"action": "opened", "repository": repository}),
                "number",
            ),
            (
                json!({"action": "opened", "number": -1, "repository": repository}),
                "number",
            ),
            (json!({"action": "opened", "number": 1}), "repository.id"),
            (
                json!({"action": "opened", "number": 1, "repository": {"id": 7}}),
                "repository.full_name",
            ),
            (
                json!({"action": "opened", "number": 1,
                       "repository": {"id": 7, "full_name": "../../etc"}}),
                "repository.full_name",
            ),
        ] {
            let problem = hint("pull_request", &payload).unwrap_err();
            assert!(
                problem.detail.contains(&format!("no field {field} ")),
                "{}",
                problem.detail
            );
        }
    }

    proptest! {
        #[test]
        fn no_body_is_more_than_a_hint_or_a_problem(
            event in "[a-z_]{0,20}", body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Ok(payload) = Payload::parse(&body) {
                let _ = payload.hint(&event);
            }
        }
    }
}
