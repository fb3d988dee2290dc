//! Parses errors of `psql` and `pg_restore` about a failed statement.

use super::hints;
use crate::docker::database::{run::Answer, script_pipe::SCRIPT};

/// The failed line of a script, and the server's message with its details.
pub(super) fn complaint(answer: &Answer) -> (Option<u32>, String) {
    let mut lines = answer.errors.lines();
    let Some((line, first)) = lines.find_map(error_line) else {
        return (None, answer.last_error());
    };
    let mut message = first.to_owned();
    let hint = hints::hint(first);
    for more in lines.take_while(|more| located(more).is_none()) {
        message.push('\n');
        message.push_str(more.trim_end());
    }
    if let Some(hint) = hint {
        message.push('\n');
        message.push_str(&hint);
    }
    (line, message)
}

/// The place and the message of a line such as `psql:/dayfly-seed/script:3: ERROR:  no such table`.
fn error_line(line: &str) -> Option<(Option<u32>, &str)> {
    let (at, rest) = match located(line) {
        Some((at, rest)) => (Some(at), rest),
        None => {
            let rest = line.strip_prefix("psql: ").unwrap_or(line);
            (None, rest.strip_prefix("pg_restore: ").unwrap_or(rest))
        }
    };
    let kinds = ["ERROR:", "FATAL:", "PANIC:", "error:"];
    let sentence = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    Some((at, sentence.trim()))
}

fn located(line: &str) -> Option<(u32, &str)> {
    let (file, rest) = line.strip_prefix("psql:")?.split_once(':')?;
    let (at, rest) = rest
        .split_once(':')
        .filter(|_| [SCRIPT, "<stdin>"].contains(&file))?;
    Some((at.parse().ok()?, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(errors: &str) -> Answer {
        Answer {
            exit_code: 3,
            errors: errors.to_owned(),
            ..Answer::default()
        }
    }

    #[test]
    fn a_failed_statement_is_told_with_its_line_and_details() {
        let said = "psql:/dayfly-seed/script:1: NOTICE:  table \"x\" does not exist, skipping\n\
            psql:/dayfly-seed/script:3: ERROR:  relation \"guests\" does not exist\n\
            LINE 1: insert into guests values (1);\n\
            \x20                   ^\n\
            psql:/dayfly-seed/script:4: NOTICE:  after\n";
        let (line, message) = complaint(&answer(said));
        assert_eq!(line, Some(3));
        assert_eq!(
            message,
            "relation \"guests\" does not exist\nLINE 1: insert into guests values (1);\n\
             \x20                   ^"
        );
    }

    #[test]
    fn errors_without_a_line_are_told_too() {
        let said = "psql: error: connection to server failed: No such file\n";
        let (line, message) = complaint(&answer(said));
        assert_eq!(
            (line, message.as_str()),
            (None, "connection to server failed: No such file")
        );
        let (line, message) = complaint(&answer("OCI runtime exec failed\n\n"));
        assert_eq!((line, message.as_str()), (None, "OCI runtime exec failed"));
        assert_eq!(complaint(&answer("")), (None, "exit code 3".to_owned()));
        let said = "pg_restore: error: input file does not appear to be a valid archive\n";
        assert_eq!(
            complaint(&answer(said)).1,
            "input file does not appear to be a valid archive"
        );
    }
}
