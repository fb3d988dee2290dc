//! What is refused, and with which words.

use super::*;

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
        "2: unknown engine \"oracle\"; supported are postgres, mysql, mariadb, redis and valkey; any \
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
        "3: `url` must be the name of a variable, such as DATABASE_URL, but is an address",
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
        "3: database d has the seed db/no.sql, but there is no such file",
    ),
    (
        "^\nseed = \"db/no\"",
        "3: database d has the seed db/no, but there is no such file",
    ),
    ("^\nseed = \"../x.sql\"", "3: `seed` must be a path inside"),
    (
        "^\nseed = 1",
        "3: `seed` must be a path, or a table such as { run = ",
    ),
    (
        "^\nseed = \"db/seed.rdb\"",
        "3: the seed db/seed.rdb of database d is not for postgres, which takes an .sql file",
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
        "3: the seed db/seed.dump of database d is not for mysql, which takes an .sql file",
    ),
    (
        "engine = \"mariadb:11\"\nseed = \"db/archive\"",
        "3: the seed db/archive of database d is not for mariadb",
    ),
    (
        "engine = \"x:1\"\ndata = \"/data\"\nseed = \"db/seed.sql\"",
        "4: an image with `data` only takes a seed command, such as { run = ",
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
        "3: `in` names no service: \"wbe\"; known are web",
    ),
    (
        "^\nseed = { run = \"x\" }\n[services.a]\n[services.b]",
        "3: `seed` needs `in`, the service whose image runs it: a, b",
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
        "3: `in` names no service: \"wbe\"; known are web",
    ),
    ("^\nmigrate = { in = \"web\" }", "3: `migrate` needs `run`"),
    ("^\nmigrate = \"x\"", "3: `migrate` must be a table such as"),
    (
        "^\non_push = \"rest\"",
        "3: `on_push` must be \"keep\", \"reset\" or \"reset-if-migrations-changed\", but is \
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
        "5: `migrations` takes globs of paths inside the repository, such as \"db/migrate/**\", but",
    ),
    ("^\nmigrations = [\"!a\"]", "3: `migrations` takes globs"),
    ("^\nmigrations = [\"/a\"]", "3: `migrations` takes globs"),
    (
        "^\nmigrations = [\n\"a\",\n\"[\"]",
        "5: `migrations`: a `[` has no `]`",
    ),
    (
        "^\n[services.d]",
        "1: d is the name of a service too, but names are shared",
    ),
    (
        "^\n[databases.d]\n^",
        "3: duplicate key `d`: a table or key can only occur once; rename or remove",
    ),
    (
        "^\n[databases.dayfly]\nengine = \"x:1\"\ndata = \"/data\"",
        "3: database dayfly needs `url`, the variable for its address: DAYFLY_URL cannot be set",
    ),
    (
        "^\nurl = \"X\"\n[databases.b]\nengine = \"redis:7\"\nurl = \"X\"",
        "6: databases d and b both set X; change `url` of one of them",
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
