//! MySQL or MariaDB.

/// Which of the two reads the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}
