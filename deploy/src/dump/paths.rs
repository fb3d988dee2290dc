//! Which file of the checkout a script means.

/// Where the official images look for what fills a new database.
const IMAGE_FOLDER: &str = "/docker-entrypoint-initdb.d/";

/// A file that a script reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Where it may lie in the checkout, the likeliest first.
    pub(crate) candidates: Vec<String>,
    /// Whether it is a script itself.
    pub(crate) is_script: bool,
}

/// The files that a script may mean by a path, the likeliest first, all of them below the seed's
/// folder. Psql looks beside the script for some, and for others in the folder that it was started
/// in, which may be the script's own, or the checkout's root.
///
/// # Errors
/// Why there can be none.
pub(super) fn resolve(
    folder: &str,
    script: &str,
    path: &str,
    beside: bool,
) -> Result<Vec<String>, String> {
    let own = script.rsplit_once('/').map_or("", |(own, _)| own);
    let (bases, path) = match path.strip_prefix(IMAGE_FOLDER) {
        Some(path) => (vec![folder], path),
        None if path.starts_with('/') => {
            return Err(format!(
                "it reads {path}, a file outside of the checkout; name one beside the seed"
            ));
        }
        None if beside => (vec![own], path),
        None => (vec![own, ""], path),
    };
    let mut found: Vec<String> = Vec::new();
    for base in bases {
        let joined = join(base, path).filter(|joined| is_below(folder, joined));
        found.extend(joined.filter(|joined| !found.contains(joined)));
    }
    match found.is_empty() {
        true => Err(format!(
            "it reads {path}, which is not below the seed's folder {}",
            shown(folder)
        )),
        false => Ok(found),
    }
}

fn shown(folder: &str) -> &str {
    match folder {
        "" => ".",
        folder => folder,
    }
}

fn is_below(folder: &str, path: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Two paths as one without `.` and `..`; none where it leaves the checkout.
fn join(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_for_beside_the_script_and_from_the_root_and_nowhere_else() {
        let found = |path: &str, beside| resolve("db", "db/sub/seed.sql", path, beside);
        assert_eq!(found("a.sql", true).unwrap(), ["db/sub/a.sql"]);
        assert_eq!(
            found("db/a.sql", false).unwrap(),
            ["db/sub/db/a.sql", "db/a.sql"]
        );
        assert_eq!(found("../a.sql", true).unwrap(), ["db/a.sql"]);
        assert_eq!(
            found("/docker-entrypoint-initdb.d/a.sql", false).unwrap(),
            ["db/a.sql"]
        );
        for outside in [
            "/etc/passwd",
            "../../a.sql",
            "../../../a.sql",
            "../../dbx/a.sql",
        ] {
            assert!(found(outside, true).is_err(), "{outside}");
        }
        assert_eq!(
            resolve("", "seed.sql", "./a.sql", false).unwrap(),
            ["a.sql"]
        );
    }
}
