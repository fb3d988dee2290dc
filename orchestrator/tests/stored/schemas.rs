//! A store of every earlier schema is opened, brought to today's, and read to its last row.
//!
//! `schemas/N/store.sql` is the store of a server of that time, used as people use one: checkouts,
//! webhooks, pushes, failures, and from schema 3 on databases, forks, captures and resets. Only its
//! events were thinned out. What today's version reads of it stands in `snapshots/`.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use deploy::labels::Mark;
use orchestrator::store::{PreviewRow, RevisionRow, Store};
use proxy::table::{RouteTable, Upstream};
use rusqlite::Connection;
use serde::Serialize;

/// Every schema that there was.
const SCHEMAS: [usize; 6] = [1, 2, 3, 4, 5, 6];

fn fixture(schema: usize, file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored/schemas");
    folder.join(schema.to_string()).join(file)
}

/// The store as the server of that time left it, in a directory of its own.
fn left_behind(schema: usize) -> (tempfile::TempDir, PathBuf) {
    let data = tempfile::tempdir().expect("a folder");
    let path = data.path().join("dayfly.db");
    let sql = std::fs::read_to_string(fixture(schema, "store.sql")).expect("a fixture");
    let old = Connection::open(&path).expect("a new database");
    old.execute_batch(&sql).expect("the fixture is SQL");
    let found: usize = old
        .query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
        .expect("a version") as usize;
    assert_eq!(found, schema);
    (data, path)
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a value")
}

fn preview(row: &PreviewRow) -> String {
    let wanted = &row.desired;
    let mut line = format!(
        "{} {} slug {} life {} wanted {}",
        row.id,
        json(&wanted.origin),
        row.slug,
        wanted.life,
        json(&wanted.wanted)
    );
    let mut add = |word: &str, value: String| {
        if !["null", "0", "false"].contains(&value.as_str()) {
            line.push_str(&format!("\n  {word} {value}"));
        }
    };
    let repository = row.repository.as_ref().map(|known| known.name.to_string());
    add("repository", json(&repository));
    add("number", json(&row.number.map(|number| number.0)));
    add("refresh requested", json(&wanted.refresh_requested));
    add("refresh applied", json(&wanted.refresh_applied));
    add("request", json(&wanted.request));
    add("confirmed", json(&wanted.confirmed));
    add("clearing", json(&wanted.clearing));
    add("hold", json(&wanted.hold));
    add("parent", json(&wanted.parent));
    add("reset", json(&wanted.reset));
    add("rollback", json(&wanted.rollback));
    add("missing", json(&wanted.missing_since_ms.is_some()));
    add("records", json(&row.records));
    add("last generation", json(&row.last_generation));
    add("note", json(&row.note));
    add("path", json(&row.path));
    add("link serial", json(&wanted.link_serial));
    add("link expires", json(&row.link_expires_at_ms.is_some()));
    add("expires", json(&row.expires_at_ms.is_some()));
    add("gone", json(&row.gone_at_ms.is_some()));
    line
}

fn revision(row: &RevisionRow) -> String {
    let facts = &row.facts;
    let asks = facts.blueprint.as_ref().map(|known| {
        let services = known.services.iter().map(|service| service.name.as_str());
        let databases = known
            .databases
            .iter()
            .map(|database| database.name.as_str());
        let names: Vec<_> = services.chain(databases).collect();
        format!("{} {}", known.origin, names.join(" "))
    });
    let outcome = facts.outcome.as_ref().map(json);
    let attempts: Vec<_> = facts.attempts.iter().collect();
    format!(
        "  {} life {} of {} asks {:?} images {} fingerprints {} generation {:?} migrated {} \
         attempts {} healthy {} served {} ended {}",
        facts.number,
        facts.life,
        facts.commit.short(),
        asks,
        facts.images.len(),
        facts.fingerprints.len(),
        facts.generation.map(|generation| generation.0),
        json(&facts.migrated),
        json(&attempts),
        facts.healthy,
        facts.served,
        outcome.unwrap_or_default()
    )
}

/// Everything that today's version reads of a store.
async fn read(store: &Store) -> String {
    let mut lines = Vec::new();
    for row in store.repositories().await.expect("repositories") {
        lines.push(format!("repository {} {}", row.name, row.slug));
    }
    for row in store.previews().await.expect("previews") {
        lines.push(preview(&row));
        for row in store.revisions(&row.id).await.expect("revisions") {
            lines.push(revision(&row));
        }
        for (generation, facts) in store.generations(&row.id).await.expect("generations") {
            lines.push(format!(
                "  {generation} from {} reseed {}",
                json(&facts.from),
                json(&facts.reseed)
            ));
        }
        for row in store.databases(&row.id).await.expect("databases") {
            lines.push(format!(
                "  {} of {} complete {} answers {} real {}",
                row.name, row.generation, row.complete, row.answers, row.real
            ));
        }
        let sessions = store.sessions(&row.id, 0).await.expect("sessions");
        let events = store.events(&row.id).await.expect("events");
        lines.push(format!(
            "  sessions {} events {}",
            sessions.len(),
            events.len()
        ));
    }
    for row in store.named_snapshots().await.expect("snapshots") {
        lines.push(format!("snapshot {} {}", row.name, json(&row.holds)));
    }
    for row in store.deliveries(1_000).await.expect("deliveries") {
        lines.push(format!("delivery {} {}", row.event, row.decision));
    }
    let cache = store.cache_records().await.expect("cache records");
    lines.push(format!("cache records {}", cache.len()));
    lines.join("\n")
}

#[tokio::test]
async fn a_store_of_every_earlier_schema_is_opened_and_read() {
    for schema in SCHEMAS {
        let (_data, path) = left_behind(schema);
        let counted = |table: &str| -> u64 {
            let old = Connection::open(&path).expect("a database");
            let sql = format!("SELECT count(*) FROM {table}");
            old.query_row(&sql, [], |row| row.get::<_, i64>(0))
                .expect("a count") as u64
        };
        let before = ["previews", "revisions", "deliveries", "events"].map(counted);
        let store = Store::open(&path).unwrap_or_else(|error| panic!("schema {schema}: {error}"));
        insta::assert_snapshot!(format!("schema_{schema}"), read(&store).await);
        let after = ["previews", "revisions", "deliveries", "events"].map(counted);
        assert_eq!(before, after, "schema {schema}");
    }
}

#[tokio::test]
async fn a_store_that_was_brought_to_this_version_is_opened_again_as_it_is() {
    for schema in SCHEMAS {
        let (_data, path) = left_behind(schema);
        let first = read(&Store::open(&path).expect("the first time")).await;
        let second = read(&Store::open(&path).expect("the second time")).await;
        assert_eq!(first, second, "schema {schema}");
    }
}

#[test]
fn the_last_table_of_every_earlier_proxy_is_read() {
    for schema in SCHEMAS {
        let text = std::fs::read_to_string(fixture(schema, "table.json")).expect("a fixture");
        let table: RouteTable = serde_json::from_str(&text).expect("a table");
        let upstreams: Vec<_> = table.routes.values().map(|route| &route.upstream).collect();
        assert!(upstreams.contains(&&Upstream::ControlPlane), "{schema}");
        assert!(upstreams.contains(&&Upstream::Ask), "{schema}");
        let leads = |upstream: &&&Upstream| matches!(upstream, Upstream::Address(_));
        assert!(
            upstreams.iter().any(|upstream| leads(&upstream)),
            "{schema}"
        );
    }
}

/// One set for each kind of object, as the engine listed them. Before schema 3 nothing said a
/// generation, and databases kept their data in volumes.
#[test]
fn the_labels_of_every_earlier_version_are_read() {
    for schema in SCHEMAS {
        let text = std::fs::read_to_string(fixture(schema, "labels.json")).expect("a fixture");
        let sets: Vec<HashMap<String, String>> = serde_json::from_str(&text).expect("labels");
        let mut kinds = BTreeSet::new();
        for labels in &sets {
            let mark = Mark::read(labels).unwrap_or_else(|| panic!("{schema}: {labels:?}"));
            kinds.insert(mark.kind.as_str());
        }
        for kind in ["service", "database", "room", "data-room", "image"] {
            assert!(kinds.contains(kind), "no {kind} of schema {schema}");
        }
    }
}
