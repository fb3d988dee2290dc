//! What a database is filled with.

use super::*;

#[tokio::test]
async fn each_kind_of_seed_is_told_by_its_name() {
    let sql = |paths: &[&str]| SeedSource::Sql {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        beside: Vec::new(),
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
async fn a_seed_that_is_too_much_is_told_with_its_line() {
    let limits = Limits {
        seed_bytes_max: 1 << 20,
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
            "linked/b.sql in the seed linked is a link or a submodule; replace it with the file",
        ),
    ] {
        let text = format!("[databases.d]\nengine = \"postgres:15\"\nseed = \"{seed}\"");
        let tree = bench.put("dayfly.toml", text).tree().await;
        let answer = read(&tree).await.unwrap_err().to_string();
        assert_eq!(answer, format!("dayfly.toml:3: {wanted}"));
    }
}

#[tokio::test]
async fn what_a_seed_reads_is_a_part_of_it() {
    let files = [
        (
            "db/seed.sql",
            "\\ir parts/a.sql\n\\copy t from 'rows.csv' csv\n",
        ),
        (
            "db/parts/a.sql",
            "\\ir ../b.sql\n\\ir missing.sql\n\\i /etc/passwd\n",
        ),
        ("db/b.sql", "\\ir seed.sql\n"),
        ("db/unread.sql", "select 1;\n"),
    ];
    let toml = "[databases.d]\nengine = \"postgres:15\"\nseed = \"db/seed.sql\"\n";
    let read = async |rows: &'static str| {
        let mut files = files.to_vec();
        files.extend([
            ("Dockerfile", FILES[0].1),
            ("dayfly.toml", toml),
            ("db/rows.csv", rows),
        ]);
        let (_folder, tree) = uploaded(&files).await;
        let mut blueprint = super::read(&tree).await.unwrap();
        let database = blueprint.databases.remove(0);
        (database.seed, database.seed_digest)
    };
    let (seed, digest) = read("1\n").await;
    let beside = ["db/b.sql", "db/parts/a.sql", "db/rows.csv"];
    let wanted = SeedSource::Sql {
        paths: vec!["db/seed.sql".to_owned()],
        beside: beside.map(str::to_owned).to_vec(),
    };
    assert_eq!(seed, Some(wanted));
    assert_ne!(read("2\n").await.1, digest);
}

#[tokio::test]
async fn files_of_a_folder_that_are_not_run_are_named() {
    let toml = "[databases.d]\nengine = \"postgres:15\"\nseed = \"db\"\n";
    let files = [
        ("Dockerfile", FILES[0].1),
        ("dayfly.toml", toml),
        ("db/1-tables.sql", "\\copy t from 'rows.csv' csv\n"),
        ("db/2-more.sh", "psql\n"),
        ("db/rows.csv", "1\n"),
        ("db/sub/3.sql", "select 1;\n"),
    ];
    let (_folder, tree) = uploaded(&files).await;
    let notes = super::read(&tree).await.unwrap().notes;
    let told = "database d: only .sql files of the folder db are run, but not: 2-more.sh.";
    assert!(notes.iter().any(|note| note == told), "{notes:?}");
}
