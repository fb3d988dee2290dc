//! The server itself is at fault.

use super::say::diagnosis;
use crate::lifecycle::Diagnosis;

/// The server died again and again while doing this.
pub fn gave_up(what: &str) -> Diagnosis {
    let sentence =
        format!("The server ended again and again during {what}, so this commit is left alone");
    let action = "See the server's log; ask for the preview again once the server is well.";
    diagnosis("DF901", sentence, Vec::new(), action)
}
