//! PostgreSQL.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::{
    client::{psql, psql_in},
    complaint::complaint,
    hints,
    survey::PostgresSurvey,
    wire,
};
use crate::{
    databases::{DatabaseError, Seed, USER},
    docker::{
        database::{
            kind::{
                Handshake, Kind, OnlineBackup, Passwords, PortState, Seeding, SqlSession, Watching,
                unfit,
            },
            masking::Survey,
            run::{Answer, Run},
            script::{Dialect, Script},
            script_pipe::SCRIPT,
        },
        image_facts::{ImageFacts, variable},
    },
};

/// The default data directory of the image; its environment can override it.
const DATA_DIRECTORY: &str = "/var/lib/postgresql/data";

/// The path of a directory archive in the container.
const ARCHIVE: &str = "/tmp/dayfly-seed";

const PORT: u16 = 5432;

/// Divisor for the server's own cache as a part of its memory, between these limits.
const CACHE_PART: u64 = 4;
const CACHE_BYTES_MIN: u64 = 16 << 20;
const CACHE_BYTES_MAX: u64 = 2 << 30;

/// Divisor for the cache and for index sorting during a seed run, each as a part of the memory. The
/// rest is for the kernel's cache, because each index build reads its table again.
const FILLING_PART: u64 = 8;
const SORTING_BYTES_MIN: u64 = 64 << 20;
const SORTING_BYTES_MAX: u64 = 1 << 30;

/// Divisor for the memory that parallel queries may share.
const SHARED_PART: u64 = 4;
const SHARED_BYTES_MIN: u64 = 64 << 20;

/// Overrides a default of the application that would block setting its password.
const PLAIN: &str = "set default_transaction_read_only = off";

/// Removes login, password and admin rights from all roles except the application's and the
/// server's own, and prints the roles that had a password.
const LOCK_USERS: &str = "select rolname from pg_catalog.pg_authid where rolpassword is not null\n\
    and rolname <> current_user and rolname not like 'pg\\_%';\n\\o /dev/null\n\
    select format('alter role %I nologin nosuperuser noreplication password null',\n\
    rolname) from pg_catalog.pg_roles where rolname <> current_user and rolname not like 'pg\\_%'\n\
    \\gexec\n";

/// Counts the rows of the first 200 tables by name; partitions count with their parent.
const ROWS: &str = "set statement_timeout = '20s';\n\
    select format('select count(*) || ''|'' || %L from %I.%I',\n\
    case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname,\n\
    n.nspname, c.relname) from pg_catalog.pg_class c\n\
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace\n\
    where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'\n\
    and n.nspname not in ('pg_catalog', 'information_schema')\n\
    and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')\n\
    order by n.nspname, c.relname limit 200 \\gexec\n";

/// The version that renamed the backup functions.
const RENAMED_BACKUP: u32 = 150_000;

pub(crate) struct Postgres;

/// Settings as arguments of the server's command.
fn words(settings: impl IntoIterator<Item = String>) -> impl Iterator<Item = String> {
    let each = settings.into_iter();
    each.flat_map(|setting| ["-c".to_owned(), setting])
}

impl Kind for Postgres {
    fn port(&self) -> Option<u16> {
        Some(PORT)
    }

    /// The first message of a client. A server that is still recovering answers with a specific
    /// error; the following query handles all other errors.
    fn handshake(&self, _passwords: &Passwords<'_>) -> Option<Handshake> {
        Some(Handshake {
            say: wire::hello(USER, USER),
            hear: |answer| match wire::is_starting(answer) {
                true => PortState::NotYet,
                false => PortState::Open,
            },
        })
    }

    fn data_path(&self, facts: &ImageFacts) -> String {
        facts
            .variable("PGDATA")
            .unwrap_or(DATA_DIRECTORY)
            .to_owned()
    }

    fn env(&self, passwords: &Passwords<'_>, _fresh: bool) -> BTreeMap<String, String> {
        let password = passwords.user.expose_secret().to_owned();
        BTreeMap::from([
            ("POSTGRES_USER".to_owned(), USER.to_owned()),
            ("POSTGRES_DB".to_owned(), USER.to_owned()),
            ("POSTGRES_PASSWORD".to_owned(), password),
            ("POSTGRES_INITDB_ARGS".to_owned(), "--no-sync".to_owned()),
        ])
    }

    /// Without `fsync`, commits only reach the kernel. The log keeps full pages, since a killed
    /// server may leave a half-written page. Log files are neither zeroed nor recycled: each would
    /// cost its full size in a copy.
    fn command(&self, memory_bytes: u64, _passwords: &Passwords<'_>) -> Option<Vec<String>> {
        let cache = (memory_bytes / CACHE_PART).clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX) >> 20;
        let settings = [
            "fsync=off".to_owned(),
            "synchronous_commit=on".to_owned(),
            "wal_init_zero=off".to_owned(),
            "wal_recycle=off".to_owned(),
            format!("shared_buffers={cache}MB"),
        ];
        let command = std::iter::once("postgres".to_owned()).chain(words(settings));
        Some(command.collect())
    }

    /// Dayfly never copies this server while it runs, and discards its data if it is killed. It has
    /// one processor, so parallel workers would only wait for each other.
    fn seed_run_command(
        &self,
        _seed: &Seed,
        memory_bytes: u64,
        command: Vec<String>,
    ) -> Vec<String> {
        let part = memory_bytes / FILLING_PART;
        let cache = part.clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX) >> 20;
        let sorting = part.clamp(SORTING_BYTES_MIN, SORTING_BYTES_MAX) >> 20;
        let settings = [
            format!("shared_buffers={cache}MB"),
            "wal_level=minimal".to_owned(),
            "max_wal_senders=0".to_owned(),
            "full_page_writes=off".to_owned(),
            format!("maintenance_work_mem={sorting}MB"),
            "max_parallel_maintenance_workers=0".to_owned(),
            "max_parallel_workers_per_gather=0".to_owned(),
        ];
        command.into_iter().chain(words(settings)).collect()
    }

    fn shm_bytes(&self, memory_bytes: u64) -> Option<u64> {
        Some((memory_bytes / SHARED_PART).max(SHARED_BYTES_MIN))
    }

    fn user(&self) -> Option<&'static str> {
        Some("postgres")
    }

    /// In Debian's packages, and so in the official image, a Perl wrapper that searches for
    /// clusters comes first on the path.
    fn programs(&self, env: &[String]) -> Option<String> {
        let major = variable(env, "PG_MAJOR")?;
        let is_number = major.parse::<u16>().is_ok();
        is_number.then(|| format!("/usr/lib/postgresql/{major}/bin"))
    }

    fn sql_session(&self) -> Option<SqlSession> {
        Some(session_in(USER))
    }

    fn ready_statements(&self, passwords: &Passwords<'_>) -> Vec<String> {
        let password = passwords.user.expose_secret();
        vec![
            PLAIN.to_owned(),
            set_password(password),
            "select 1".to_owned(),
        ]
    }

    /// One program does both: it sets the password over the socket, which exists only in this
    /// container, and then uses it over TCP. The temporary server of an image's entrypoint has no
    /// TCP, so it is not mistaken for the real server.
    fn ready(&self, passwords: &Passwords<'_>) -> Vec<Run> {
        let password = passwords.user.expose_secret();
        let set = set_password(password);
        let script = format!(
            "{PLAIN};\n{set};\n\
             \\connect \"host=127.0.0.1 user={USER} dbname={USER} password={password} \
             connect_timeout=5\"\nselect 1;\n"
        );
        vec![psql(&["--quiet", "--output=/dev/null", "--file=-"]).reading(script)]
    }

    fn pipes_scripts(&self) -> bool {
        true
    }

    fn seed(&self, seed: &Seed, _passwords: &Passwords<'_>) -> Result<Vec<Seeding>, DatabaseError> {
        let script = format!("--file={SCRIPT}");
        let run = psql(&["--quiet", "--output=/dev/null", &script]);
        // A script without an encoding counts as UTF-8.
        let run = run.with("PGCLIENTENCODING", "UTF8");
        let restore = |more: &[&str]| {
            let words = ["pg_restore", "--no-subscriptions", "--file=-"];
            let words: Vec<&str> = words.into_iter().chain(more.iter().copied()).collect();
            Run::new(&words)
        };
        Ok(match seed {
            Seed::Sql(seed) => {
                let scripts = Script::each(seed, Dialect::Postgres).into_iter();
                scripts
                    .map(|script| Seeding::Script {
                        script,
                        run: run.clone(),
                    })
                    .collect()
            }
            Seed::PgCustom(file) => vec![Seeding::Archive {
                path: file.path.clone(),
                files: Vec::new(),
                archive: restore(&["--format=custom"]).reading_file(file.content.clone()),
                run,
            }],
            Seed::PgDirectory(path, files) => {
                let name = |file: &crate::databases::SeedFile| {
                    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
                    (format!("{ARCHIVE}/{name}"), file.content.clone())
                };
                vec![Seeding::Archive {
                    path: path.clone(),
                    files: files.iter().map(name).collect(),
                    archive: restore(&["--format=directory", "--", ARCHIVE]),
                    run,
                }]
            }
            Seed::Empty | Seed::Run { .. } | Seed::Snapshot(_) => Vec::new(),
            Seed::Rdb(_) => {
                return Err(unfit(
                    seed,
                    "it is a dump of Redis; postgres accepts .sql, .sql.gz, .sql.zst and \
                     archives of pg_dump",
                ));
            }
        })
    }

    fn lock_users(&self) -> Option<Run> {
        let run = psql(&["--quiet", "--tuples-only", "--no-align", "--file=-"]);
        Some(run.reading(LOCK_USERS))
    }

    fn complaint(&self, answer: &Answer) -> (Option<u32>, String) {
        complaint(answer)
    }

    fn version(&self) -> Option<Run> {
        Some(psql_in(USER, "show server_version"))
    }

    fn newer(&self, dumped: &str, server: &str) -> Option<String> {
        hints::newer(dumped, server)
    }

    /// Works like its own base backups: a copy of the changing files, in any order, and the log
    /// since the start of the backup. The label names that start. A server replays the log from
    /// there to its end, which is the time of the pause. A temporary replication slot keeps the log
    /// until then, which a backup alone does not. Created after the checkpoint, it keeps nothing
    /// older.
    fn online_backup(&self) -> Option<OnlineBackup> {
        Some(OnlineBackup {
            version: "show server_version_num",
            begin: |version| {
                let backup = match version < RENAMED_BACKUP {
                    true => "select from pg_start_backup('dayfly', true, false)",
                    false => "select from pg_backup_start('dayfly', true)",
                };
                vec![
                    "select set_config(name, '0', false) from pg_settings where name in\n\
                     ('idle_session_timeout', 'statement_timeout')",
                    backup,
                    "select from pg_create_physical_replication_slot('dayfly', true, true)",
                ]
            },
            end: |version| match version < RENAMED_BACKUP {
                true => "select labelfile from pg_stop_backup(false, false)",
                false => "select labelfile from pg_backup_stop(false)",
            },
            log: "pg_wal",
            label: "backup_label",
            first: |label| {
                let (_, rest) = label.split_once("(file ")?;
                let (segment, _) = rest.split_once(')')?;
                Some(format!("pg_wal/{segment}"))
            },
        })
    }

    /// Runs as the server's administrator, with queries that wait for no lock. A session in the
    /// tables' database would block dropping, renaming or copying that database.
    fn watching(&self) -> Option<Watching> {
        Some(Watching {
            from: session_in("postgres"),
            tables: "select pg_backend_pid(), (select oid from pg_catalog.pg_database\n\
                     where datname = current_database()), null, null union all\n\
                     (select c.oid, c.relfilenode, pg_table_size(c.oid), c.oid::regclass::text\n\
                     from pg_catalog.pg_class c\n\
                     join pg_catalog.pg_namespace n on n.oid = c.relnamespace\n\
                     where c.relkind in ('r', 'm') and c.relpersistence <> 't'\n\
                     and n.nspname not in ('pg_catalog', 'information_schema')\n\
                     order by c.oid limit 5000)",
            locks: "select l.database, l.relation, l.mode from pg_catalog.pg_locks l\n\
                    where l.granted and l.relation >= 16384 and l.pid <> pg_backend_pid()\n\
                    and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',\n\
                    'AccessExclusiveLock') limit 1000",
            sessions: "select pid from pg_catalog.pg_stat_activity where datname is not null limit 1000",
        })
    }

    fn survey(&self, _passwords: &Passwords<'_>) -> Option<Box<dyn Survey>> {
        Some(Box::new(PostgresSurvey))
    }

    fn rows(&self, _passwords: &Passwords<'_>) -> Option<Run> {
        let run = psql(&["--quiet", "--tuples-only", "--no-align", "--file=-"]);
        Some(run.reading(ROWS))
    }

    fn misfit<'a>(&self, output: &'a [String]) -> Option<&'a str> {
        let line = output
            .iter()
            .find(|line| line.contains("incompatible with server"))?;
        let details = output.iter().find(|line| line.contains("DETAIL:"));
        Some(details.unwrap_or(line))
    }

    fn client(&self, _passwords: &Passwords<'_>) -> Option<Run> {
        Some(Run::new(&["psql", "--username", USER, "--dbname", USER]))
    }
}

/// Sessions in one of its databases.
fn session_in(database: &'static str) -> SqlSession {
    SqlSession {
        port: PORT,
        database,
        client: psql_in(database, ""),
        mark: "\\echo dayfly-told",
        told: "dayfly-told",
    }
}

fn set_password(password: &str) -> String {
    format!("alter role {USER} password '{password}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_still_reads_its_log_lets_nobody_in() {
        let password = secrecy::SecretString::from("x".to_owned());
        let passwords = Passwords {
            user: &password,
            admin: &password,
        };
        let hear = Postgres.handshake(&passwords).unwrap().hear;
        let starting: &[u8] =
            b"E\0\0\0hSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0";
        assert_eq!(hear(starting), PortState::NotYet);
        let asks_for_a_password: &[u8] = b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0";
        assert_eq!(hear(asks_for_a_password), PortState::Open);
        let full: &[u8] = b"E\0\0\0_SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0";
        assert_eq!(hear(full), PortState::Open);
    }

    #[test]
    fn the_servers_cache_follows_its_memory() {
        let password = secrecy::SecretString::from("x".to_owned());
        let passwords = Passwords {
            user: &password,
            admin: &password,
        };
        let cache = |bytes| {
            let command = Postgres.command(bytes, &passwords).unwrap();
            command.last().unwrap().clone()
        };
        assert_eq!(cache(512 << 20), "shared_buffers=128MB");
        assert_eq!(cache(0), "shared_buffers=16MB");
        assert_eq!(cache(u64::MAX), "shared_buffers=2048MB");
    }
}
