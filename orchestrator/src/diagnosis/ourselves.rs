//! Diagnoses of faults of the server itself.

use super::{say::diagnosis, way::Way};
use crate::lifecycle::Diagnosis;

/// The server crashed repeatedly during this step.
pub fn gave_up(what: &str, way: Way) -> Diagnosis {
    let sentence =
        format!("The Dayfly server crashed repeatedly during {what}; it gives up on this commit");
    let action = format!(
        "See the server's log for the cause. Once the server works, {}.",
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
            &["DF901", "during fork", "server's log", "dayfly up"],
        );
        says_not(&said, &["Fix", "push"]);
    }
}
