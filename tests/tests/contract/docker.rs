//! The real engine, and a pool of data of its own for each promise.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
};

use async_trait::async_trait;
use bollard::query_parameters::{KillContainerOptionsBuilder, ListContainersOptionsBuilder};
use deploy::{
    blueprint::{Command, ProcessOptions},
    builder::{Builder, silence},
    contract::{Act, SEED, Source},
    databases::{DatabaseSpec, Databases, Seed, url},
    docker::{Docker, DockerConfig},
    engine::{Ended, Engine, Network, NetworkSpec, ServiceKey, ServiceSpec},
    labels,
    names::{Generation, Instance, PreviewId, RevisionNumber, ServiceName},
    pool::{CloneMethod, Pool, PoolConfig},
    source::{MirrorId, Mirrors, Tree},
};

use super::{
    Broken, Fixture, contract,
    leftovers::{label_filter, sweep, unmount_below},
};

const BASE: &str = "dayfly-test/base:1";
const POSTGRES: &str = "postgres:15";
const SERVE: &[&str] = &[
    "python3",
    "-u",
    "-m",
    "http.server",
    "8080",
    "--directory",
    "/usr/share",
];
const ACCEPT_ONLY: &str =
    "import socket, time\ns = socket.create_server(('', 8080))\ntime.sleep(3600)";
const BREAK: &str = "from http.server import *
class Broken(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(500)
HTTPServer(('', 8080), Broken).serve_forever()";
const FAIL: &str = "print('last words')\nraise SystemExit(3)";
const PRINT: &str = "for n in range(1, 301): print('line', n)";
/// Counts up in one database and then in the other, whose addresses follow, over one connection to
/// each: the faster it counts, the less two copies may be apart.
const COUNT_UP: &str = r#"
coproc first { exec psql "$0" -v ON_ERROR_STOP=1 -qAt; }
exec 3<&"${first[0]}" 4>&"${first[1]}"
coproc second { exec psql "$1" -v ON_ERROR_STOP=1 -qAt; }
exec 5<&"${second[0]}" 6>&"${second[1]}"
for ((n = 1; ; n++)); do
    echo "UPDATE words SET word = '$n' RETURNING word;" >&4
    read -r -u 3 || exit 1
    echo "UPDATE words SET word = '$n' RETURNING word;" >&6
    read -r -u 5 || exit 1
done"#;
/// The revision for which everything beside a database is run.
const R1: RevisionNumber = RevisionNumber(1);
/// More than everything that a promise keeps there.
const POOL_MIB_MAX: u64 = 2 << 10;

/// The engine of this host, with a pool of data.
pub(super) struct Real {
    pub(super) ours: Docker,
    us: Instance,
    theirs: Docker,
    them: Instance,
    pool: Pool,
    mirrors: Mirrors,
    /// The argument of a `sleep` that nobody else runs.
    sleep_seconds: String,
    folder: tempfile::TempDir,
    /// Whether nothing is left that would have to be taken away.
    ended: bool,
}

impl Real {
    pub(super) async fn new() -> Self {
        let (us, them) = (any_instance(), any_instance());
        let folder = tempfile::tempdir().unwrap();
        let pool = PoolConfig {
            directory: folder.path().join("pool"),
            file: folder.path().join("pool.xfs"),
            file_mib_max: POOL_MIB_MAX,
            free_mib_min: 1,
        };
        let pool = Pool::open(pool).await.unwrap();
        let connect = |instance: &Instance, pool: Option<Pool>| {
            let mut config = DockerConfig::new(instance.clone());
            // Rules of the host's firewall are not what is looked at here.
            config.firewall = false;
            config.builds_journal = Some(folder.path().join(format!("builds-{instance}")));
            config.pool = pool;
            Docker::connect(config).unwrap()
        };
        Self {
            ours: connect(&us, Some(pool.clone())),
            theirs: connect(&them, None),
            us,
            them,
            pool,
            mirrors: Mirrors::new(folder.path().join("mirrors")),
            sleep_seconds: (1_000_000 + u64::from(any_number())).to_string(),
            folder,
            ended: false,
        }
    }

    /// Takes away what is left, and names it.
    pub(super) async fn end(mut self) -> Vec<String> {
        let mut left = Vec::new();
        for instance in [&self.us, &self.them] {
            left.extend(sweep(instance).await.unwrap());
        }
        self.pool.settle().await.unwrap();
        let mounted = matches!(self.pool.clone_method(), CloneMethod::Loop { .. });
        if mounted && !self.pool.close().await.unwrap() {
            left.push("the pool, still mounted".to_owned());
            unmount_below(self.folder.path());
        }
        self.ended = true;
        left
    }

    /// What runs beside databases, in the image that has their client.
    async fn beside(
        &self,
        (preview, generation): (&PreviewId, Generation),
        service: &str,
        command: &[&str],
    ) -> Result<ServiceSpec, Broken> {
        Ok(ServiceSpec {
            key: ServiceKey {
                preview: preview.clone(),
                revision: R1,
                service: ServiceName::parse(service)?,
            },
            image: self.ours.obtain(POSTGRES, silence()).await?,
            command: Some(words(command)),
            process: ProcessOptions::default(),
            env: BTreeMap::new(),
            port: 8080,
            data: Some(generation),
            memory_bytes: 256 << 20,
            cpu_milli: 1_000,
            pids_max: 64,
            init: false,
        })
    }

    /// The builder of a process that finds what this one would leave if it died now.
    pub(super) fn after_death(&self) -> Result<Docker, Broken> {
        let journal = self.folder.path().join("builds-after-death");
        std::fs::create_dir(&journal)?;
        let mut config = self.ours.config().clone();
        let before = config.builds_journal.replace(journal.clone());
        for build in std::fs::read_dir(before.unwrap())? {
            let build = build?;
            std::fs::copy(build.path(), journal.join(build.file_name()))?;
        }
        let next = Docker::connect(config)?;
        next.take_up_builds()?;
        Ok(next)
    }

    async fn query(&self, database: &DatabaseSpec, sql: &str) -> Result<Vec<String>, Broken> {
        let key = &database.key;
        let network = NetworkSpec {
            preview: key.preview.clone(),
            network: Network::Revision(R1),
            members: 6,
        };
        self.ours.ensure_network(&network).await?;
        let url = address(database);
        let command = ["psql", &url, "-v", "ON_ERROR_STOP=1", "-qAtc", sql];
        let whose = (&key.preview, key.generation);
        let spec = self.beside(whose, "client", &command).await?;
        let ended = self.ours.run_to_end(&spec, "query").await?;
        match ended.exit_code {
            0 => Ok(ended.output),
            _ => Err(Broken::new(format!("{sql:?} failed: {ended:?}"))),
        }
    }

    fn dockerfile(&self, source: &Source) -> String {
        let serve = serde_json::to_string(SERVE).unwrap();
        let serves = format!("FROM {BASE}\nCOPY page /srv/page\nCMD {serve}\n");
        match source {
            Source::Serves => serves,
            Source::Fails => format!("FROM {BASE}\nRUN [\"false\"]\n"),
            Source::Waits => {
                format!("FROM {BASE}\nRUN [\"sleep\", \"{}\"]\n", self.sleep_seconds)
            }
            Source::NoDockerfile => String::new(),
            Source::Claims(instance) => {
                let claims = [
                    (labels::INSTANCE, instance.as_str()),
                    (labels::PREVIEW, "victim-1"),
                    (labels::REVISION, "9"),
                    (labels::KIND, "service"),
                    (labels::NAME, "db"),
                ];
                let labels = claims.map(|(key, value)| format!("LABEL {key}={value}\n"));
                serves + &labels.concat()
            }
        }
    }
}

/// Where services in the database's network reach it.
fn address(database: &DatabaseSpec) -> String {
    let key = &database.key;
    url(&database.kind, &key.name, &database.password, None)
}

/// A number that another run is not likely to have.
fn any_number() -> u32 {
    let [a, b, c, d, ..] = RandomState::new().hash_one("contract").to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn any_instance() -> Instance {
    Instance::parse(&format!("{:08x}", any_number())).unwrap()
}

fn words(words: &[&str]) -> Command {
    Command(words.iter().map(|&word| word.to_owned()).collect())
}

#[async_trait]
impl Fixture for Real {
    fn engine(&self) -> &dyn Engine {
        &self.ours
    }

    fn builder(&self) -> &dyn Builder {
        &self.ours
    }

    fn databases(&self) -> &dyn Databases {
        &self.ours
    }

    fn stranger(&self) -> (&Instance, &dyn Engine) {
        (&self.them, &self.theirs)
    }

    fn image(&self) -> &str {
        BASE
    }

    fn database_image(&self) -> &str {
        POSTGRES
    }

    fn command(&self, act: Act) -> Command {
        match act {
            Act::Serve => words(SERVE),
            Act::AcceptOnly => words(&["python3", "-c", ACCEPT_ONLY]),
            Act::Break => words(&["python3", "-c", BREAK]),
            Act::Wait => words(&["sleep", "3600"]),
            Act::Fail => words(&["python3", "-c", FAIL]),
            Act::Print => words(&["python3", "-c", PRINT]),
        }
    }

    async fn tree(&self, source: &Source) -> Result<Tree, Broken> {
        let mut archive = tar::Builder::new(Vec::new());
        let dockerfile = self.dockerfile(source);
        for (path, content) in [("Dockerfile", dockerfile.as_str()), ("page", "hello\n")] {
            if content.is_empty() {
                continue;
            }
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_bytes())?;
        }
        let archive = archive.into_inner()?;
        let mirror = MirrorId::parse("contract")?;
        Ok(self.mirrors.import(&mirror, archive.as_slice()).await?)
    }

    async fn is_building(&self) -> Result<bool, Broken> {
        let wanted = format!("sleep\0{}\0", self.sleep_seconds);
        let mut processes = std::fs::read_dir("/proc")?.flatten();
        Ok(processes.any(|process| {
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            command == wanted.as_bytes()
        }))
    }

    async fn stop_containers(&self) -> Result<(), Broken> {
        let api = bollard::Docker::connect_with_unix_defaults()?;
        let options = ListContainersOptionsBuilder::new()
            .filters(&label_filter(&self.us))
            .build();
        let kill = || KillContainerOptionsBuilder::new().signal("KILL").build();
        for container in api.list_containers(Some(options)).await? {
            let id = container.id.unwrap_or_default();
            api.kill_container(&id, Some(kill())).await?;
            let mut ended = std::pin::pin!(api.wait_container(&id, None));
            // A container that was killed is told as an error with its exit code.
            let _killed = futures_util::StreamExt::next(&mut ended).await;
        }
        Ok(())
    }

    async fn put_word(&self, database: &DatabaseSpec, word: &str) -> Result<(), Broken> {
        let sql = format!("INSERT INTO words VALUES ('{word}')");
        self.query(database, &sql).await.map(drop)
    }

    async fn words(&self, database: &DatabaseSpec) -> Result<Vec<String>, Broken> {
        let sql = "SELECT word FROM words ORDER BY word COLLATE \"C\"";
        self.query(database, sql).await
    }

    async fn count_up(&self, databases: [&DatabaseSpec; 2]) -> Result<(), Broken> {
        let [first, second] = databases.map(address);
        let key = &databases[0].key;
        let command = ["bash", "-c", COUNT_UP, &first, &second];
        let whose = (&key.preview, key.generation);
        let spec = self.beside(whose, "counter", &command).await?;
        let Ended { output, .. } = self.ours.run_to_end(&spec, "count").await?;
        Err(Broken::new(format!("it ended: {output:?}")))
    }

    async fn seed_that_runs(&self, database: &DatabaseSpec) -> Result<Seed, Broken> {
        let (key, url) = (&database.key, address(database));
        let command = ["psql", &url, "-v", "ON_ERROR_STOP=1", "-qc", SEED];
        let whose = (&key.preview, key.generation);
        Ok(Seed::Run {
            spec: Box::new(self.beside(whose, "seeder", &command).await?),
            scope: String::new(),
            words: "seed".to_owned(),
        })
    }
}

impl Drop for Real {
    /// For what panicked: everybody else ends it.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let instances = [self.us.clone(), self.them.clone()];
        // A runtime of its own, since this is dropped inside another.
        let sweeper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                for instance in &instances {
                    sweep(instance).await.unwrap();
                }
            });
        });
        // Whatever became of that, no file stays mounted.
        let _told = sweeper.join();
        unmount_below(self.folder.path());
    }
}

macro_rules! on_docker {
    ($($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            let fixture = Real::new().await;
            let kept = super::keep(&fixture, contract::$promise).await;
            let left = fixture.end().await;
            super::expect_kept(kept);
            assert_eq!(left, Vec::<String>::new(), "left over");
        }
    )*};
}

deploy::contract_promises!(on_docker);
