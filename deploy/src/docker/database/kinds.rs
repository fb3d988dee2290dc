//! Which kinds of servers there are.

use super::{
    kind::Kind,
    mysql::{Flavour, Mysql},
    other::Other,
    postgres::Postgres,
    redis::Redis,
};
use crate::blueprint::DatabaseKind;

/// What is known of a kind.
pub(super) fn kind(kind: &DatabaseKind) -> Box<dyn Kind> {
    match kind {
        DatabaseKind::Postgres => Box::new(Postgres),
        DatabaseKind::Mysql => Box::new(Mysql(Flavour::Mysql)),
        DatabaseKind::Mariadb => Box::new(Mysql(Flavour::Mariadb)),
        DatabaseKind::Redis => Box::new(Redis { program: "redis" }),
        DatabaseKind::Valkey => Box::new(Redis { program: "valkey" }),
        DatabaseKind::Other { data, port, env } => Box::new(Other {
            data: data.clone(),
            port: *port,
            env: env.clone(),
        }),
    }
}
