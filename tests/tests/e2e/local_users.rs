//! Other users of the host: what they may reach, and what they may not get in the way of.

use std::{
    fs::Permissions,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink},
    path::Path,
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use harness::{Alone, App, Dayfly, Docker, Ran};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

/// Somebody without rights.
const STRANGER: u32 = 65534;

/// Takes a connection, and ends with 0 only where it gets one.
const CONNECT: &str = "import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
";

async fn reaches(uid: u32, address: &str, port: u16) -> anyhow::Result<bool> {
    let ended = Command::new("python3")
        .args(["-c", CONNECT, address, &port.to_string()])
        .uid(uid)
        .gid(uid)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await?;
    Ok(ended.success())
}

/// Addresses and ports of all containers that there are, services and databases.
async fn doors(dayfly: &Dayfly) -> anyhow::Result<Vec<(String, u16)>> {
    let mut doors = Vec::new();
    for container in dayfly.docker.left().await?.containers {
        let known = Docker::inspect(&container).await?;
        let is_database = known["Config"]["Labels"]["dev.dayfly.kind"] == "database";
        let port = if is_database { 5432 } else { 8080 };
        let networks = known["NetworkSettings"]["Networks"].as_object().cloned();
        for network in networks.unwrap_or_default().values() {
            let address = network["IPAddress"].as_str().context("an address")?;
            doors.push((address.to_owned(), port));
        }
    }
    for port in [5432, 8080] {
        ensure!(doors.iter().any(|door| door.1 == port), "{port}: {doors:?}");
    }
    Ok(doors)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_hosts_users_only_root_and_the_proxy_reach_services_and_databases()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (_, visitor) = dayfly.open_live("change", &App::notes("text")).await?;
        ensure!(dayfly.docker.is_fenced(), "this host cannot have rules");
        let proxy = Path::new("/proc").join(dayfly.proxy_pid().await?.to_string());
        let proxy = proxy.metadata()?.uid();
        ensure!(proxy != 0 && proxy != STRANGER, "{proxy}");
        for (address, port) in doors(dayfly).await? {
            for (uid, may) in [(0, true), (proxy, true), (STRANGER, false)] {
                let does = reaches(uid, &address, port).await?;
                ensure!(does == may, "user {uid} reaches {address}:{port}: {does}");
            }
        }
        ensure!(visitor.text("/").await? == "text");
        Ok(())
    })
    .await
}

/// Holds whatever file of that name it may make, says where, and stays until its input ends.
const HOLD: &str = "import fcntl, sys
for path in sys.argv[1:]:
    try:
        file = open(path, 'a')
        fcntl.flock(file, fcntl.LOCK_EX)
        globals()[path] = file
        print('held', path, flush=True)
    except OSError as error:
        print('kept out', path, error, flush=True)
print('end', flush=True)
sys.stdin.read()
";

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_somebody_else_holds_keeps_no_server_down() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let instance = dayfly.instance().await?;
        let lock = format!("/run/dayfly/{instance}.lock");
        ensure!(Path::new("/run/dayfly").metadata()?.mode() & 0o777 == 0o700);
        ensure!(Path::new(&lock).metadata()?.uid() == 0);
        dayfly.terminate().await?;
        ensure!(!Path::new(&lock).exists(), "the lock outlives its server");

        let elsewhere = format!("/run/lock/dayfly-{instance}");
        let mut stranger = Command::new("python3")
            .args(["-c", HOLD, &elsewhere, &lock])
            .uid(STRANGER)
            .gid(STRANGER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut said = BufReader::new(stranger.stdout.take().context("output")?).lines();
        let mut all = Vec::new();
        while let Some(line) = said.next_line().await? {
            if line == "end" {
                break;
            }
            all.push(line);
        }
        let started = dayfly.restart().await;
        drop(stranger.stdin.take());
        stranger.wait().await?;
        // Where the stranger could not make it, it is not there.
        let _gone = std::fs::remove_file(&elsewhere);
        started?;
        ensure!(all.len() == 2 && all[1].starts_with("kept out"), "{all:?}");
        Ok(())
    })
    .await
}

async fn refused(alone: &Alone, words: &[&str]) -> anyhow::Result<Ran> {
    let ran = alone.command(alone.home(), &["serve", "--local"]).await?;
    ensure!(!ran.success, "it started: {ran:?}");
    for word in words {
        ensure!(ran.stderr.contains(word), "no {word:?} in {}", ran.stderr);
    }
    Ok(ran)
}

/// Runs the command that a message names, as the operator would who reads it.
async fn mend(message: &str) -> anyhow::Result<()> {
    let command = message.split('`').nth(1).context("no command")?;
    let mut words = command.split_ascii_whitespace();
    let program = words.next().context("an empty command")?;
    let ended = Command::new(program).args(words).status().await?;
    ensure!(ended.success(), "{command}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_in_which_others_have_a_hand_is_refused_with_what_mends_it()
-> anyhow::Result<()> {
    type Spoil = fn(&Path, &Path) -> std::io::Result<()>;
    let cases: [(&str, Spoil); 5] = [
        ("`chown root ", |_, data| chown(data, Some(STRANGER), None)),
        ("`chmod 700 ", |_, data| {
            std::fs::set_permissions(data, Permissions::from_mode(0o775))
        }),
        ("`chown --no-dereference root ", |parent, _| {
            chown(parent, Some(STRANGER), None)
        }),
        ("`chmod go-w ", |parent, _| {
            std::fs::set_permissions(parent, Permissions::from_mode(0o777))
        }),
        ("`chown --no-dereference root ", |parent, data| {
            let elsewhere = parent.join("elsewhere");
            std::fs::rename(data, &elsewhere)?;
            symlink(&elsewhere, data)?;
            lchown(data, Some(STRANGER), None)
        }),
    ];
    for (words, spoil) in cases {
        let alone = Alone::new()?;
        std::fs::create_dir(alone.data())?;
        spoil(alone.home(), &alone.data())?;
        let ran = refused(&alone, &[words, "--data"]).await?;
        let doctor = alone.command(alone.home(), &["doctor"]).await?;
        ensure!(
            !doctor.success && doctor.stdout.contains(words),
            "{doctor:?}"
        );
        mend(&ran.stderr).await?;
        let doctor = alone.command(alone.home(), &["doctor"]).await?;
        ensure!(!doctor.stdout.contains(words), "{doctor:?}");
    }
    // A folder for everybody is none for data, and stays as it is.
    let alone = Alone::new()?;
    let data = alone.data();
    std::fs::create_dir(&data)?;
    std::fs::set_permissions(&data, Permissions::from_mode(0o1777))?;
    let ran = refused(&alone, &["writable by everyone", "--data"]).await?;
    ensure!(!ran.stderr.contains("chmod"), "{}", ran.stderr);
    ensure!(data.metadata()?.mode() & 0o7777 == 0o1777);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_ours_that_somebody_planted_in_the_data_directory_are_not_used()
-> anyhow::Result<()> {
    let alone = Alone::new()?;
    let (data, target) = (alone.data(), alone.home().join("target"));
    std::fs::create_dir(&data)?;
    for name in [
        "lock",
        "dayfly.db",
        "dayfly.db-wal",
        "link.key",
        "proxy.log",
        "pool.xfs",
    ] {
        let planted = data.join(name);
        symlink(&target, &planted)?;
        refused(&alone, &[name, "is a link", "move the link away"]).await?;
        ensure!(!target.exists(), "{name} was followed");
        std::fs::remove_file(&planted)?;

        std::fs::write(&target, "precious")?;
        std::fs::hard_link(&target, &planted)?;
        refused(&alone, &[name, "second hard link", ".copy"]).await?;
        ensure!(std::fs::read_to_string(&target)? == "precious", "{name}");
        std::fs::remove_file(&target)?;
        chown(&planted, Some(STRANGER), None)?;
        refused(&alone, &[name, "belongs to", "move it away"]).await?;
        std::fs::remove_file(&planted)?;
    }
    for name in ["pool", "mirrors", "api.sock"] {
        let planted = data.join(name);
        symlink(&target, &planted)?;
        lchown(&planted, Some(STRANGER), None)?;
        refused(&alone, &[name, "move it away"]).await?;
        ensure!(!target.exists(), "{name} was followed");
        std::fs::remove_file(&planted)?;
    }
    // `up` writes the log of the server that it starts.
    symlink(&target, data.join("server.log"))?;
    let ran = alone.command(alone.home(), &["up"]).await?;
    ensure!(!ran.success && ran.stderr.contains("is a link"), "{ran:?}");
    ensure!(!target.exists(), "the log was followed");
    Ok(())
}
