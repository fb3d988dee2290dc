//! Hints for a dump that another kind or version of server made.

/// The product of a version, for users, and its name in `engine`.
fn flavour(version: &str) -> (&'static str, &'static str) {
    match version.contains("MariaDB") {
        true => ("MariaDB", "mariadb"),
        false => ("MySQL", "mysql"),
    }
}

/// A hint for a failed dump, from the server version in the dump and the version line of the local
/// client.
pub(super) fn hint(dumped: &str, client: &str) -> Option<String> {
    let (_, here) = client
        .split_once("Distrib ")
        .or(client.split_once("Ver "))?;
    let here = here.split([' ', ',']).next()?;
    let ((was, engine), (is, _)) = (flavour(dumped), flavour(client));
    let numbers = |version: &str| {
        let mut parts = version
            .split(['.', '-'])
            .map_while(|part| part.parse::<u32>().ok());
        Some((parts.next()?, parts.next()?))
    };
    let (then, now) = (numbers(dumped)?, numbers(here)?);
    if was == is && then <= now {
        return None;
    }
    let (major, minor) = then;
    Some(format!(
        "the dump was made by {was} {major}.{minor} and this server is {is} {}.{}; use the same \
         engine: engine = \"{engine}:{major}.{minor}\"",
        now.0, now.1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_of_another_or_a_newer_server_is_told() {
        let maria = "mariadb  Ver 15.1 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)\n";
        let mysql = "mysql  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)\n";
        let hint_of_mysql = hint("8.0.36-0ubuntu0.22.04.1", maria).unwrap();
        assert!(hint_of_mysql.contains("MySQL 8.0 and this server is MariaDB 10.11"));
        assert!(hint_of_mysql.ends_with("engine = \"mysql:8.0\""));
        assert!(
            hint("11.4.2-MariaDB", mysql)
                .unwrap()
                .contains("mariadb:11.4")
        );
        assert!(hint("11.4.2-MariaDB", maria).is_some());
        assert_eq!(hint("10.11.19-MariaDB-0+deb12u1", maria), None);
        assert_eq!(hint("8.0.36", mysql), None);
    }
}
