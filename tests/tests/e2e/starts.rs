//! Services start as they are: late, slow, again and again, and in the habits of official images.

use std::time::{Duration, Instant};

use anyhow::ensure;
use harness::{App, Dayfly, Docker, Options, eventually, eventually_within};

/// From a start that goes wrong to a sentence that says what is seen.
const HINT_MAX: Duration = Duration::from_secs(5);

/// One program for several services of one image.
fn services(program: &str, toml: &str) -> App {
    App::page("unused")
        .with("app.py", program)
        .with("dayfly.toml", toml)
        .then("COPY app.py /app.py")
}

fn service(program: &str) -> App {
    let toml = "[services.web]\nbuild = \".\"\ncommand = [\"python3\", \"-u\", \"/app.py\"]\n";
    services(program, toml)
}

const SERVE: &str = "
import http.server, os, sys, time, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    wait = 0
    def do_GET(self):
        time.sleep(self.wait)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'here')
    def log_message(self, *_):
        pass

def serve(port=8080, host='0.0.0.0'):
    http.server.ThreadingHTTPServer((host, port), Handler).serve_forever()
";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_before_its_sibling_is_there_is_started_again() -> anyhow::Result<()> {
    let program = format!(
        "{SERVE}
if sys.argv[1] == 'late':
    time.sleep(6)
else:
    urllib.request.urlopen('http://late:8080/', timeout=5)
serve()
"
    );
    let toml = "[services.web]\nbuild = \".\"\ncommand = [\"python3\", \"/app.py\", \"web\"]\n\
                [services.late]\nbuild = \".\"\npublic = false\nport = 8080\n\
                command = [\"python3\", \"/app.py\", \"late\"]\n";
    Dayfly::play(async |dayfly| {
        let app = services(&program, toml);
        let (_, visitor) = dayfly.open_live("change", &app).await?;
        ensure!(visitor.text("/").await? == "here");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_keeps_ending_fails_long_before_its_deadline_and_alone() -> anyhow::Result<()>
{
    let program = format!(
        "{SERVE}
if sys.argv[1] == 'good':
    serve()
raise SystemExit('no such table ' + str(time.time()))
"
    );
    let toml = "[services.web]\nbuild = \".\"\ncommand = [\"python3\", \"/app.py\", \"good\"]\n\
                [services.bad]\nbuild = \".\"\ncommand = [\"python3\", \"/app.py\", \"bad\"]\n";
    Dayfly::play(async |dayfly| {
        let pull = dayfly.open("change", &services(&program, toml)).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        let said = preview.diagnosed();
        ensure!(
            said.contains("DF301") && said.contains("bad exited with code 1"),
            "{said}"
        );
        ensure!(said.matches("no such table").count() == 1, "{said}");
        ensure!(!said.contains("web"), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_takes_its_time_is_slow_and_not_broken() -> anyhow::Result<()> {
    let program = format!("{SERVE}\nHandler.wait = 4\nserve()\n");
    Dayfly::play(async |dayfly| {
        let (_, visitor) = dayfly.open_live("change", &service(&program)).await?;
        ensure!(visitor.text("/").await? == "here");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_seen_of_a_start_is_said_within_seconds() -> anyhow::Result<()> {
    let never = format!("{SERVE}\nHandler.wait = 600\nserve()\n");
    let elsewhere = format!("{SERVE}\nserve(3000)\n");
    let inside = format!("{SERVE}\nserve(8080, '127.0.0.1')\n");
    let crashes = "raise SystemExit('out of ideas')";
    let cases = [
        ("never", never.as_str(), "has not answered `GET /`", "DF308"),
        (
            "elsewhere",
            &elsewhere,
            "listens on port 3000, but must listen on port 8080",
            "DF302",
        ),
        (
            "inside",
            &inside,
            "listens on port 8080 at 127.0.0.1",
            "DF302",
        ),
        ("crashes", crashes, "exited with code 1", "DF301"),
    ];
    let options = Options {
        start_seconds_max: 12,
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        for (branch, program, words, code) in cases {
            let pull = dayfly.open(branch, &service(program)).await?;
            dayfly.phase(&pull.id, "starting").await?;
            let began = Instant::now();
            let hint = async || {
                let preview = dayfly.api.preview(&pull.id).await?;
                let said = format!("{:?} {}", preview.waiting_for, preview.diagnosed());
                ensure!(said.contains(words), "{said}");
                Ok(())
            };
            eventually_within(HINT_MAX, &format!("{branch} is told"), hint).await?;
            println!("{branch} is told after {} ms", began.elapsed().as_millis());
            let preview = dayfly.failed(&pull, &pull.commit).await?;
            let said = preview.diagnosed();
            ensure!(said.contains(words) && said.contains(code), "{said}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_while_it_serves_is_started_again_and_that_is_shown() -> anyhow::Result<()> {
    let program = format!(
        "{SERVE}
import pathlib
marks = pathlib.Path('/marks')
runs = len(list(marks.glob('*'))) if marks.exists() else 0
marks.mkdir(exist_ok=True)
(marks / str(runs)).touch()
if 1 <= runs < 7:
    raise SystemExit('not again')
Handler.do_POST = lambda self: os._exit(3)
serve()
"
    );
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &service(&program)).await?;
        // It ends instead of answering.
        let answer = visitor.post("/", "end").await?;
        ensure!(answer.status == 502, "{answer:?}");
        eventually("it is shown that it is started again", async || {
            let preview = dayfly.api.preview(&pull.id).await?;
            let said = preview.waiting_for.unwrap_or_default();
            ensure!(said.contains("exited with code 1"), "{said}");
            ensure!(preview.phase == "live", "{}", preview.phase);
            Ok(())
        })
        .await?;
        eventually("it serves again", async || {
            let text = visitor.text("/").await?;
            ensure!(text == "here", "{text}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_that_the_base_image_exposes_is_taken() -> anyhow::Result<()> {
    const BASE: &str = "dayfly-test/exposes:1";
    let recipe = tempfile::tempdir()?;
    let lines = "FROM dayfly-test/base:1\nEXPOSE 8000\n\
                 CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8000\", \"-h\", \"/site\"]\n";
    std::fs::write(recipe.path().join("Dockerfile"), lines)?;
    let folder = recipe.path().display().to_string();
    Docker::run(&["build", "--tag", BASE, "--", &folder]).await?;
    let played = Dayfly::play(async |dayfly| {
        let dockerfile = format!("FROM {BASE}\nCOPY site /site\n");
        let app = App::page("inherited").with("Dockerfile", &dockerfile);
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        ensure!(visitor.text("/").await? == "inherited");
        let preview = dayfly
            .api
            .get(&format!("/api/v1/previews/{}", pull.id))
            .await?;
        ensure!(preview["phase"] == "live", "{preview}");
        Ok(())
    })
    .await;
    Docker::run(&["image", "rm", BASE]).await?;
    played
}

/// A root master that hands its work to others and signals them, a chown at the start, a port below
/// 1024, a child in an empty folder, and process 1.
#[tokio::test(flavor = "multi_thread")]
async fn the_habits_of_official_images_are_allowed_as_under_docker_run() -> anyhow::Result<()> {
    let program = "
import http.server, json, os, signal, socket, subprocess, time

seen = {}
def tried(name, what):
    try:
        seen[name] = what() or True
    except OSError as error:
        seen[name] = str(error)

def signals():
    child = os.fork()
    if child == 0:
        os.setgid(33); os.setuid(33)
        time.sleep(60)
    while os.stat(f'/proc/{child}').st_uid != 33:
        time.sleep(0.01)
    os.kill(child, signal.SIGTERM)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM

def jails():
    child = os.fork()
    if child == 0:
        try:
            os.chroot('/srv'); os._exit(0)
        except OSError:
            os._exit(1)
    return os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0

def keeps_group_bit():
    os.makedirs('/tmp/box', exist_ok=True)
    os.chown('/tmp/box', 0, 33)
    os.chmod('/tmp/box', 0o2775)
    return bool(os.stat('/tmp/box').st_mode & 0o2000)

tried('signals a worker of another user', signals)
tried('gives files away', lambda: os.chown('/srv', 33, 33))
tried('enters an empty folder', jails)
tried('sets the bit of a group', keeps_group_bit)
tried('listens below 1024', lambda: socket.create_server(('0.0.0.0', 443)).close())
seen['is process 1'] = os.getpid() == 1
seen['shared memory'] = os.statvfs('/dev/shm').f_blocks * os.statvfs('/dev/shm').f_frsize
import resource
seen['open files'] = resource.getrlimit(resource.RLIMIT_NOFILE)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(json.dumps(seen, sort_keys=True).encode())

if os.environ.get('ONCE'):
    print(json.dumps(seen, sort_keys=True))
else:
    http.server.HTTPServer(('0.0.0.0', 80), Handler).serve_forever()
";
    let toml = "[services.web]\nbuild = \".\"\nport = 80\n\
                command = [\"python3\", \"/app.py\"]\n";
    Dayfly::play(async |dayfly| {
        let app = services(program, toml);
        let (pull, visitor) = dayfly.open_live("change", &app).await?;
        let here = visitor.text("/").await?;
        let running = dayfly.docker.running(&pull.id).await?;
        let image = Docker::inspect(&running[0]).await?["Image"].to_string();
        let image = image.trim_matches('"');
        let run = [
            "run", "--rm", "--env", "ONCE=1", image, "python3", "/app.py",
        ];
        let plain = Docker::run(&run).await?;
        ensure!(here == plain.trim(), "in a preview: {here}\nplain: {plain}");
        ensure!(here.contains("\"is process 1\": true"), "{here}");
        ensure!(!here.contains("not permitted"), "{here}");
        Ok(())
    })
    .await
}

/// Supervisors are asked to reap what they did not start; others may ask for the engine's init.
#[tokio::test(flavor = "multi_thread")]
async fn an_init_is_there_where_it_is_asked_for() -> anyhow::Result<()> {
    let program = format!("{SERVE}\nHandler.wait = 0\nserve()\n");
    let toml = "[services.web]\nbuild = \".\"\ninit = true\n\
                command = [\"python3\", \"/app.py\"]\n";
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly
            .open_live("change", &services(&program, toml))
            .await?;
        let running = dayfly.docker.running(&pull.id).await?;
        let known = Docker::inspect(&running[0]).await?;
        ensure!(known["HostConfig"]["Init"] == true, "{known}");
        Ok(())
    })
    .await
}

/// A process 1 that handles no signal would be waited for in vain.
#[tokio::test(flavor = "multi_thread")]
async fn what_hears_no_signal_is_not_waited_for_when_it_is_removed() -> anyhow::Result<()> {
    let program = format!("{SERVE}\nserve()\n");
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &service(&program)).await?;
        let began = Instant::now();
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        let took = began.elapsed();
        ensure!(took < deploy::engine::STOP_GRACE, "{took:?}");
        Ok(())
    })
    .await
}
