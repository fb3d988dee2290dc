//! Maps collations that only MySQL or only MariaDB has to the nearest ones of the other.
//!
//! MySQL's collations treat trailing spaces as significant, like MariaDB's `nopad` ones.

use super::server::Server;

/// Languages: MySQL names them as in `utf8mb4_LANGUAGE_0900_ai_ci`, MariaDB as in
/// `utf8mb4_uca1400_LANGUAGE_ai_ci`.
const LANGUAGES: [(&str, &str); 20] = [
    ("cs", "czech"),
    ("da", "danish"),
    ("de_pb", "german2"),
    ("eo", "esperanto"),
    ("es", "spanish"),
    ("es_trad", "spanish2"),
    ("et", "estonian"),
    ("hr", "croatian"),
    ("hu", "hungarian"),
    ("is", "icelandic"),
    ("la", "roman"),
    ("lt", "lithuanian"),
    ("lv", "latvian"),
    ("pl", "polish"),
    ("ro", "romanian"),
    ("sk", "slovak"),
    ("sl", "slovenian"),
    ("sv", "swedish"),
    ("tr", "turkish"),
    ("vi", "vietnamese"),
];

/// The replacement for a collation that the server lacks.
pub(super) fn nearest(server: Server, name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    match server {
        Server::Mariadb => of_mysql(&name),
        Server::Mysql => of_mariadb(&name),
    }
}

fn of_mysql(name: &str) -> Option<String> {
    let rest = name.strip_prefix("utf8mb4_")?;
    let (language, kind) = match rest.strip_prefix("0900_") {
        Some(kind) => ("", kind),
        None => rest.split_once("_0900_")?,
    };
    if kind == "bin" {
        return Some("utf8mb4_nopad_bin".to_owned());
    }
    let language = LANGUAGES.iter().find(|(mysql, _)| *mysql == language);
    let language = language.map_or_else(String::new, |(_, mariadb)| format!("{mariadb}_"));
    let kind = if kind.starts_with("as_cs") {
        "as_cs"
    } else {
        kind
    };
    Some(format!("utf8mb4_uca1400_{language}nopad_{kind}"))
}

fn of_mariadb(name: &str) -> Option<String> {
    if name == "utf8mb4_nopad_bin" {
        return Some("utf8mb4_0900_bin".to_owned());
    }
    let (set, rest) = match name.split_once("uca1400_")? {
        ("", rest) => ("utf8mb4", rest),
        (set, rest) => (set.strip_suffix('_')?, rest),
    };
    if set != "utf8mb4" {
        return Some(format!("{set}_unicode_520_ci"));
    }
    // MySQL has no collation that ignores accents but not case.
    let kind = match rest.ends_with("ai_ci") {
        true => "ai_ci",
        false => match rest.ends_with("as_ci") {
            true => "as_ci",
            false => "as_cs",
        },
    };
    let language = LANGUAGES.iter().find(|(_, mariadb)| {
        rest.strip_prefix(mariadb)
            .is_some_and(|r| r.starts_with('_'))
    });
    Some(match (language, kind) {
        // Language-specific ones are sensitive to neither accents nor case, or to both.
        (Some((mysql, _)), "as_ci" | "as_cs") => format!("utf8mb4_{mysql}_0900_as_cs"),
        (Some((mysql, _)), kind) => format!("utf8mb4_{mysql}_0900_{kind}"),
        (None, kind) => format!("utf8mb4_0900_{kind}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collation_of_the_other_becomes_the_nearest() {
        for (server, name, wanted) in [
            (
                Server::Mariadb,
                "utf8mb4_0900_ai_ci",
                "utf8mb4_uca1400_nopad_ai_ci",
            ),
            (Server::Mariadb, "utf8mb4_0900_bin", "utf8mb4_nopad_bin"),
            (
                Server::Mariadb,
                "UTF8MB4_SV_0900_AS_CS",
                "utf8mb4_uca1400_swedish_nopad_as_cs",
            ),
            (
                Server::Mariadb,
                "utf8mb4_ja_0900_as_cs_ks",
                "utf8mb4_uca1400_nopad_as_cs",
            ),
            (Server::Mysql, "utf8mb4_uca1400_ai_ci", "utf8mb4_0900_ai_ci"),
            (Server::Mysql, "uca1400_as_ci", "utf8mb4_0900_as_ci"),
            (
                Server::Mysql,
                "utf8mb4_uca1400_swedish_nopad_as_ci",
                "utf8mb4_sv_0900_as_cs",
            ),
            (
                Server::Mysql,
                "utf8mb3_uca1400_ai_ci",
                "utf8mb3_unicode_520_ci",
            ),
            (Server::Mysql, "utf8mb4_nopad_bin", "utf8mb4_0900_bin"),
        ] {
            assert_eq!(nearest(server, name).as_deref(), Some(wanted), "{name}");
        }
        for (server, name) in [
            (Server::Mysql, "utf8mb4_0900_ai_ci"),
            (Server::Mariadb, "utf8mb4_uca1400_ai_ci"),
            (Server::Mariadb, "utf8mb4_unicode_ci"),
            (Server::Mysql, "latin1_swedish_ci"),
        ] {
            assert_eq!(nearest(server, name), None, "{name}");
        }
    }
}
