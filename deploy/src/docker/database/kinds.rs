//! The list of all kinds of servers.

use super::{kind::Kind, mysql::Mysql, other::Other, postgres::Postgres, redis::Redis};
use crate::{blueprint::DatabaseKind, dump::Server};

/// The implementation of a kind.
pub(super) fn kind(kind: &DatabaseKind) -> Box<dyn Kind> {
    match kind {
        DatabaseKind::Postgres => Box::new(Postgres),
        DatabaseKind::Mysql => Box::new(Mysql(Server::Mysql)),
        DatabaseKind::Mariadb => Box::new(Mysql(Server::Mariadb)),
        DatabaseKind::Redis => Box::new(Redis { program: "redis" }),
        DatabaseKind::Valkey => Box::new(Redis { program: "valkey" }),
        DatabaseKind::Other { data, port, env } => Box::new(Other {
            data: data.clone(),
            port: *port,
            env: env.clone(),
        }),
    }
}
