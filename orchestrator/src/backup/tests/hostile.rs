//! Archives that a restore refuses, and so does a check.

use std::io::Write;

use super::{Bench, append};

/// The folder of a snapshot's data.
fn data() -> String {
    format!("pool/snapshots/{}/data", "a".repeat(64))
}

#[tokio::test]
async fn a_path_that_comes_twice_or_below_a_link_is_refused() {
    let bench = Bench::new().await;
    let file = format!("{}/f", data());
    let twice = bench.archive_with(1, |archive| {
        append(archive, &file, Some(b"1"));
        append(archive, &file, Some(b"2"));
    });
    let told = bench.check(&twice).await.unwrap_err();
    assert!(told.contains("/data/f twice, or below"), "{told}");
    for content in [Some(&b"x"[..]), None] {
        let below = bench.archive_with(1, |archive| {
            append_link(archive, &file, "/etc");
            match content {
                Some(_) => append(archive, &format!("{file}/x"), content),
                None => append(archive, &file, None),
            }
        });
        let told = bench.check(&below).await.unwrap_err();
        assert!(told.contains("twice, or below"), "{told}");
    }
}

#[tokio::test]
async fn a_link_whose_target_no_system_takes_is_refused() {
    let bench = Bench::new().await;
    let file = format!("{}/f", data());
    let long = bench.archive_with(1, |archive| append_link(archive, &file, &"x".repeat(5000)));
    let told = bench.check(&long).await.unwrap_err();
    assert!(told.contains("a link to a path of 5000 bytes"), "{told}");
}

#[tokio::test]
async fn files_in_place_of_folders_and_odd_names_are_refused() {
    let bench = Bench::new().await;
    for path in [
        "pool",
        "logs",
        "pool/stranger",
        "pool/making/x/f",
        "pool/snapshots/zzz/data/f",
        "pool/previews/a/b/c/data/f",
        "pool/previews/shop-1/g01/main/data/f",
        "pool/previews/shop-1/g1/main/data",
        "pool/previews/shop-1/g1/main/more",
    ] {
        let told = bench.check(&bench.archive(2, &[(path, Some(b"x"))])).await;
        let told = told.unwrap_err();
        assert!(told.contains("which no backup has"), "{path}: {told}");
    }
    let about = "pool/previews/shop-1/g1/main/about.json";
    let good = bench.archive(2, &[(about, Some(b"{}"))]);
    bench.check(&good).await.unwrap();
}

#[tokio::test]
async fn an_owner_that_no_system_has_is_refused() {
    let bench = Bench::new().await;
    let archive = bench.archive_with(2, |archive| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o600);
        header.set_uid(1 << 40);
        header.set_gid(0);
        header.set_size(1);
        let path = format!("{}/f", data());
        archive.append_data(&mut header, path, &b"x"[..]).unwrap();
    });
    let told = bench.check(&archive).await.unwrap_err();
    assert!(told.contains("with an owner that no system has"), "{told}");
}

#[tokio::test]
async fn a_store_without_its_tables_is_refused() {
    let bench = Bench::new().await;
    let path = bench.path("dayfly.db");
    for (meta, lacks) in [
        ("CREATE TABLE meta (key, value)", "databases"),
        (
            "CREATE TABLE databases (a); CREATE TABLE deliveries (a); CREATE TABLE events (a);
             CREATE VIEW meta AS SELECT 'instance' AS key, '0a1b2c3d' AS value",
            "meta",
        ),
    ] {
        std::fs::remove_file(&path).unwrap();
        let store = rusqlite::Connection::open(&path).unwrap();
        store.execute_batch(meta).unwrap();
        drop(store);
        let told = bench.check(&bench.archive(2, &[])).await.unwrap_err();
        assert!(told.contains(&format!("no table {lacks}")), "{told}");
    }
}

#[tokio::test]
async fn control_characters_of_an_archive_reach_no_terminal() {
    let mut bench = Bench::new().await;
    let named = bench.archive(2, &[("\u{1b}[31mred", Some(b"x"))]);
    let told = bench.check(&named).await.unwrap_err();
    assert!(told.contains("red") && !told.contains('\u{1b}'), "{told:?}");
    bench.instance = "\u{1b}]0;title\u{7}".to_owned();
    let told = bench.check(&bench.archive(2, &[])).await.unwrap_err();
    assert!(
        told.contains("no instance of Dayfly") && !told.contains('\u{1b}'),
        "{told:?}"
    );
}

fn append_link(archive: &mut tar::Builder<&mut dyn Write>, path: &str, target: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_mode(0o777);
    header.set_uid(nix::unistd::geteuid().as_raw().into());
    header.set_gid(nix::unistd::getegid().as_raw().into());
    header.set_size(0);
    archive.append_link(&mut header, path, target).unwrap();
}
