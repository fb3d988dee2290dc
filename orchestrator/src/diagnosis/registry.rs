//! Actions for an image that cannot be pulled.

/// Words of engines and builders about a registry that did not answer.
const AWAY: [&str; 9] = [
    "dial tcp",
    "no such host",
    "connection refused",
    "connection reset",
    "network is unreachable",
    "i/o timeout",
    "Client.Timeout exceeded",
    "TLS handshake timeout",
    "x509: ",
];
/// Words of a registry that limits requests.
const LIMITED: [&str; 3] = [
    "toomanyrequests",
    "429 Too Many Requests",
    "pull rate limit",
];
/// Words of a registry that requires a log-in. Most say the same about an unknown name.
const DENIED: [&str; 5] = [
    "denied",
    "authoriz",
    "authentication required",
    "no basic auth",
    "insufficient_scope",
];
/// Words about an image that exists only for other machines.
const PLATFORM: [&str; 2] = ["no matching manifest for", "no match for platform"];

/// Whether the registry did not answer at all.
pub(super) fn is_away(said: &str) -> bool {
    AWAY.iter().any(|word| said.contains(word))
}

/// The action for an image that `place` names. `said` is the error.
pub(super) fn action(place: &str, said: &str) -> String {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if is_away(said) {
        return format!(
            "The registry could not be reached. Check the registry's name in {place}, and that the \
             server can reach the registry."
        );
    }
    if says(&LIMITED) {
        return "The registry limits pulls from this server. Try again later, or ask the operator \
                to add a log-in for the registry to the server's `engine.registry_auth_file`."
            .to_owned();
    }
    if says(&PLATFORM) {
        return format!("In {place}, name an image that is published for the server's processor.");
    }
    let check = format!("Check the image's name and the tag in {place}.");
    match says(&DENIED) {
        true => format!(
            "{check} If the image is private, ask the operator to add a log-in for its registry to \
             the server's `engine.registry_auth_file`."
        ),
        false => check,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_is_away_refuses_or_lacks_the_image_is_told_apart() {
        let place = "the Dockerfile";
        for (said, right, wrong) in [
            (
                "Get \"https://registry.example/v2/\": dial tcp: lookup registry.example on 10.0.0.1:53: no such host",
                "could not be reached",
                "tag",
            ),
            (
                "failed to do request: Head \"http://localhost:1/v2/a/manifests/1\": dial tcp 127.0.0.1:1: connect: connection refused",
                "could not be reached",
                "log-in",
            ),
            (
                "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating",
                "Try again later",
                "tag",
            ),
            (
                "pull access denied for nothing, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                "log-in",
                "reached",
            ),
            (
                "manifest for postgres:0.1 not found: manifest unknown: manifest unknown",
                "the tag",
                "log-in",
            ),
            (
                "no matching manifest for linux/amd64 in the manifest list entries",
                "processor",
                "tag",
            ),
        ] {
            let action = action(place, said);
            assert!(action.contains(right), "{said}: {action}");
            assert!(!action.contains(wrong), "{said}: {action}");
        }
    }
}
