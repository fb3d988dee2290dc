//! Resolves the paths in a script to files of the checkout.

/// The folder where the official images look for initial data.
const IMAGE_FOLDER: &str = "/docker-entrypoint-initdb.d/";

/// A file that a script reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Possible paths in the checkout, the likeliest first.
    pub(crate) candidates: Vec<String>,
    /// Whether it is a script itself.
    pub(crate) is_script: bool,
}

/// The possible files for a path in a script, the likeliest first, all of them below the seed's
/// folder. Psql resolves some paths beside the script, and others in the folder that it was started
/// in, which may be the script's own or the checkout's root.
///
/// # Errors
/// The reason why no file is possible.
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
                "it reads {path}, a file outside of the checkout; use one beside the seed"
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

/// Joins two paths and removes `.` and `..`; `None` if the result leaves the checkout.
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
