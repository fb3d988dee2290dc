//! Names of types and fields may change in the code; the words that were written down may not.

use std::collections::{BTreeMap, HashMap};

use deploy::{
    blueprint::Blueprint,
    builder::Fingerprint,
    labels::{KEYS, Kind, Mark},
    names::{ImageId, ServiceName},
};
use orchestrator::{
    actions::Code,
    api,
    backup::{End, Manifest},
    lifecycle::{Attempt, DataSource, Ending, Hold, Outcome, Parent, Reset, Rollback, Wanted},
};
use proxy::table::RouteTable;
use serde::{Serialize, de::DeserializeOwned};

/// Reads a value as it was written, and writes it in the same words again.
#[track_caller]
fn stays<T: Serialize + DeserializeOwned>(text: &str) {
    let value: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(serde_json::to_string(&value).expect("a value"), text);
}

fn commit(digit: char) -> String {
    digit.to_string().repeat(40)
}

#[test]
fn what_is_wanted_of_a_preview_is_read_in_the_words_it_was_written_in() {
    let (a, b) = (commit('a'), commit('b'));
    stays::<Wanted>(r#""Unread""#);
    stays::<Wanted>(&format!(
        r#"{{"Serve":{{"commit":"{a}","branch":"topic","base":"main","author":"ada","title":"A title"}}}}"#
    ));
    for ending in ["merged", "closed", "removed", "expired", "fork", "missing"] {
        stays::<Wanted>(&format!(r#"{{"Nothing":"{ending}"}}"#));
        stays::<Ending>(&format!(r#""{ending}""#));
    }
    stays::<Hold>(r#"{"ending":"removed","commit":null}"#);
    stays::<Hold>(&format!(r#"{{"ending":"expired","commit":"{a}"}}"#));
    stays::<Reset>(r#"{"request":3,"only":null}"#);
    stays::<Reset>(r#"{"request":3,"only":["cache","main"]}"#);
    stays::<Rollback>(&format!(
        r#"{{"head":"{a}","request":4,"revision":2,"commit":"{b}"}}"#
    ));
    stays::<Parent>(&format!(
        r#"{{"preview":"shop-7","generation":2,"names":["main"],"revision":5,"commit":"{a}"}}"#
    ));
    stays::<Parent>(&format!(
        r#"{{"preview":"shop-7","generation":null,"names":[],"revision":1,"commit":"{a}"}}"#
    ));
}

#[test]
fn facts_of_revisions_are_read_in_the_words_they_were_written_in() {
    stays::<Outcome>(r#""Superseded""#);
    stays::<Outcome>(r#""Retired""#);
    stays::<Outcome>(
        r#"{"Failed":{"code":"DF301","sentence":"It ended.","evidence":["a line"],"action":"Push."}}"#,
    );
    stays::<Vec<(Attempt, u32)>>(
        r#"[["Source",1],[{"Build":"web"},2],[{"Database":"main"},3],["Fork",4],[{"StartDatabase":"main"},5],[{"Migrate":"main"},6],[{"Start":"web"},7],["Probe",8]]"#,
    );
    stays::<DataSource>(r#""Seeds""#);
    stays::<DataSource>(r#"{"Generation":3}"#);
    stays::<DataSource>(r#"{"Preview":{"preview":"shop-7","generation":2}}"#);
    stays::<BTreeMap<ServiceName, ImageId>>(&format!(r#"{{"web":"sha256:{}"}}"#, "c".repeat(64)));
    stays::<BTreeMap<ServiceName, Fingerprint>>(r#"{"web":"0123"}"#);
}

#[test]
fn phases_and_endings_of_answers_are_said_in_the_same_words() {
    for phase in [
        "queued", "building", "starting", "live", "updating", "failed", "closing", "gone",
        "captured",
    ] {
        stays::<api::Phase>(&format!(r#""{phase}""#));
    }
    for ending in ["merged", "closed", "removed", "expired", "fork", "missing"] {
        stays::<api::Ending>(&format!(r#""{ending}""#));
    }
}

#[test]
fn codes_of_refusals_are_said_in_the_same_words() {
    for code in [
        "invalid",
        "not_allowed",
        "not_found",
        "timed_out",
        "conflict",
        "too_large",
        "unusable",
        "too_many",
        "failed",
        "outside_failed",
        "unavailable",
        "full",
    ] {
        stays::<Code>(&format!(r#""{code}""#));
    }
}

#[test]
fn steps_keep_their_words_in_the_history_of_a_preview() {
    let source = include_str!("../../src/lifecycle/step_facts.rs");
    let (_, table) = source.split_once("\nstatic ").expect("a table of words");
    let (table, _) = table.split_once("\n/// ").expect("the end of the table");
    let words: Vec<&str> = table.split('"').skip(1).step_by(2).collect();
    assert_eq!(
        words,
        [
            "read",
            "begin",
            "source",
            "network",
            "build",
            "data",
            "fork",
            "database",
            "start-database",
            "stop-database",
            "migrate",
            "start",
            "healthy",
            "explain",
            "give-up",
            "announce",
            "place",
            "route",
            "unroute",
            "drain",
            "remove-service",
            "remove-database",
            "remove-image",
            "remove-stray",
            "remove-network",
            "retire",
            "report",
            "delete-records",
            "look-again",
            "gone",
        ]
    );
}

const SERVICES: &str = r#"{"name":"web","image":{"Build":{"context":"api","dockerfile":"Dockerfile","target":"final","args":{"MODE":"dev"},"secrets":["TOKEN"]}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":["./server","--fast"],"env":{"GREETING":"hello"},"memory_bytes":536870912,"cpu_milli":1000},{"name":"worker","image":{"Reference":"example/worker:pr-{number}"},"public":false,"main":false,"port":9000,"port_is_default":true,"health":"Tcp","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":500,"init":true}"#;

fn database(engine: &str, seed: &str, on_push: &str) -> String {
    format!(
        r#"{{"name":"main","engine":{engine},"image":"postgres:15","seed":{seed},"seed_digest":"ab","migrate":{{"run":["./migrate"],"service":"web"}},"on_push":"{on_push}","migrations":null,"url_variable":"DATABASE_URL","memory_bytes":268435456}}"#
    )
}

/// Blueprints with every word that one can hold.
fn blueprints(version: &str) -> Vec<String> {
    let engines = [
        r#""Postgres""#,
        r#""Mysql""#,
        r#""Mariadb""#,
        r#""Redis""#,
        r#""Valkey""#,
        r#"{"Other":{"data":"/srv/data","port":7000,"env":{"A":"b"}}}"#,
    ];
    let seeds = [
        "null",
        r#"{"Sql":{"paths":["db/a.sql","db/b.sql.gz"]}}"#,
        r#"{"Sql":{"paths":["db/a.sql"],"beside":["db/rows.csv"]}}"#,
        r#"{"PgCustom":{"path":"db/a.dump"}}"#,
        r#"{"PgDirectory":{"path":"db/d","files":["db/d/toc.dat"]}}"#,
        r#"{"Rdb":{"path":"db/a.rdb"}}"#,
        r#"{"Run":{"run":["python3","seed.py"],"service":"web"}}"#,
        r#"{"Snapshot":{"name":"nightly"}}"#,
    ];
    let words = ["Keep", "Reset", "ResetIfMigrationsChanged"];
    let databases = engines
        .iter()
        .map(|engine| database(engine, seeds[0], words[0]))
        .chain(
            seeds
                .iter()
                .map(|seed| database(engines[0], seed, words[1])),
        )
        .chain(
            words
                .iter()
                .map(|word| database(engines[0], seeds[1], word)),
        );
    databases
        .map(|database| {
            format!(
                r#"{{{version}"origin":"dayfly.toml","services":[{SERVICES}],"databases":[{database}],"notes":["a note"],"missing":["a submodule."]}}"#
            )
        })
        .collect()
}

#[test]
fn a_stored_blueprint_is_read_in_the_words_it_was_written_in() {
    for text in blueprints(r#""version":1,"#) {
        stays::<Blueprint>(&text);
    }
    // Before there was a version.
    for (before, now) in blueprints("").iter().zip(blueprints(r#""version":1,"#)) {
        let read: Blueprint = serde_json::from_str(before).expect("an older blueprint");
        assert_eq!(serde_json::to_string(&read).expect("a value"), now);
    }
    let newer = serde_json::from_str::<Blueprint>(&blueprints(r#""version":2,"#)[0]);
    let error = newer.expect_err("a newer blueprint").to_string();
    assert!(error.contains("format 2"), "{error}");
    for health in ["\"Default\"", "\"Running\""] {
        stays::<deploy::blueprint::Health>(health);
    }
}

#[test]
fn labels_of_the_engines_objects_are_read_as_they_were_set() {
    for (kind, word) in [
        (Kind::Service, "service"),
        (Kind::Database, "database"),
        (Kind::Task, "task"),
        (Kind::Network, "room"),
        (Kind::DataNetwork, "data-room"),
        (Kind::Data, "data"),
        (Kind::Image, "image"),
    ] {
        let labels = HashMap::from(
            [
                ("dev.dayfly.instance", "0a1b2c3d"),
                ("dev.dayfly.preview", "shop-7"),
                ("dev.dayfly.revision", "3"),
                ("dev.dayfly.generation", "2"),
                ("dev.dayfly.kind", word),
                ("dev.dayfly.name", "web"),
                ("dev.dayfly.spec", "abcd"),
                ("dev.dayfly.port", "8080"),
                ("dev.dayfly.format", "1"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        assert_eq!(labels.len(), KEYS.len());
        let mark = Mark::read(&labels).expect("labels of ours");
        assert_eq!(mark.kind, kind);
        assert_eq!(mark.to_labels(), labels);
    }
}

#[test]
fn the_table_of_routes_is_read_as_the_proxy_left_it() {
    let digest = "d".repeat(64);
    stays::<RouteTable>(&format!(
        r#"{{"routes":{{"dayfly.localhost":{{"key":"control","upstream":"ControlPlane","access":"Open"}},"pr-7--shop.localhost":{{"key":"shop-7/r3","upstream":{{"Address":"10.213.0.2:8080"}},"access":{{"Sessions":["{digest}"]}},"group":"shop-7"}},"pr-8--shop.localhost":{{"key":"shop-8","upstream":"Ask","access":"Open"}}}}}}"#
    ));
}

#[test]
fn an_earlier_backup_is_read_in_the_words_it_was_written_in() {
    stays::<Manifest>(
        r#"{"format":1,"version":"0.1.0","instance":"0a1b2c3d","made_at":"2026-11-28T09:30:00.123456789Z","data":true}"#,
    );
    stays::<Manifest>(
        r#"{"format":2,"version":"0.1.0","instance":"0a1b2c3d","made_at":"2026-11-30T15:30:00.123456789Z","data":false}"#,
    );
    stays::<End>(r#"{"left_out":[]}"#);
    stays::<End>(r#"{"left_out":["data of shop-7: a name is too long"]}"#);
}
