//! Hints for seed errors, for server messages with a certain meaning.

/// Extensions that the official image lacks, and images that have them.
const EXTENSIONS: [(&str, &str); 6] = [
    ("postgis", "postgis/postgis"),
    ("vector", "pgvector/pgvector"),
    ("timescaledb", "timescale/timescaledb"),
    ("age", "apache/age"),
    ("citus", "citusdata/citus"),
    ("pgroonga", "groonga/pgroonga"),
];

/// A hint for the server's message.
pub(super) fn hint(message: &str) -> Option<String> {
    if message.contains("in file header") && message.contains("unsupported version") {
        return Some(
            "a newer pg_dump wrote this archive than this server's pg_restore reads; use a newer \
             server, or dump with pg_dump --format=plain"
                .to_owned(),
        );
    }
    let (_, rest) = message.split_once("extension \"")?;
    let (name, rest) = rest.split_once('"')?;
    if !rest.trim_start().starts_with("is not available") {
        return None;
    }
    // postgis_topology is a part of postgis.
    let known = EXTENSIONS.iter().find(|(known, _)| {
        name.strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    });
    Some(match known {
        Some((_, image)) => format!(
            "this server's image has no extension {name}; {image} has it: set it as the database's \
             `image` in dayfly.toml, with the server's version as its tag"
        ),
        None => format!(
            "this server's image has no extension {name}; set an image that has it as the \
             database's `image` in dayfly.toml, or dump without it"
        ),
    })
}

/// A hint for a dump of a newer server, if this server refuses one of its statements.
pub(super) fn newer(dumped: &str, server: &str) -> Option<String> {
    let major = |version: &str| version.split('.').next()?.parse::<u32>().ok();
    let (from, here) = (major(dumped)?, major(server)?);
    (from > here).then(|| {
        format!(
            "it was dumped from PostgreSQL {from}, and this server is {here}; use version {from}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_named_with_the_image_that_has_it() {
        let said = "extension \"postgis_topology\" is not available\nDETAIL:  Could not open";
        assert!(hint(said).unwrap().contains("postgis/postgis"));
        assert!(
            hint("extension \"x\" is not available")
                .unwrap()
                .contains("image that has it")
        );
        assert_eq!(hint("extension \"x\" already exists"), None);
        assert_eq!(hint("relation \"vector\" does not exist"), None);
    }

    #[test]
    fn a_dump_is_newer_by_its_major_version_alone() {
        assert!(newer("18.6", "15.20").unwrap().contains("use version 18"));
        assert_eq!(newer("15.18", "15.20"), None);
        assert_eq!(newer("9.6", "15.20"), None);
    }
}
