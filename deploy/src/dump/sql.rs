//! Names and literals as a statement has them.

/// A name.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The connection string of a database: quotes and backslashes take a backslash ("libpq: Connection
/// Strings").
pub(crate) fn connection(database: &str) -> String {
    let database = database.replace('\\', "\\\\").replace('\'', "\\'");
    format!("dbname='{database}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_names() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(connection("it's"), "dbname='it\\'s'");
    }
}
