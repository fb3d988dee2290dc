//! Databases of `dayfly.toml`.

use std::collections::BTreeMap;

use super::{Blueprint, BlueprintError, Command, Database, DatabaseKind, OnPush, SeedSource, read};
use crate::{
    names::ServiceName,
    source::{
        Limits,
        testing::{Bench, uploaded},
    },
};

/// What every commit of these tests holds beside `dayfly.toml`.
const FILES: [(&str, &str); 22] = [
    ("Dockerfile", "FROM scratch\nEXPOSE 3000\n"),
    ("db/seed.sql", "select 1;"),
    ("db/SEED.SQL.GZ", "gz"),
    ("db/seed.sql.zst", "zst"),
    ("db/seed.dump", "PGDMP"),
    ("db/seed.pgdump", "PGDMP"),
    ("db/seed.custom", "PGDMP"),
    ("db/seed.rdb", "REDIS"),
    ("db/seed.txt", "?"),
    ("db/parts/02.sql", "select 2;"),
    ("db/parts/01.sql", "select 1;"),
    ("db/parts/10.sql.gz", "gz"),
    ("db/parts/README.md", "About"),
    ("db/parts/deep/00.sql", "select 0;"),
    ("db/archive/toc.dat", "PGDMP"),
    ("db/archive/1.dat.gz", "gz"),
    ("db/archive/2.dat.gz", "gz"),
    ("db/empty/.gitkeep", ""),
    ("db/folder.sql/1.sql", "select 1;"),
    ("db/migrate/001.sql", "create"),
    ("db/migrate/deep/002.sql", "alter"),
    ("db/migrate/003.rb", "alter"),
];

async fn toml(text: &str) -> Result<Blueprint, BlueprintError> {
    let mut files = FILES.to_vec();
    files.push(("dayfly.toml", text));
    let (_folder, tree) = uploaded(&files).await;
    read(&tree).await
}

/// The one database of a file of these lines.
async fn database(lines: &str) -> Database {
    let text = format!("[databases.d]\n{lines}");
    let mut blueprint = toml(&text).await.unwrap_or_else(|e| panic!("{text}\n{e}"));
    assert_eq!(blueprint.databases.len(), 1);
    blueprint.databases.remove(0)
}

fn noted(blueprint: &Blueprint, words: &str) {
    let notes = &blueprint.notes;
    assert!(
        notes.iter().any(|note| note.contains(words)),
        "{words:?} in {notes:#?}"
    );
}

fn command(words: &[&str]) -> Command {
    Command(words.iter().map(|word| (*word).to_owned()).collect())
}

#[tokio::test]
async fn each_known_engine_has_an_image_and_a_default_version() {
    use DatabaseKind::{Mariadb, Mysql, Postgres, Redis, Valkey};
    for (given, engine, image) in [
        ("postgres:15", Postgres, "postgres:15"),
        ("postgres", Postgres, "postgres:17"),
        ("mysql:8.0", Mysql, "mysql:8.0"),
        ("mysql", Mysql, "mysql:8.4"),
        ("mariadb:10.11", Mariadb, "mariadb:10.11"),
        ("mariadb", Mariadb, "mariadb:11.4"),
        ("redis:7-alpine", Redis, "redis:7-alpine"),
        ("redis", Redis, "redis:7.4"),
        ("valkey:7.2", Valkey, "valkey/valkey:7.2"),
        ("valkey", Valkey, "valkey/valkey:8.0"),
    ] {
        let blueprint = toml(&format!("[databases.d]\nengine = \"{given}\"")).await;
        let blueprint = blueprint.unwrap();
        let [database] = blueprint.databases.as_slice() else {
            panic!("{blueprint:?}")
        };
        assert_eq!((&database.kind, database.image.as_str()), (&engine, image));
        let said = blueprint
            .notes
            .iter()
            .any(|n| n.contains("names no version"));
        assert_eq!(said, !given.contains(':'), "{given}: {:?}", blueprint.notes);
        assert_eq!(database.on_push, OnPush::Keep);
        assert_eq!(database.memory_bytes, 512 << 20);
        noted(&blueprint, "512 MiB of memory, since `memory` is not given");
    }
}

#[tokio::test]
async fn any_image_is_a_database_when_it_says_where_its_data_is() {
    let lines = "engine = \"registry.example/acme/couch:3\"\ndata = \"/opt/couch-db/data_1.0\"\n\
                 port = 5984\nenv = { COUCH_USER = \"admin\" }\nmemory = \"1G\"\n\
                 seed = { run = \"./seed --all\", in = \"web\" }";
    let couch = database(&format!("{lines}\n[services.web]\n")).await;
    let env = BTreeMap::from([("COUCH_USER".to_owned(), "admin".to_owned())]);
    let data = "/opt/couch-db/data_1.0".to_owned();
    let port = Some(5984);
    assert_eq!(couch.kind, DatabaseKind::Other { data, port, env });
    assert_eq!(couch.image, "registry.example/acme/couch:3");
    assert_eq!(
        (couch.memory_bytes, couch.url_variable.as_str()),
        (1 << 30, "D_URL")
    );
    let (run, service) = (
        command(&["./seed", "--all"]),
        ServiceName::parse("web").unwrap(),
    );
    assert_eq!(couch.seed, Some(SeedSource::Run { run, service }));
    let mongo = database("engine = \"mongo:7\"\ndata = \"/data/db\"").await;
    let (data, port, env) = ("/data/db".to_owned(), None, BTreeMap::new());
    assert_eq!(mongo.kind, DatabaseKind::Other { data, port, env });
    assert_eq!(mongo.seed, None);
}

#[tokio::test]
async fn each_kind_of_seed_is_told_by_its_name() {
    let sql = |paths: &[&str]| SeedSource::Sql {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    };
    let custom = |path: &str| SeedSource::PgCustom {
        path: path.to_owned(),
    };
    let rdb = || SeedSource::Rdb {
        path: "db/seed.rdb".to_owned(),
    };
    let parts = ["db/parts/01.sql", "db/parts/02.sql", "db/parts/10.sql.gz"];
    let archive = [
        "db/archive/1.dat.gz",
        "db/archive/2.dat.gz",
        "db/archive/toc.dat",
    ];
    let directory = SeedSource::PgDirectory {
        path: "db/archive".to_owned(),
        files: archive.map(str::to_owned).to_vec(),
    };
    for (engine, seed, wanted) in [
        ("postgres", "./db/seed.sql", sql(&["db/seed.sql"])),
        ("mysql", "db/seed.sql", sql(&["db/seed.sql"])),
        ("mariadb", "db/SEED.SQL.GZ", sql(&["db/SEED.SQL.GZ"])),
        ("postgres", "db/seed.sql.zst", sql(&["db/seed.sql.zst"])),
        ("postgres", "db/seed.dump", custom("db/seed.dump")),
        ("postgres", "db/seed.pgdump", custom("db/seed.pgdump")),
        ("postgres", "db/seed.custom", custom("db/seed.custom")),
        ("postgres", "db/parts/", sql(&parts)),
        ("mysql", "db/parts", sql(&parts)),
        ("mysql", "db/folder.sql", sql(&["db/folder.sql/1.sql"])),
        ("postgres", "db/archive", directory),
        ("redis", "db/seed.rdb", rdb()),
        ("valkey", "db/seed.rdb", rdb()),
    ] {
        let lines = format!("engine = \"{engine}:1\"\nseed = \"{seed}\"");
        assert_eq!(database(&lines).await.seed, Some(wanted), "{lines}");
    }
    let text = "[databases.d]\nengine = \"mysql:8\"\nseed = \"db/parts\"";
    noted(
        &toml(text).await.unwrap(),
        "database d: its seed is 3 files in the order of their names, from db/parts/01.sql to \
         db/parts/10.sql.gz.",
    );
}

#[tokio::test]
async fn a_seed_can_be_run_or_be_a_snapshot() {
    let text = "[databases.d]\nengine = \"redis:7\"\nseed = { run = [\"./fill\", \"a b\"] }";
    let blueprint = toml(text).await.unwrap();
    let (run, service) = (
        command(&["./fill", "a b"]),
        ServiceName::parse("web").unwrap(),
    );
    let wanted = SeedSource::Run { run, service };
    assert_eq!(blueprint.databases[0].seed, Some(wanted));
    noted(
        &blueprint,
        "database d: `seed` runs in web, the only service.",
    );
    let name = "monday-2".to_owned();
    for engine in [
        "engine = \"postgres:15\"",
        "engine = \"couchdb:3\"\ndata = \"/data\"",
    ] {
        let database = database(&format!("{engine}\nsnapshot = \"monday-2\"")).await;
        let name = name.clone();
        assert_eq!(database.seed, Some(SeedSource::Snapshot { name }));
    }
}

#[tokio::test]
async fn a_push_keeps_or_resets() {
    for (lines, wanted) in [
        ("on_push = \"keep\"", OnPush::Keep),
        ("on_push = \"reset\"", OnPush::Reset),
        (
            "on_push = \"reset-if-migrations-changed\"\nmigrations = [\"db/migrate/**\"]",
            OnPush::ResetIfMigrationsChanged,
        ),
    ] {
        let database = database(&format!("engine = \"postgres:15\"\n{lines}")).await;
        assert_eq!(database.on_push, wanted, "{lines}");
        assert_eq!(
            database.migrations.is_some(),
            lines.contains("migrations =")
        );
    }
}

#[tokio::test]
async fn the_digest_of_migrations_follows_their_paths_and_contents_alone() {
    let digest = async |globs: &str, files: &[(&str, &str)]| {
        let text = format!("[databases.d]\nengine = \"postgres:15\"\nmigrations = [{globs}]\n");
        let mut all = vec![("Dockerfile", "FROM x"), ("dayfly.toml", text.as_str())];
        all.extend_from_slice(files);
        let (_folder, tree) = uploaded(&all).await;
        let blueprint = read(&tree).await.unwrap();
        let empty = blueprint
            .notes
            .iter()
            .any(|n| n.contains("matches no file"));
        (blueprint.databases[0].migrations.clone().unwrap(), empty)
    };
    let (one, two) = (("m/a/1.sql", "1"), ("m/2.sql", "2"));
    let (base, empty) = digest("\"m/**\"", &[one, two]).await;
    assert!(!empty && base.len() == 64, "{base}");
    for (globs, files) in [
        ("\"m/**\"", vec![one, two, ("other", "3")]),
        ("\"./m\"", vec![one, two]),
        (
            "\"m/?.sql\", \"m/*/*.sql\"",
            vec![two, one, ("m/README", "x")],
        ),
        ("\"**/*.sql\"", vec![one, two, ("m/README", "x")]),
    ] {
        assert_eq!(
            digest(globs, &files).await,
            (base.clone(), false),
            "{globs}"
        );
    }
    for files in [
        vec![one],
        vec![one, ("m/2.sql", "changed")],
        vec![one, ("m/3.sql", "2")],
        vec![one, two, ("m/3.sql", "")],
    ] {
        assert_ne!(digest("\"m/**\"", &files).await.0, base, "{files:?}");
    }
    let (_, empty) = digest("\"n/**\"", &[one]).await;
    assert!(empty, "that no file matches is noted");
}

#[tokio::test]
async fn only_one_database_of_a_kind_is_the_database() {
    for (databases, wanted) in [
        (&[("users", "postgres:15")][..], &["DATABASE_URL"][..]),
        (
            &[("main", "postgres:15"), ("log-book", "mysql:8")],
            &["DATABASE_URL", "LOG_BOOK_DATABASE_URL"],
        ),
        (
            &[("a", "postgres:15"), ("b", "mariadb:11")],
            &["A_DATABASE_URL", "B_DATABASE_URL"],
        ),
        (
            &[
                ("store", "postgres:15"),
                ("cache", "redis:7"),
                ("find", "search:1"),
            ],
            &["DATABASE_URL", "REDIS_URL", "FIND_URL"],
        ),
        (
            &[("main", "redis:7"), ("jobs", "valkey:8")],
            &["MAIN_REDIS_URL", "JOBS_REDIS_URL"],
        ),
    ] {
        let table = |(name, engine): &(&str, &str)| {
            let data = if engine.starts_with("search") {
                "data = \"/data\""
            } else {
                ""
            };
            format!("[databases.{name}]\nengine = \"{engine}\"\n{data}\n")
        };
        let blueprint = toml(&databases.iter().map(table).collect::<String>()).await;
        let blueprint = blueprint.unwrap();
        let urls = blueprint.databases.iter().map(|d| d.url_variable.as_str());
        assert_eq!(urls.collect::<Vec<_>>(), wanted, "{databases:?}");
    }
    let one = toml("[databases.users]\nengine = \"postgres:15\"")
        .await
        .unwrap();
    noted(
        &one,
        "database users: its URL is in DATABASE_URL, since it is the only one",
    );
}

/// Lines below `[databases.d]`, and the beginning of what is said about them; `^` stands for an
/// engine that takes SQL.
const WRONG: &[(&str, &str)] = &[
    (
        "",
        "1: database d needs an engine, such as `engine = \"postgres:17\"`",
    ),
    (
        "engine = \"mongo:7\"",
        "2: the engine mongo is not supported yet; postgres, mysql, mariadb, redis and valkey are, \
         and any image with `data = \"/path\"`",
    ),
    (
        "engine = \"mongodb\"",
        "2: the engine mongodb is not supported yet; postgres, mysql",
    ),
    (
        "engine = \"oracle\"",
        "2: unknown engine \"oracle\"; known are postgres, mysql, mariadb, redis and valkey; any \
         other image needs `data = \"/path\"`, the folder in which it keeps its data",
    ),
    (
        "engine = \"postgresql:15\"",
        "2: unknown engine \"postgresql:15\"; did you mean \"postgres\"? Any other image needs `data",
    ),
    (
        "engine = \"valkey/valkey:8\"",
        "2: unknown engine \"valkey/valkey:8\"; did you mean \"valkey\"?",
    ),
    (
        "engine = \"postgres:\"",
        "2: \"\" is not a version of postgres, such as \"postgres:17\"",
    ),
    (
        "engine = \"redis:-1\"",
        "2: \"-1\" is not a version of redis, such as \"redis:7.4\"",
    ),
    ("engine = 1", "2: `engine` must be a string"),
    (
        "engine = \"postgres://ada:word@db.example/shop\"",
        "2: `engine` is an address, and a blueprint cannot name an external database: each",
    ),
    (
        "^\nhost = \"db.example\"",
        "3: `host` cannot be set: a blueprint cannot name an external database",
    ),
    (
        "external = true",
        "2: `external` cannot be set: a blueprint cannot name an external",
    ),
    (
        "^\nurl = \"mysql://ada:word@db.example/shop\"",
        "3: `url` names a variable, such as DATABASE_URL, and this is an address",
    ),
    ("^\nurl = \"PORT\"", "3: `url`: PORT is set"),
    (
        "^\nsede = \"x\"",
        "3: unknown key \"sede\" in [databases.d]; did you mean \"seed\"?",
    ),
    (
        "^\ndata = \"/data\"",
        "3: `data` is for other images, and postgres needs none; remove it",
    ),
    (
        "^\nport = 1",
        "3: `port` is for other images, and postgres needs none; remove it",
    ),
    (
        "^\nenv = {}",
        "3: `env` is for other images, and postgres needs none; remove it",
    ),
    (
        "engine = \"--privileged\"\ndata = \"/data\"",
        "2: \"--privileged\" is not a reference of an image, such as couchdb:3",
    ),
    (
        "engine = \"x:1\"\ndata = \"/data\"\nport = 0",
        "4: `port` must be from 1 to 65535",
    ),
    (
        "engine = \"x:1\"\ndata = \"/data\"\nenv = { A = 1 }",
        "4: `env.A` must be a string",
    ),
    (
        "^\nmemory = \"1M\"",
        "3: `memory` must be from 16M to 1024G",
    ),
    (
        "^\nseed = \"db/no.sql\"",
        "3: the seed db/no.sql of database d is not in the commit",
    ),
    (
        "^\nseed = \"db/no\"",
        "3: the seed db/no of database d is not in the commit",
    ),
    ("^\nseed = \"../x.sql\"", "3: `seed` must be a path inside"),
    (
        "^\nseed = 1",
        "3: `seed` must be a path, or a table such as { run = ",
    ),
    (
        "^\nseed = \"db/seed.rdb\"",
        "3: the seed db/seed.rdb of database d is not for postgres, which takes an .sql, .sql.gz",
    ),
    (
        "^\nseed = \"db/no.rdb\"",
        "3: the seed db/no.rdb of database d is not for postgres, which takes",
    ),
    (
        "^\nseed = \"db/seed.txt\"",
        "3: the seed db/seed.txt of database d is not for postgres",
    ),
    (
        "^\nseed = \"db/empty\"",
        "3: the seed db/empty of database d is a folder without .sql files; postgres takes",
    ),
    (
        "engine = \"redis:7\"\nseed = \"db/seed.sql\"",
        "3: the seed db/seed.sql of database d is not for redis, which takes an .rdb file, or {",
    ),
    (
        "engine = \"valkey:8\"\nseed = \"db/parts\"",
        "3: the seed db/parts of database d is not for valkey",
    ),
    (
        "engine = \"mysql:8\"\nseed = \"db/seed.dump\"",
        "3: the seed db/seed.dump of database d is not for mysql, which takes an .sql, .sql.gz",
    ),
    (
        "engine = \"mariadb:11\"\nseed = \"db/archive\"",
        "3: the seed db/archive of database d is not for mariadb",
    ),
    (
        "engine = \"x:1\"\ndata = \"/data\"\nseed = \"db/seed.sql\"",
        "4: an image with `data` takes only a seed that is run, such as { run = ",
    ),
    (
        "^\nseed = { in = \"web\" }",
        "3: `seed` needs `run`, the command",
    ),
    (
        "^\nseed = { rnu = \"x\" }",
        "3: unknown key \"rnu\" in [databases.d.seed]; did you mean \"run\"?",
    ),
    (
        "^\nseed = { run = \"x\", in = \"wbe\" }\n[services.web]",
        "3: `in` names no service: \"wbe\"; there is web",
    ),
    (
        "^\nseed = { run = \"x\" }\n[services.a]\n[services.b]",
        "3: `seed` needs `in`, the service in whose image it runs: a, b",
    ),
    (
        "^\nseed = \"db/seed.sql\"\nsnapshot = \"a\"",
        "4: `seed` and `snapshot` exclude each other; keep one",
    ),
    (
        "^\nsnapshot = \"A b\"",
        "3: \"A b\" is not the name of a snapshot: at most 40 of a-z",
    ),
    (
        "^\nmigrate = { run = \"x\", in = \"wbe\" }\n[services.web]",
        "3: `in` names no service: \"wbe\"; there is web",
    ),
    ("^\nmigrate = { in = \"web\" }", "3: `migrate` needs `run`"),
    ("^\nmigrate = \"x\"", "3: `migrate` must be a table such as"),
    (
        "^\non_push = \"rest\"",
        "3: `on_push` must be \"keep\", \"reset\" or \"reset-if-migrations-changed\", and is \
         \"rest\"; did you mean \"reset\"?",
    ),
    (
        "^\non_push = \"reset-if-migrations-changed\"",
        "3: `on_push = \"reset-if-migrations-changed\"` needs `migrations`, such as",
    ),
    (
        "^\nmigrations = []",
        "3: `migrations` names no files; write globs",
    ),
    (
        "^\nmigrations = \"db/**\"",
        "3: `migrations` must be an array of strings",
    ),
    (
        "^\nmigrations = [\n\"a\",\n\"../b\"]",
        "5: `migrations` takes globs of paths inside the repository, such as \"db/migrate/**\", and",
    ),
    ("^\nmigrations = [\"!a\"]", "3: `migrations` takes globs"),
    ("^\nmigrations = [\"/a\"]", "3: `migrations` takes globs"),
    (
        "^\nmigrations = [\n\"a\",\n\"[\"]",
        "5: `migrations`: a `[` has no `]`",
    ),
    (
        "^\n[services.d]",
        "1: d is the name of a service too, and both answer to their name",
    ),
    (
        "^\n[databases.d]\n^",
        "3: duplicate key `d`: a table or key can be given once under one name; rename or remove",
    ),
    (
        "^\n[databases.dayfly]\nengine = \"x:1\"\ndata = \"/data\"",
        "3: database dayfly needs `url`, the variable for its address: DAYFLY_URL cannot be set",
    ),
    (
        "^\nurl = \"X\"\n[databases.b]\nengine = \"redis:7\"\nurl = \"X\"",
        "6: databases d and b both set X; give one another `url`",
    ),
];

#[tokio::test]
async fn what_a_database_cannot_be_is_told_with_its_line() {
    for (lines, wanted) in WRONG {
        let lines = lines.replace('^', "engine = \"postgres:15\"");
        let text = format!("[databases.d]\n{lines}");
        let answer = toml(&text).await.expect_err(&text).to_string();
        assert!(
            answer.starts_with(&format!("dayfly.toml:{wanted}")),
            "{text}\n  said   {answer}\n  wanted {wanted}"
        );
        assert!(
            !answer.contains("ada:word"),
            "a password is repeated: {answer}"
        );
    }
}

#[tokio::test]
async fn a_data_folder_is_one_that_the_image_may_have() {
    for evil in [
        "data",
        "./data",
        "/",
        "//",
        "/data/",
        "/data//x",
        "/data/../etc",
        "/data/.",
        "/a:b",
        "/a,b",
        "/a b",
        "/é",
        "/proc",
        "/sys/x",
        "/dev",
        "/etc/x",
    ] {
        let text = format!("[databases.d]\nengine = \"x:1\"\n\ndata = \"{evil}\"");
        let answer = toml(&text).await.expect_err(evil).to_string();
        assert!(
            answer.starts_with("dayfly.toml:4: `data` "),
            "{evil}: {answer}"
        );
    }
    for fine in [
        "/data",
        "/var/lib/x.y_z-1",
        "/etcetera",
        "/.data",
        "/opt/etc",
    ] {
        let lines = format!("engine = \"x:1\"\ndata = \"{fine}\"");
        let database = database(&lines).await;
        assert!(matches!(database.kind, DatabaseKind::Other { data, .. } if data == fine));
    }
}

#[tokio::test]
async fn a_seed_that_is_too_much_is_told_with_its_line() {
    let limits = Limits {
        file_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let bench = Bench::with_limits(limits);
    bench
        .put("Dockerfile", "FROM x")
        .put("large.sql", "x".repeat((1 << 20) + 1));
    for half in ["a", "b"] {
        bench.put(&format!("halves/{half}.sql"), "x".repeat((1 << 19) + 1));
    }
    for file in 0..=1000 {
        bench.put(&format!("many/{file:04}.sql"), "");
    }
    bench.put("linked/a.sql", "").link("linked/b.sql", "a.sql");
    for (seed, wanted) in [
        (
            "large.sql",
            "the seed large.sql has 2 MiB; at most 1 MiB are supported",
        ),
        (
            "halves",
            "the seed halves has 2 MiB; at most 1 MiB are supported",
        ),
        ("many", "the seed many has more than 1000 files; merge some"),
        (
            "linked",
            "linked/b.sql in the seed linked is a link or a submodule; put the file there",
        ),
    ] {
        let text = format!("[databases.d]\nengine = \"postgres:15\"\nseed = \"{seed}\"");
        let tree = bench.put("dayfly.toml", text).tree().await;
        let answer = read(&tree).await.unwrap_err().to_string();
        assert_eq!(answer, format!("dayfly.toml:3: {wanted}"));
    }
}
