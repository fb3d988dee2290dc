//! Actions for a command that the engine refused to start.

/// The action for a message of the engine. `place` names where the command is configured.
pub(super) fn action(said: &str, place: &str) -> String {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&[
        "unable to find user",
        "unable to find group",
        "matching entries in passwd",
        "matching entries in group",
    ]) {
        return "The image does not have the user or group that USER in the Dockerfile names. \
                Create this user in the Dockerfile, or name another user."
            .to_owned();
    }
    if !said.contains("exec: \"") {
        return format!(
            "Docker gives the reason above. Check {place}, and WORKDIR and USER in the Dockerfile."
        );
    }
    if says(&["executable file not found", "no such file or directory"]) {
        return format!(
            "The image does not have this program. Check {place}, or install the program in the \
             Dockerfile."
        );
    }
    if says(&["permission denied", "is a directory"]) {
        return format!(
            "This file is not executable. Check {place}. A script needs the execute bit \
             (`chmod +x`)."
        );
    }
    format!("Docker gives the reason above. Check {place}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_told_from_one_that_may_not_run_and_from_an_unknown_user() {
        // Engine 20.10, as it said it.
        let runc = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";
        for (said, right, wrong) in [
            (
                format!("{runc}exec: \"nothing\": executable file not found in $PATH: unknown"),
                "does not have this program",
                "execute bit",
            ),
            (
                format!(
                    "{runc}exec: \"/srv/nothing\": stat /srv/nothing: no such file or directory: unknown"
                ),
                "does not have this program",
                "USER",
            ),
            (
                format!("{runc}exec: \"/etc/passwd\": permission denied: unknown"),
                "execute bit",
                "does not have",
            ),
            (
                "unable to find user app: no matching entries in passwd file".to_owned(),
                "USER",
                "program",
            ),
            (
                "unable to find group nogroup: no matching entries in group file".to_owned(),
                "USER",
                "program",
            ),
            (
                "Cannot mkdir: /etc/passwd is not a directory".to_owned(),
                "reason above",
                "program",
            ),
            (
                format!(
                    "{runc}error mounting \"/x\" to rootfs: no such file or directory: unknown"
                ),
                "reason above",
                "program",
            ),
        ] {
            let action = action(&said, "`command`");
            assert!(action.contains(right), "{said}: {action}");
            assert!(!action.contains(wrong), "{said}: {action}");
        }
    }
}
