//! The proxy as a separate process, started like by the control plane.

use std::{
    fs,
    os::unix::{fs::MetadataExt, net::UnixListener},
    path::Path,
    process::{Child, Command},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use proxy::{
    GATE_SOCKET, Limits, TABLE_FILE, client::ControlClient, hand_over, prepare_dir, table::Upstream,
};

use crate::harness::{config, request, says, send, soon, table};

/// Set in the process that should become the proxy.
const DIR: &str = "PROXY_TEST_DIR";
const NOBODY: (u32, u32) = (65534, 65534);

/// This test runs in both processes: it starts itself, by its name, as the proxy.
#[test]
fn a_process_gives_up_root_and_comes_back_after_a_kill() {
    if let Some(dir) = std::env::var_os(DIR) {
        let mut config = config(Path::new(&dir), Limits::default());
        config.run_as = Some(NOBODY);
        proxy::run(config).unwrap();
        return;
    }
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(from_outside());
}

fn start(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "process::a_process_gives_up_root_and_comes_back_after_a_kill",
        ])
        .env(DIR, dir)
        .spawn()
        .unwrap()
}

async fn about(client: &ControlClient) -> proxy::client::About {
    soon("the proxy", async {
        loop {
            match client.about().await {
                Ok(about) => return about,
                Err(_not_yet) => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

async fn from_outside() {
    // The parent is closed to other users, like a data directory.
    let closed = tempfile::TempDir::new().unwrap();
    let dir = closed.path().join("proxy");
    let run_as = geteuid().is_root().then_some(NOBODY);
    prepare_dir(&dir, run_as).unwrap();
    let gate = UnixListener::bind(dir.join(GATE_SOCKET)).unwrap();
    hand_over(&dir.join(GATE_SOCKET), run_as).unwrap();
    gate.set_nonblocking(true).unwrap();
    let gate = tokio::net::UnixListener::from_std(gate).unwrap();
    let client = ControlClient::new(&dir);

    let mut child = start(&dir);
    let first = about(&client).await;
    assert_eq!(first.pid, child.id());
    unprivileged(&first);
    let routes = table(&[
        ("a.test", "a", Upstream::Address(says("served").await)),
        ("ask.test", "ask", Upstream::Ask),
    ]);
    client.put_table(&routes).await.unwrap();
    assert_eq!(
        send(first.listen[0], request("a.test", "/")).await.body,
        "served"
    );
    let asked = tokio::spawn(send(first.listen[0], request("ask.test", "/")));
    soon("a question to the gate", gate.accept()).await.unwrap();
    assert_eq!(soon("the answer", asked).await.unwrap().status, 503);

    let watcher = client.clone();
    let watch = tokio::spawn(async move { watcher.watch().await });
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGKILL,
    )
    .unwrap();
    child.wait().unwrap();
    // A watcher that starts too late finds no proxy, which means the same.
    let _gone = soon("the news", watch).await.unwrap();
    let mut child = start(&dir);
    let second = about(&client).await;
    assert_eq!(
        send(second.listen[0], request("a.test", "/")).await.body,
        "served"
    );
    client.stop().await.unwrap();
    assert!(child.wait().unwrap().success());
}

fn unprivileged(about: &proxy::client::About) {
    let mut threads = 0;
    for task in fs::read_dir(format!("/proc/{}/task", about.pid)).unwrap() {
        let task = task.unwrap();
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace()
                .skip(1)
                .collect::<Vec<_>>()
                .join(" ")
        };
        // The first thread belongs to the test harness; the proxy was started on another one.
        if task.file_name().to_str() != Some(&about.pid.to_string()) {
            assert_eq!(field("NoNewPrivs:"), "1");
            threads += 1;
        }
        let own = task.file_name().to_str() != Some(&about.pid.to_string());
        if geteuid().is_root() && own {
            for set in ["CapInh:", "CapBnd:", "CapAmb:"] {
                assert_eq!(field(set), "0000000000000000", "{set}");
            }
        }
        if geteuid().is_root() {
            assert_eq!(field("Uid:"), "65534 65534 65534 65534");
            assert_eq!(field("Gid:"), "65534 65534 65534 65534");
            assert_eq!(field("Groups:"), "");
            assert_eq!(field("CapEff:"), "0000000000000000");
            assert_eq!(field("CapPrm:"), "0000000000000000");
        }
    }
    assert!(threads > 0);
    if geteuid().is_root() {
        assert_eq!(about.uid, NOBODY.0);
    }
}

#[test]
fn only_a_socket_of_ours_is_handed_over() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join(GATE_SOCKET);
    let own = (geteuid().as_raw(), nix::unistd::getegid().as_raw());
    let target = dir.path().join("precious");
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    assert!(hand_over(&path, Some(own)).is_err(), "a link");
    fs::remove_file(&path).unwrap();
    fs::hard_link(&target, &path).unwrap();
    assert!(hand_over(&path, Some(own)).is_err(), "a file");
    fs::remove_file(&path).unwrap();
    let _socket = UnixListener::bind(&path).unwrap();
    hand_over(&path, Some(own)).unwrap();
    assert_eq!(path.metadata().unwrap().uid(), own.0);
}

#[test]
fn a_prepared_directory_is_closed_and_may_be_prepared_again() {
    let parent = tempfile::TempDir::new().unwrap();
    let dir = parent.path().join("proxy");
    for _again in 0..2 {
        prepare_dir(&dir, None).unwrap();
        assert_eq!(dir.metadata().unwrap().mode() & 0o777, 0o700);
    }
    let link = parent.path().join("link");
    std::os::unix::fs::symlink(&dir, &link).unwrap();
    assert!(prepare_dir(&link, None).is_err());
}

#[test]
fn the_last_table_is_given_to_the_next_proxys_user_and_nothing_else_is() {
    if !geteuid().is_root() {
        return;
    }
    let parent = tempfile::TempDir::new().unwrap();
    let dir = parent.path().join("proxy");
    let (first, second) = ((4242, 4242), (4243, 4243));
    prepare_dir(&dir, Some(first)).unwrap();
    let (table, staged) = (dir.join(TABLE_FILE), dir.join("table.json.new"));
    for path in [&table, &staged] {
        fs::write(path, "{}").unwrap();
        std::os::unix::fs::chown(path, Some(first.0), Some(first.1)).unwrap();
    }
    prepare_dir(&dir, Some(first)).unwrap();
    assert!(staged.exists(), "it is being written");
    prepare_dir(&dir, Some(second)).unwrap();
    assert_eq!(table.metadata().unwrap().uid(), second.0);
    assert!(!staged.exists());

    // A link in place of the table is removed, and its target is unchanged.
    let precious = parent.path().join("precious");
    fs::write(&precious, "").unwrap();
    for plant in [
        |target: &Path, path: &Path| std::os::unix::fs::symlink(target, path),
        |target: &Path, path: &Path| fs::hard_link(target, path),
    ] {
        fs::remove_file(&table).unwrap();
        plant(&precious, &table).unwrap();
        prepare_dir(&dir, Some(second)).unwrap();
        assert_eq!(precious.metadata().unwrap().uid(), 0);
        assert!(fs::symlink_metadata(&table).is_err());
        fs::write(&table, "{}").unwrap();
    }
}

#[test]
fn root_without_a_user_to_become_is_refused() {
    if !geteuid().is_root() {
        return;
    }
    let dir = tempfile::TempDir::new().unwrap();
    for run_as in [None, Some((0, 65534)), Some((65534, 0))] {
        let mut config = config(dir.path(), Limits::default());
        config.run_as = run_as;
        assert!(proxy::run(config).is_err(), "{run_as:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
