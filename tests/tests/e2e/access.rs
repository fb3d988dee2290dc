//! Who gets in, and where.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly, Docker, Options, Visitor};
use http::Method;
use orchestrator::api::ROUTES;

/// Every route of the API, and two other spellings. The control host answers `/healthz` itself.
fn routes() -> Vec<(&'static str, String)> {
    let known = ROUTES.iter().filter(|route| route.path != "/healthz");
    let known = known.map(|route| {
        let path = route.path.replace("{id}", "shop-1");
        let path = path.replace("{name}", "main").replace("{slug}", "evil");
        (route.method, path)
    });
    let more = ["/api/v1", "/api/v1/../v1/previews"];
    known
        .chain(more.map(|path| ("GET", path.to_owned())))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_of_the_api_is_answered_from_outside() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("text")).await?;
        let control = dayfly.visitor(&dayfly.control_host());
        let unknown = dayfly.visitor(&format!("unknown.localhost:{}", dayfly.proxy.port()));
        let header = [
            ("x-dayfly-for", "api"),
            ("dayfly-for", "api"),
            ("content-type", "application/json"),
        ];
        for (method, path) in routes() {
            for who in [&control, &unknown, &visitor] {
                let method = Method::from_bytes(method.as_bytes())?;
                let answer = who.send(method, &path, "", &header).await?;
                let refused = [400, 404, 405, 501].contains(&answer.status.as_u16());
                ensure!(refused, "{} {path}: {answer:?}", who.authority());
                ensure!(!answer.body.contains("serving_commit"), "{answer:?}");
            }
        }
        let health = control.get("/healthz").await?;
        ensure!(health.status == 200 && health.body == "ok\n", "{health:?}");
        let webhook = control.get("/webhooks/github").await?;
        ensure!(webhook.status == 405, "{webhook:?}");
        ensure!(visitor.text("/").await? == "text");
        dayfly.live(&pull, &pull.commit).await.map(drop)
    })
    .await
}

/// The addresses at which a container could find its host.
async fn gateways(dayfly: &Dayfly, preview: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::from(["127.0.0.1".to_owned()]);
    for container in dayfly.docker.running(preview).await? {
        let known = Docker::inspect(&container).await?;
        let networks = known["NetworkSettings"]["Networks"].as_object().cloned();
        for network in networks.unwrap_or_default().values() {
            let gateway = network["Gateway"]
                .as_str()
                .filter(|address| !address.is_empty());
            found.extend(gateway.map(str::to_owned));
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_of_the_api_is_answered_from_inside_a_preview() -> anyhow::Result<()> {
    Dayfly::play_with(Options::everywhere(), async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::probe("text")).await?;
        let gateways = gateways(dayfly, &pull.id).await?;
        ensure!(gateways.len() >= 2, "{gateways:?}");
        let port = dayfly.proxy.port();
        for gateway in gateways {
            for (method, path) in routes() {
                let head = dayfly.control_host();
                let address = format!("host={gateway}&port={port}&head={head}");
                let question = format!("/ask?method={method}&{address}&path={path}");
                let answer = visitor.text(&question).await?;
                ensure!(!answer.contains(" 200 "), "{gateway}{path}: {answer}");
                if dayfly.docker.is_fenced() && gateway != "127.0.0.1" {
                    ensure!(!answer.starts_with("HTTP"), "the host answered: {answer}");
                }
                // A gateway without an answer takes its time, and has none for any path.
                if !answer.starts_with("HTTP") {
                    break;
                }
            }
        }
        let sockets = visitor.text("/read?path=/proc/net/unix").await?;
        ensure!(
            !sockets.contains("api.sock") && !sockets.contains("docker.sock"),
            "{sockets}"
        );
        Ok(())
    })
    .await
}

/// Opens a link as a browser does; answers the cookie that it was given.
async fn enter(dayfly: &Dayfly, url: &str) -> anyhow::Result<(Visitor, String)> {
    let visitor = dayfly.visitor(url);
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    let path = path.context("the address has no path, so no token")?;
    let entered = visitor.browse(path).await?;
    ensure!(
        entered.status == 303 && entered.headers["location"] == "/",
        "{entered:?}"
    );
    let cookie = entered.headers["set-cookie"].to_str()?.to_owned();
    Ok((visitor, cookie))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_domain_a_preview_opens_with_its_link_and_with_no_other() -> anyhow::Result<()> {
    Dayfly::play_with(Options::at("previews.example"), async |dayfly| {
        let (one, two) = (App::probe("one"), App::probe("two"));
        let ((one, first), (_, second)) =
            tokio::try_join!(dayfly.open_live("one", &one), dayfly.open_live("two", &two))?;
        for path in [
            "/",
            "/healthz",
            "/.dayfly/open",
            "/.dayfly/open?token=guess",
        ] {
            let refused = first.browse(path).await?;
            ensure!(refused.status == 403, "{path}: {refused:?}");
            ensure!(!refused.body.contains("one\n"), "{refused:?}");
        }
        let url = dayfly.api.preview(&one.id).await?.url()?.to_owned();
        let token = url.rsplit("token=").next().unwrap_or_default().to_owned();
        ensure!(token.len() >= 22, "{token} is too short to be a secret");
        let (visitor, set) = enter(dayfly, &url).await?;
        let low = set.to_ascii_lowercase();
        ensure!(low.contains("httponly") && low.contains("path=/"), "{set}");
        ensure!(!low.contains("domain="), "{set} is not for this host alone");
        let cookie = set.split(';').next().unwrap_or_default();
        let inside = visitor.clone().with_cookie(cookie);
        ensure!(inside.text("/").await? == "one");
        let seen = inside.text("/headers").await?;
        let value = cookie.split('=').nth(1).unwrap_or_default();
        ensure!(
            !seen.contains(value),
            "the application saw the session: {seen}"
        );
        ensure!(
            !seen.contains(&token),
            "the application saw the token: {seen}"
        );
        let elsewhere = second.clone().with_cookie(cookie).browse("/").await?;
        ensure!(elsewhere.status == 403, "{elsewhere:?}");
        let wrong = second
            .browse(&format!("/.dayfly/open?token={token}"))
            .await?;
        ensure!(wrong.status == 403, "{wrong:?}");
        // The session outlives the server.
        dayfly.kill9().await?;
        ensure!(inside.text("/").await? == "one");
        dayfly.restart().await?;
        ensure!(inside.text("/").await? == "one");
        dayfly.close(&one)?;
        dayfly.gone(&one.id).await?;
        let after = inside.browse("/").await?;
        ensure!(!after.status.is_success(), "{after:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opened_a_preview_does_not_open_it_when_it_comes_back() -> anyhow::Result<()> {
    Dayfly::play_with(Options::at("previews.example"), async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::page("text")).await?;
        let old = dayfly.api.preview(&pull.id).await?.url()?.to_owned();
        let (visitor, set) = enter(dayfly, &old).await?;
        let cookie = set.split(';').next().unwrap_or_default();
        let inside = visitor.clone().with_cookie(cookie);
        ensure!(inside.text("/").await? == "text");
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        let after = inside.browse("/").await?;
        ensure!(after.status == 403, "{after:?}");
        dayfly.forge.reopen(&pull.repo, pull.number)?;
        let back = dayfly.live(&pull, &pull.commit).await?;
        let after = inside.browse("/").await?;
        ensure!(after.status == 403, "an old cookie opens it: {after:?}");
        let path = old.find("/.dayfly/").context("no link")?;
        let after = visitor.browse(&old[path..]).await?;
        ensure!(after.status == 403, "an old link opens it: {after:?}");
        let (visitor, set) = enter(dayfly, back.url()?).await?;
        let cookie = set.split(';').next().unwrap_or_default();
        ensure!(visitor.with_cookie(cookie).text("/").await? == "text");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_link_or_a_new_key_takes_the_place_of_what_a_comment_says() -> anyhow::Result<()> {
    Dayfly::play_with(Options::at("previews.example"), async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::page("text")).await?;
        let link = async || anyhow::Ok(dayfly.api.preview(&pull.id).await?.url()?.to_owned());
        let token = |link: &str| link.rsplit("token=").next().map(str::to_owned);
        let first = link().await?;
        dayfly.comment(&pull, &first).await?;
        let (visitor, set) = enter(dayfly, &first).await?;
        let cookie = set.split(';').next().unwrap_or_default();
        let inside = visitor.with_cookie(cookie);
        ensure!(inside.text("/").await? == "text");
        let relinked = dayfly.command(dayfly.data(), &["relink", &pull.id]).await?;
        ensure!(relinked.success, "{relinked:?}");
        let second = link().await?;
        ensure!(
            second != first && relinked.stdout.contains(&second),
            "{relinked:?}"
        );
        let out = inside.browse("/").await?;
        ensure!(out.status == 403, "{out:?}");
        let comment = dayfly.comment(&pull, &second).await?;
        ensure!(!comment.contains(&first), "{comment}");
        let records = std::fs::read(dayfly.data().join("dayfly.db"))?;
        let log = std::fs::read(dayfly.data().join("dayfly.db-wal"))?;
        let token = token(&second).context("no token")?;
        for bytes in [records, log] {
            let found = bytes
                .windows(token.len())
                .any(|part| part == token.as_bytes());
            ensure!(!found, "the records hold a token");
        }
        // As on a host that a backup was restored on.
        dayfly.terminate().await?;
        std::fs::remove_file(dayfly.data().join("link.key"))?;
        dayfly.restart().await?;
        let third = link().await?;
        ensure!(third != second);
        dayfly.comment(&pull, &third).await?;
        enter(dayfly, &third).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sockets_and_the_data_directory_are_for_their_owner_alone() -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Dayfly::play(async |dayfly| {
        let mode = |path: &std::path::Path| anyhow::Ok(path.metadata()?.permissions().mode());
        let socket = mode(&dayfly.data().join("api.sock"))? & 0o777;
        ensure!(socket == 0o600, "{socket:o}");
        let key = mode(&dayfly.data().join("link.key"))? & 0o777;
        ensure!(key == 0o600, "{key:o}");
        let directory = mode(dayfly.data())? & 0o777;
        ensure!(directory == 0o700, "{directory:o}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_that_faces_visitors_holds_nothing_worth_stealing() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let pid = dayfly.proxy_pid().await?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|rest| rest.trim().to_owned()).unwrap_or_default()
        };
        if nix::unistd::geteuid().is_root() {
            ensure!(!field("Uid:").starts_with('0'), "{status}");
            ensure!(field("CapEff:") == "0000000000000000", "{status}");
        }
        let environment = std::fs::read(format!("/proc/{pid}/environ"))?;
        let words = std::fs::read(format!("/proc/{pid}/cmdline"))?;
        for text in [environment, words] {
            let text = String::from_utf8_lossy(&text).into_owned();
            ensure!(!text.contains("of-this-test"), "a secret is in {text}");
        }
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
            let open = std::fs::read_link(entry.path()).unwrap_or_default();
            let open = open.to_string_lossy().into_owned();
            ensure!(
                !open.contains("dayfly.db") && !open.contains("engine.sock"),
                "{open}"
            );
        }
        Ok(())
    })
    .await
}

/// A field of a process's status, of each of its threads.
fn of_each_thread(pid: u32, name: &str) -> anyhow::Result<Vec<String>> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    let fields = threads.map(|thread| {
        let Some(status) = unless_gone(std::fs::read_to_string(thread?.path().join("status")))?
        else {
            return Ok(None);
        };
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let line = line.with_context(|| format!("no {name}"))?;
        Ok(Some(line.trim().to_owned()))
    });
    fields.filter_map(Result::transpose).collect()
}

/// What a process has open.
fn open_files(pid: u32) -> anyhow::Result<Vec<String>> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"))?;
    let names = open.map(|entry| {
        let name = unless_gone(std::fs::read_link(entry?.path()))?;
        anyhow::Ok(name.map(|name| name.to_string_lossy().into_owned()))
    });
    names.filter_map(Result::transpose).collect()
}

/// What was read; none where the thread or the file was there when it was listed, and ended since.
fn unless_gone<T>(read: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        // A thread that has just ended says this.
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ESRCH as i32) => Ok(None),
        Err(error) => Err(error),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_proxy_has_a_user_of_its_own_no_capability_and_no_file_of_who_started_it()
-> anyhow::Result<()> {
    // Open in this process, and so in the server that it starts.
    let canary = tempfile::NamedTempFile::new()?;
    let mode = nix::sys::stat::Mode::empty();
    let _open = nix::fcntl::open(canary.path(), nix::fcntl::OFlag::O_RDONLY, mode)?;
    let canary = canary.path().to_str().context("a path")?;
    Dayfly::play(async |one| {
        Dayfly::play(async |two| {
            let mut users = BTreeSet::new();
            for dayfly in [one, two] {
                let inherited = open_files(dayfly.server_pid())?;
                ensure!(inherited.iter().any(|name| name == canary), "{inherited:?}");
                let pid = dayfly.proxy_pid().await?;
                for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
                    let all = of_each_thread(pid, set)?;
                    let none = |found: &String| found == "0000000000000000";
                    ensure!(all.iter().all(none), "{set} {all:?}");
                }
                let barred = of_each_thread(pid, "NoNewPrivs:")?;
                ensure!(barred.iter().all(|found| found == "1"), "{barred:?}");
                ensure!(of_each_thread(pid, "Groups:")?.iter().all(String::is_empty));
                for ids in ["Uid:", "Gid:"] {
                    users.extend(of_each_thread(pid, ids)?);
                }
                let log = dayfly.data().join("proxy.log").display().to_string();
                for name in open_files(pid)? {
                    // It keeps its last table, in a folder of its own.
                    let kept = dayfly.data().join("proxy").join("");
                    let kept = name.starts_with(&*kept.to_string_lossy());
                    let own = name == log || name == "/dev/null" || kept;
                    let made = ["socket:", "anon_inode:"]
                        .iter()
                        .any(|k| name.starts_with(k));
                    ensure!(own || made, "the proxy has {name} open");
                }
            }
            ensure!(users.len() == 2, "one number for each: {users:?}");
            let named = std::fs::read_to_string("/etc/passwd")?;
            for user in users {
                let id = user.split_ascii_whitespace().next().context("an id")?;
                ensure!(!named.contains(&format!(":{id}:")), "{id} is somebody's");
            }
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_the_link_is_told_where_it_is_found() -> anyhow::Result<()> {
    Dayfly::play_with(Options::at("previews.example"), async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::page("text")).await?;
        let home = tempfile::tempdir()?;
        let folder = home.path().join("blog");
        std::fs::create_dir(&folder)?;
        crate::local::write(&folder, &App::page("local"))?;
        dayfly.command(&folder, &["up"]).await?.printed()?;
        let fork = dayfly.fork(&pull.id).await?.id;
        let capture = dayfly.capture(&pull.id).await?.id;
        for (id, way) in [
            (pull.id.as_str(), "in its pull request"),
            ("blog-up", "that <code>dayfly up</code> printed"),
            (&fork, "<code>dayfly show</code> on its server prints it"),
            (&capture, "captured state opens with its own link"),
        ] {
            let preview = dayfly.api.preview(id).await?;
            let (base, _) = preview.url()?.split_once("/.dayfly/").context("no link")?;
            let stranger = dayfly.visitor(base);
            let page = stranger.browse("/").await?;
            ensure!(
                page.status == 403 && page.body.contains(way),
                "{id}: {page:?}"
            );
            let has_pull = id == pull.id;
            ensure!(
                page.body.contains("pull request") == has_pull,
                "{id}: {page:?}"
            );
        }
        Ok(())
    })
    .await
}
