//! The control socket.

use std::os::unix::fs::PermissionsExt;

use proxy::{
    CONTROL_SOCKET, Limits, ProxyError, TABLE_FILE,
    client::ControlError,
    table::{RouteTable, Upstream},
};

use crate::harness::{Proxy, config, says, soon, table};

#[tokio::test]
async fn it_tells_who_it_is() {
    let proxy = Proxy::start().await;
    let about = proxy.client.about().await.unwrap();
    assert_eq!(about.pid, std::process::id());
    assert_eq!(about.uid, nix::unistd::getuid().as_raw());
    assert_eq!(about.listen, [proxy.address]);
}

#[tokio::test]
async fn a_table_is_in_use_and_on_disk_when_it_was_put() {
    let proxy = Proxy::start().await;
    let wanted = table(&[("a.test", "a", Upstream::Address(says("a").await))]);
    for _again in 0..2 {
        proxy.put(wanted.clone()).await;
        let text = std::fs::read(proxy.dir.path().join(TABLE_FILE)).unwrap();
        assert_eq!(serde_json::from_slice::<RouteTable>(&text).unwrap(), wanted);
        assert_eq!(proxy.client.table().await.unwrap().as_ref(), Some(&wanted));
        assert_eq!(proxy.get("a.test", "/").await.body, "a");
    }
    assert_eq!(proxy.client.activity().await.unwrap()["a"].in_flight, 0);
}

#[tokio::test]
async fn a_table_that_cannot_be_kept_is_used_but_not_acknowledged() {
    let proxy = Proxy::start().await;
    // A directory in the way makes the rename fail.
    let way = proxy.dir.path().join(TABLE_FILE);
    std::fs::create_dir_all(way.join("in the way")).unwrap();
    let wanted = table(&[("a.test", "a", Upstream::Address(says("a").await))]);
    let refused = proxy.client.put_table(&wanted).await.unwrap_err();
    assert!(matches!(refused, ControlError::Refused { .. }), "{refused}");
    assert_eq!(proxy.get("a.test", "/").await.body, "a");
    std::fs::remove_dir_all(&way).unwrap();
    proxy.put(wanted).await;
    assert!(way.is_file());
}

#[tokio::test]
async fn a_watcher_learns_that_the_proxy_went_away() {
    let proxy = Proxy::start().await;
    let client = proxy.client.clone();
    let watch = tokio::spawn(async move { client.watch().await });
    proxy.client.about().await.unwrap();
    assert!(!watch.is_finished());
    proxy.client.stop().await.unwrap();
    soon("the news", watch).await.unwrap().unwrap();
    soon("the end", proxy.running.stopped()).await;
    assert!(matches!(
        proxy.client.watch().await,
        Err(ControlError::Unreachable { .. })
    ));
}

#[tokio::test]
async fn only_its_own_user_may_speak_to_it() {
    let proxy = Proxy::start().await;
    let socket = proxy.dir.path().join(CONTROL_SOCKET);
    assert_eq!(
        socket.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_second_proxy_in_the_same_directory_is_refused() {
    let proxy = Proxy::start().await;
    let second = proxy::serve(config(proxy.dir.path(), Limits::default())).await;
    assert!(matches!(second, Err(ProxyError::ControlSocket { .. })));
    assert!(proxy.client.about().await.is_ok());
}

#[tokio::test]
async fn a_last_table_that_makes_no_sense_is_replaced_by_the_next() {
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join(TABLE_FILE), "{}x").unwrap();
    let proxy = Proxy::again(dir, Limits::default()).await;
    assert_eq!(proxy.get("a.test", "/").await.status, 503);
    proxy
        .put(table(&[(
            "a.test",
            "a",
            Upstream::Address(says("a").await),
        )]))
        .await;
    assert_eq!(proxy.get("a.test", "/").await.body, "a");
}
