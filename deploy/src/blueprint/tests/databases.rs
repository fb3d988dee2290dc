//! Kinds of databases and what they are called.

use super::*;

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
        noted(&blueprint, "512 MiB of memory by default");
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
async fn a_known_kind_may_have_an_image_of_its_own() {
    let own = database("engine = \"postgres:16\"\nimage = \"postgis/postgis:16-3.5\"").await;
    assert_eq!(
        (own.kind, own.image.as_str()),
        (DatabaseKind::Postgres, "postgis/postgis:16-3.5")
    );
    let text = "[databases.d]\nengine = \"postgres\"\nimage = \"no reference\"";
    let refused = toml(text).await.unwrap_err().to_string();
    assert!(
        refused.contains("is not a reference of an image"),
        "{refused}"
    );
}
