//! MySQL or MariaDB.

/// The kind of server that reads the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}
