//! What a sentence of the server's means for a seed, where that is certain.

/// Extensions that the official image lacks, and images that have them.
const EXTENSIONS: [(&str, &str); 6] = [
    ("postgis", "postgis/postgis"),
    ("vector", "pgvector/pgvector"),
    ("timescaledb", "timescale/timescaledb"),
    ("age", "apache/age"),
    ("citus", "citusdata/citus"),
    ("pgroonga", "groonga/pgroonga"),
];

/// What to do about it.
pub(super) fn hint(message: &str) -> Option<String> {
    if message.contains("in file header") && message.contains("unsupported version") {
        return Some(
            "a newer pg_dump wrote this archive than this server's pg_restore reads; take a newer \
             server for it, or dump with pg_dump --format=plain"
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
            "this server's image has no extension {name}; {image} has it: name it as the database's \
             `image` in dayfly.toml, with the server's version as its tag"
        ),
        None => format!(
            "this server's image has no extension {name}; name one that has it as the database's \
             `image` in dayfly.toml, or dump without it"
        ),
    })
}

/// What to say of a dump that was taken of a newer server than the one that refuses a statement of it.
pub(super) fn newer(dumped: &str, server: &str) -> Option<String> {
    let major = |version: &str| version.split('.').next()?.parse::<u32>().ok();
    let (from, here) = (major(dumped)?, major(server)?);
    (from > here).then(|| {
        format!(
            "it was dumped from PostgreSQL {from}, and this server is {here}; take {from} for it"
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
                .contains("one that has it")
        );
        assert_eq!(hint("extension \"x\" already exists"), None);
        assert_eq!(hint("relation \"vector\" does not exist"), None);
    }

    #[test]
    fn a_dump_is_newer_by_its_major_version_alone() {
        assert!(newer("18.6", "15.20").unwrap().contains("take 18"));
        assert_eq!(newer("15.18", "15.20"), None);
        assert_eq!(newer("9.6", "15.20"), None);
    }
}
