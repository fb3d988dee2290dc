//! The server itself is at fault.

use super::{say::diagnosis, way::Way};
use crate::lifecycle::Diagnosis;

/// The server died again and again while doing this.
pub fn gave_up(what: &str, way: Way) -> Diagnosis {
    let sentence =
        format!("The server ended again and again during {what}, so this commit is left alone");
    let action = format!(
        "The server's log says why. Once the server is well, {}.",
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
