//! MySQL and MariaDB.

mod survey;
mod versions;

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use self::survey::MysqlSurvey;
use super::{
    kind::{Kind, Passwords, Seeding, unfit},
    masking::Survey,
    run::{Answer, Run},
    script::{Dialect, Script},
};
use crate::{
    databases::{DatabaseError, Seed, USER},
    docker::image_facts::ImageFacts,
    dump::Server,
};

/// The data directory of both.
const DATA_DIRECTORY: &str = "/var/lib/mysql";

/// Divisor for the server's cache as a part of its memory, between these limits.
const CACHE_PART: u64 = 4;
const CACHE_BYTES_MIN: u64 = 16 << 20;
const CACHE_BYTES_MAX: u64 = 2 << 30;

/// Prints `count|table` for every table of the application's database.
const ROWS: &str = "set session group_concat_max_len = 4294967295;
select coalesce(group_concat(concat('select concat(count(*), ''|'', ', quote(table_name), ') from `',
replace(table_name, '`', '``'), '`') order by table_name separator ' union all '), 'do 0')
into @counting from information_schema.tables where table_schema = database()
and table_type in ('BASE TABLE', 'SYSTEM VERSIONED');
prepare counting from @counting;
execute counting;
";

pub(super) struct Mysql(pub(super) Server);

impl Mysql {
    /// The client's name; newer images of MariaDB only have `mariadb`.
    fn program(&self) -> &'static str {
        match self.0 {
            Server::Mysql => "mysql",
            Server::Mariadb => "mariadb",
        }
    }

    /// Runs a script over the socket, as the administrator.
    fn as_admin(&self, passwords: &Passwords<'_>, script: String) -> Run {
        Run::new(&[self.program(), "--no-defaults", "--user=root", "--batch"])
            .with("MYSQL_PWD", passwords.admin.expose_secret())
            .reading(script)
    }

    fn as_user(&self, passwords: &Passwords<'_>, more: &[&str]) -> Run {
        let user = format!("--user={USER}");
        let words = [
            self.program(),
            "--no-defaults",
            "--protocol=tcp",
            "--host=127.0.0.1",
            "--connect-timeout=5",
            "--default-character-set=utf8mb4",
            &user,
        ];
        let words: Vec<&str> = words.into_iter().chain(more.iter().copied()).collect();
        Run::new(&words).with("MYSQL_PWD", passwords.user.expose_secret())
    }
}

impl Kind for Mysql {
    fn port(&self) -> Option<u16> {
        Some(3306)
    }

    fn data_path(&self, _facts: &ImageFacts) -> String {
        DATA_DIRECTORY.to_owned()
    }

    /// Only a fresh directory gets the administrator's password, once.
    fn env(&self, passwords: &Passwords<'_>, fresh: bool) -> BTreeMap<String, String> {
        if !fresh {
            return BTreeMap::new();
        }
        let prefix = match self.0 {
            Server::Mysql => "MYSQL",
            Server::Mariadb => "MARIADB",
        };
        let variables = [
            ("ROOT_PASSWORD", passwords.admin.expose_secret()),
            ("ROOT_HOST", "localhost"),
            ("DATABASE", USER),
            ("USER", USER),
            ("PASSWORD", passwords.user.expose_secret()),
        ];
        variables
            .into_iter()
            .map(|(key, value)| (format!("{prefix}_{key}"), value.to_owned()))
            .collect()
    }

    /// The server writes its log to the kernel at each commit, and never flushes it.
    fn command(&self, memory_bytes: u64, _passwords: &Passwords<'_>) -> Option<Vec<String>> {
        let cache = (memory_bytes / CACHE_PART).clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX) >> 20;
        let mut command = vec![
            "--innodb-flush-log-at-trx-commit=2".to_owned(),
            "--sync-binlog=0".to_owned(),
            format!("--innodb-buffer-pool-size={cache}M"),
        ];
        // MariaDB disables both by default.
        if self.0 == Server::Mysql {
            command.push("--skip-log-bin".to_owned());
            command.push("--performance-schema=OFF".to_owned());
        }
        Some(command)
    }

    fn user(&self) -> Option<&'static str> {
        Some("mysql")
    }

    fn ready(&self, passwords: &Passwords<'_>) -> Vec<Run> {
        let password = passwords.user.expose_secret();
        let script = format!("alter user '{USER}'@'%' identified by '{password}';\n");
        let database = format!("--database={USER}");
        vec![
            self.as_admin(passwords, script),
            self.as_user(passwords, &[&database, "--execute=select 1"]),
        ]
    }

    fn seed(&self, seed: &Seed, passwords: &Passwords<'_>) -> Result<Vec<Seeding>, DatabaseError> {
        let database = format!("--database={USER}");
        match seed {
            Seed::Sql(seed) => {
                let scripts = Script::each(seed, Dialect::Mysql(self.0)).into_iter();
                let seeding = |script| Seeding::Script {
                    script,
                    run: self.as_user(passwords, &[&database, "--batch", "--comments"]),
                };
                Ok(scripts.map(seeding).collect())
            }
            Seed::Empty | Seed::Run { .. } | Seed::Snapshot(_) => Ok(Vec::new()),
            Seed::PgCustom(_) | Seed::PgDirectory(..) | Seed::Rdb(_) => Err(unfit(
                seed,
                "mysql and mariadb take .sql, .sql.gz and .sql.zst",
            )),
        }
    }

    fn complaint(&self, answer: &Answer) -> (Option<u32>, String) {
        let errors = answer.errors.lines().find_map(error_line);
        errors.unwrap_or_else(|| (None, answer.last_error()))
    }

    fn survey(&self, passwords: &Passwords<'_>) -> Option<Box<dyn Survey>> {
        let database = format!("--database={USER}");
        Some(Box::new(MysqlSurvey {
            server: self.0,
            client: self.as_user(passwords, &[&database, "--skip-column-names", "--batch"]),
        }))
    }

    fn table_count(&self, passwords: &Passwords<'_>) -> Option<Run> {
        let query =
            "select count(*) from information_schema.tables where table_schema = database()";
        let database = format!("--database={USER}");
        let execute = format!("--execute={query}");
        Some(self.as_user(
            passwords,
            &[&database, "--skip-column-names", "--batch", &execute],
        ))
    }

    fn version(&self) -> Option<Run> {
        Some(Run::new(&[self.program(), "--version"]))
    }

    fn newer(&self, dumped: &str, client: &str) -> Option<String> {
        versions::hint(dumped, client)
    }

    fn rows(&self, passwords: &Passwords<'_>) -> Option<Run> {
        let database = format!("--database={USER}");
        let run = self.as_user(passwords, &[&database, "--skip-column-names", "--batch"]);
        Some(run.reading(ROWS))
    }

    fn misfit<'a>(&self, output: &'a [String]) -> Option<&'a str> {
        let words = [
            "Cannot upgrade",
            "Invalid MySQL server",
            "server downgrade",
            "Unsupported redo log format",
            "was created with",
        ];
        let line = |line: &&String| words.iter().any(|word| line.contains(word));
        output.iter().find(line).map(String::as_str)
    }

    fn client(&self, passwords: &Passwords<'_>) -> Option<Run> {
        let database = format!("--database={USER}");
        Some(self.as_user(passwords, &[&database]))
    }
}

/// The line and the message of `ERROR 1064 (42000) at line 3: You have an error`.
fn error_line(line: &str) -> Option<(Option<u32>, String)> {
    let rest = line.trim().strip_prefix("ERROR ")?;
    let (place, sentence) = rest.split_once(": ")?;
    let at = place.split_once(" at line ").map(|(_, at)| at);
    Some((at.and_then(|at| at.parse().ok()), sentence.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_statement_is_told_with_its_line() {
        let said = "ERROR 1064 (42000) at line 3: You have an error near 'x'\n";
        let answer = Answer {
            exit_code: 1,
            errors: said.to_owned(),
            ..Answer::default()
        };
        let (line, message) = Mysql(Server::Mariadb).complaint(&answer);
        assert_eq!(
            (line, message.as_str()),
            (Some(3), "You have an error near 'x'")
        );
        assert_eq!(
            error_line("ERROR 1045 (28000): Access denied"),
            Some((None, "Access denied".to_owned()))
        );
    }
}
