//! What the steps of a preview's history are called where visitors read them.

/// A step in plain words; none for what is nobody's concern but the server's own, such as clearing up.
///
/// `step` is its title in the history: the word of the step, and what it was about.
pub fn words(step: &str) -> Option<String> {
    let (word, about) = match step.split_once(' ') {
        Some((word, about)) => (word, about),
        None => (step, ""),
    };
    let words = match word {
        "source" => "read the commit".to_owned(),
        "network" => format!("make the network of {about}"),
        "build" => format!("build {about}"),
        "fork" => "copy the data".to_owned(),
        "database" => format!("make the database {about}"),
        "start-database" => format!("start the database {about}"),
        "migrate" => format!("migrate {about}"),
        "start" => format!("start {about}"),
        "healthy" => "wait until all of it answers".to_owned(),
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
