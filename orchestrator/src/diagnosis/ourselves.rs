//! Diagnoses of faults of the server itself.

use super::{
    say::diagnosis,
    way::{Way, capital},
};
use crate::{lifecycle::Diagnosis, preview::history};

/// The server crashed repeatedly during a step of this word.
pub fn gave_up(word: &str, way: Way) -> Diagnosis {
    let step = match word {
        "build" => "build an image".to_owned(),
        "start" => "start a service".to_owned(),
        _ => history::words(word).unwrap_or_else(|| word.to_owned()),
    };
    let sentence = format!(
        "The Dayfly server crashed several times while it ran the step \"{}\". It does not try \
         this commit again",
        step.trim_end()
    );
    let action = format!(
        "{}. Once the server works, {}.",
        capital(&way.operator("find the cause in the server's log")),
        way.again()
    );
    diagnosis("DF901", sentence, Vec::new(), action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::say::testing::{says, says_not},
        lifecycle::Origin,
    };

    #[test]
    fn a_server_that_ends_again_and_again_is_not_the_commits_fault() {
        let said = gave_up("fork", Way(Origin::Local));
        says(
            &said,
            &["DF901", "\"copy the data\"", "server's log", "dayfly up"],
        );
        says_not(&said, &["Fix", "push", "operator"]);
        let said = gave_up("healthy", Way(Origin::PullRequest));
        says(
            &said,
            &["\"wait until all services are ready\"", "Ask the operator"],
        );
        let said = gave_up("migrate", Way(Origin::PullRequest));
        says(&said, &["\"migrate the database\""]);
    }
}
