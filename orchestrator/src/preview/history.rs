//! The names of a preview's steps as visitors read them.

/// A step in plain words; none for the server's internal steps, such as cleanup.
///
/// `step` is its title in the history: the step's word and its subject.
pub fn words(step: &str) -> Option<String> {
    let (word, about) = match step.split_once(' ') {
        Some((word, about)) => (word, about),
        None => (step, ""),
    };
    let words = match word {
        "source" => "fetch the commit".to_owned(),
        "network" => format!("create the network of the {about}"),
        "build" => format!("build {about}"),
        "fork" => "copy the data".to_owned(),
        "database" => format!("create the database {about}"),
        "start-database" => format!("start the database {about}"),
        "migrate" => format!("migrate the database {about}"),
        "start" => format!("start {about}"),
        "healthy" => "wait until all services are ready".to_owned(),
        _ => return None,
    };
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_read_what_is_done_for_them_and_nothing_of_clearing_up() {
        assert_eq!(words("build web").as_deref(), Some("build web"));
        assert_eq!(
            words("start-database main").as_deref(),
            Some("start the database main")
        );
        for ours in ["drain", "remove-service web", "explain", "begin", "report"] {
            assert_eq!(words(ours), None, "{ours}");
        }
    }
}
