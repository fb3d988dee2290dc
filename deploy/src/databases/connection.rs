//! How clients find a database: by a URL, and by the environment variables that they read.

use secrecy::{ExposeSecret as _, SecretString};

use super::USER;
use crate::{blueprint::DatabaseKind, names::DatabaseName};

/// The URL at which a service in the same network reaches the database.
pub fn url(
    kind: &DatabaseKind,
    name: &DatabaseName,
    password: &SecretString,
    host_and_port: Option<&str>,
) -> String {
    let password = password.expose_secret();
    let at = |port: u16| host_and_port.map_or_else(|| format!("{name}:{port}"), str::to_owned);
    match kind {
        DatabaseKind::Postgres => format!("postgresql://{USER}:{password}@{}/{USER}", at(5432)),
        DatabaseKind::Mysql | DatabaseKind::Mariadb => {
            format!("mysql://{USER}:{password}@{}/{USER}", at(3306))
        }
        DatabaseKind::Redis | DatabaseKind::Valkey => {
            // With an empty user, `redis-cli -u` sends the empty name and the server rejects it.
            format!("redis://default:{password}@{}/0", at(6379))
        }
        DatabaseKind::Other { port, .. } => match port {
            Some(port) => format!("tcp://{}", at(*port)),
            None => format!("tcp://{name}"),
        },
    }
}

/// For Postgres, the variables that its clients read ("libpq: Environment Variables"). Clients of
/// the other kinds read none; these variables hold the parts of the URL for application code.
pub fn variables(
    kind: &DatabaseKind,
    name: &DatabaseName,
    password: &SecretString,
) -> Vec<(&'static str, String)> {
    let password = || password.expose_secret().to_owned();
    let (name, user) = (|| name.to_string(), || USER.to_owned());
    match kind {
        DatabaseKind::Postgres => vec![
            ("PGHOST", name()),
            ("PGPORT", "5432".to_owned()),
            ("PGUSER", user()),
            ("PGPASSWORD", password()),
            ("PGDATABASE", user()),
            // Some clients require TLS unless configured otherwise.
            ("PGSSLMODE", "disable".to_owned()),
        ],
        DatabaseKind::Mysql | DatabaseKind::Mariadb => vec![
            ("MYSQL_HOST", name()),
            ("MYSQL_PORT", "3306".to_owned()),
            ("MYSQL_USER", user()),
            ("MYSQL_PASSWORD", password()),
            ("MYSQL_DATABASE", user()),
        ],
        DatabaseKind::Redis | DatabaseKind::Valkey => vec![
            ("REDIS_HOST", name()),
            ("REDIS_PORT", "6379".to_owned()),
            ("REDIS_PASSWORD", password()),
        ],
        DatabaseKind::Other { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_the_form_that_all_clients_take() {
        let name = DatabaseName::parse("main").unwrap();
        let password = SecretString::from("secret".to_owned());
        let of = |kind| url(&kind, &name, &password, None);
        assert_eq!(
            of(DatabaseKind::Postgres),
            "postgresql://app:secret@main:5432/app"
        );
        assert_eq!(
            of(DatabaseKind::Mariadb),
            "mysql://app:secret@main:3306/app"
        );
        assert_eq!(
            of(DatabaseKind::Redis),
            "redis://default:secret@main:6379/0"
        );
    }
}
