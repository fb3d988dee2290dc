//! Finds the other files that a script reads.

use std::io::{self, Read};

use super::{Mention, Refused, ScriptReader, SharedReport, reader::Open};

/// Maximum bytes of a script that are searched; the rest is rows, or not a seed.
const LOOKED_AT_BYTES_MAX: u64 = 2 << 30;

/// The files that the script at `path` reads, all of them below `folder`. Errors of the script are
/// only reported when it runs.
///
/// # Errors
/// If it is unreadable.
pub(crate) fn mentions(
    path: &str,
    folder: &str,
    script: Box<dyn Read + Send>,
) -> io::Result<Vec<Mention>> {
    let none: Open = Box::new(|_| None);
    let script = Box::new(script.take(LOOKED_AT_BYTES_MAX));
    let mut reader = ScriptReader::new((path, script), (folder, none), "", SharedReport::default());
    reader.collect();
    match io::copy(&mut reader, &mut io::sink()) {
        Err(error) if !error.get_ref().is_some_and(|error| error.is::<Refused>()) => Err(error),
        _ => Ok(reader.collected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_named_that_a_script_reads() {
        let script = "select 1;\n\\ir tables.sql\n-- \\i no.sql\ninsert into t values ('\n\\i no.sql\n');\n\
            \\i /etc/passwd\n";
        let found = |script: &str| {
            let script: Box<dyn Read + Send> = Box::new(std::io::Cursor::new(script.to_owned()));
            mentions("db/seed.sql", "db", script).unwrap()
        };
        assert_eq!(
            found(script),
            [Mention {
                candidates: vec!["db/tables.sql".to_owned()],
                is_script: true
            }]
        );
        let rows = found("\\copy t from 'goods.csv' csv\n\\i ./more.sql\n");
        assert_eq!(
            (rows.len(), rows[0].is_script, rows[1].is_script),
            (2, false, true)
        );
    }
}
