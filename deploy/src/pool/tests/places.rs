//! Publishing and removing places.

use super::*;

#[tokio::test]
async fn publishing_replaces_what_was_there() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    fixture
        .publish(&data(1), |data| fs::write(data.join("old"), "").unwrap())
        .await;
    let staging = fixture.pool.staging().await.unwrap();
    staging.write_about(b"{\"seed\":1}").await.unwrap();
    fs::write(staging.data_path().join("new"), "").unwrap();
    staging.publish(&data(1)).await.unwrap();
    let path = fixture.pool.data_path(&data(1));
    assert!(path.join("new").exists() && !path.join("old").exists());
    let about = fixture.pool.about(&data(1)).await.unwrap();
    assert_eq!(about.as_deref(), Some(&b"{\"seed\":1}"[..]));
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("trash") && fixture.is_empty("making"));
    assert_eq!(fixture.pool.about(&data(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_dropped_staging_directory_leaves_nothing() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    let staging = fixture.pool.staging().await.unwrap();
    write(&staging.data_path().join("a"), 1);
    drop(staging);
    assert!(fixture.is_empty("making"));
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("trash"));
}

#[tokio::test]
async fn removing_follows_no_link() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    let outside = fixture.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "").unwrap();
    fixture
        .publish(&data(1), |data| {
            symlink(&outside, data.join("link")).unwrap()
        })
        .await;
    fixture.pool.remove(&data(1)).await.unwrap();
    fixture.pool.settle().await.unwrap();
    assert!(outside.join("kept").exists());
    assert!(fixture.is_empty("previews"), "empty parents are removed");
    assert!(!fixture.pool.remove(&data(1)).await.unwrap());
}

#[tokio::test]
async fn a_listing_tells_places_from_strangers() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    for place in [data(2), snapshot(), data(1)] {
        fixture.publish(&place, |_| ()).await;
    }
    let root = fixture.folder.path().join("pool").canonicalize().unwrap();
    let strangers = [
        root.join("previews/acme-web-7/g01"),
        root.join("snapshots/abc"),
    ];
    for stranger in &strangers {
        fs::create_dir(stranger).unwrap();
    }
    let mut listing = fixture.pool.list().await.unwrap();
    listing.strangers.sort();
    assert_eq!(listing.places, [snapshot(), data(1), data(2)]);
    assert_eq!(listing.strangers, strangers);
    let preview = PreviewId::parse("acme-web-7").unwrap();
    assert_eq!(
        fixture.pool.list_of(&preview).await.unwrap(),
        [data(1), data(2)]
    );
    let other = PreviewId::parse("acme-web-8").unwrap();
    assert_eq!(fixture.pool.list_of(&other).await.unwrap(), []);
    assert!(fixture.pool.exists(&data(1)).await.unwrap());
    assert!(!fixture.pool.exists(&data(3)).await.unwrap());
}

#[tokio::test]
async fn recovering_empties_what_was_being_made_and_thrown_away() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    let staging = fixture.pool.staging().await.unwrap();
    fs::write(staging.data_path().join("a"), "").unwrap();
    // As a killed process leaves it.
    std::mem::forget(staging);
    fs::create_dir_all(fixture.folder.path().join("pool/trash/x/y")).unwrap();
    fixture.pool.recover().await.unwrap();
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("making") && fixture.is_empty("trash"));
}
