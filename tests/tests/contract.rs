//! Every promise of the three ports, kept by the fake and by the real engine.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use deploy::contract::{self, Broken, Fixture, Kept};

/// Checks one promise, and that everything it made can be taken away again.
async fn keep(fixture: &dyn Fixture, promise: impl AsyncFnOnce(&dyn Fixture) -> Kept) {
    let kept = match promise(fixture).await {
        Ok(()) => contract::clear(fixture).await,
        broken => broken,
    };
    if let Err(why) = kept {
        panic!("{why:?}");
    }
}

mod fake {
    use std::time::Duration;

    use async_trait::async_trait;
    use deploy::{
        blueprint::Command,
        builder::Builder,
        contract::{Act, Source},
        databases::{DatabaseKey, Databases},
        engine::Engine,
        fake::{AppScript, BuildScript, FakeEngine, Fault, Op, Outcome, StartScript},
        names::{CommitSha, Instance},
        source::Tree,
    };

    use super::{Broken, Fixture, contract};

    const HOUR: Duration = Duration::from_secs(3_600);

    struct Simulated {
        ours: FakeEngine,
        theirs: FakeEngine,
        them: Instance,
    }

    impl Simulated {
        fn new() -> Self {
            let ours = FakeEngine::new(&Instance::parse("00000001").unwrap());
            let them = Instance::parse("00000002").unwrap();
            ours.takes_no_time();
            ours.no_image("localhost:1/dayfly-contract/nothing:1");
            for act in [
                Act::Serve,
                Act::AcceptOnly,
                Act::Break,
                Act::Wait,
                Act::Fail,
                Act::Print,
            ] {
                ours.app_of_command(&command(act), script(act));
            }
            Self {
                theirs: ours.as_instance(&them),
                ours,
                them,
            }
        }
    }

    fn command(act: Act) -> Command {
        Command(vec![format!("{act:?}")])
    }

    fn script(act: Act) -> AppScript {
        let usual = AppScript {
            starts_in: Duration::from_millis(5),
            ..AppScript::default()
        };
        match act {
            Act::Serve => usual,
            Act::AcceptOnly => AppScript {
                start: StartScript::Silent,
                ..usual
            },
            Act::Break => AppScript {
                start: StartScript::Status(500),
                ..usual
            },
            Act::Wait => AppScript {
                start: StartScript::NeverListens,
                migrate_takes: HOUR,
                ..usual
            },
            Act::Fail => AppScript {
                start: StartScript::ExitsWith(3),
                migrate: 3,
                output: vec!["last words".to_owned()],
                ..usual
            },
            Act::Print => AppScript {
                output: (1..=300).map(|number| format!("line {number}")).collect(),
                ..usual
            },
        }
    }

    #[async_trait]
    impl Fixture for Simulated {
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
            "somebody/base:1"
        }

        fn database_image(&self) -> &str {
            "postgres:15"
        }

        fn command(&self, act: Act) -> Command {
            command(act)
        }

        async fn tree(&self, source: &Source) -> Result<Tree, Broken> {
            let (digit, build) = match source {
                Source::Serves => ("a", BuildScript::Ok),
                Source::Claims(_) => ("b", BuildScript::Ok),
                Source::Waits => ("c", BuildScript::Ok),
                Source::NoDockerfile => ("d", BuildScript::NoDockerfile),
                Source::Fails => {
                    let step = "[2/2] RUN false".to_owned();
                    (
                        "e",
                        BuildScript::Fails {
                            step,
                            message: "exit code 1".to_owned(),
                        },
                    )
                }
            };
            if *source == Source::Waits {
                self.ours.fail_next(Op::Build, Fault::Hang);
            }
            let commit = CommitSha::parse(&digit.repeat(40))?;
            self.ours.app(
                &commit,
                AppScript {
                    build,
                    ..script(Act::Serve)
                },
            );
            Ok(Tree::detached(commit))
        }

        async fn is_building(&self) -> Result<bool, Broken> {
            Ok(self.ours.count(Op::Build, Outcome::UnderWay) > 0)
        }

        async fn stop_containers(&self) -> Result<(), Broken> {
            self.ours.stop_all_containers();
            Ok(())
        }

        async fn put_word(&self, database: &DatabaseKey, word: &str) -> Result<(), Broken> {
            self.ours
                .write(database, &format!("INSERT INTO words VALUES ('{word}')"));
            Ok(())
        }

        async fn words(&self, database: &DatabaseKey) -> Result<Vec<String>, Broken> {
            let data = self
                .ours
                .data(database)
                .ok_or_else(|| Broken::new("no database"))?;
            let quoted = data
                .iter()
                .filter_map(|statement| statement.split('\'').nth(1));
            let mut words: Vec<_> = quoted.map(str::to_owned).collect();
            words.sort();
            Ok(words)
        }
    }

    macro_rules! on_the_fake {
        ($($promise:ident)*) => {$(
            #[tokio::test]
            async fn $promise() {
                let fixture = Simulated::new();
                super::keep(&fixture, contract::$promise).await;
                assert_eq!(fixture.ours.violations(), Vec::<String>::new());
            }
        )*};
    }

    deploy::contract_promises!(on_the_fake);
}

mod docker {
    use std::{
        collections::{BTreeMap, HashMap},
        hash::{BuildHasher, RandomState},
    };

    use async_trait::async_trait;
    use bollard::query_parameters::{
        KillContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptionsBuilder,
        ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
        RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
    };
    use deploy::{
        blueprint::Command,
        builder::Builder,
        contract::{Act, PASSWORD, Source},
        databases::{DatabaseKey, Databases, postgres_url},
        docker::{Docker, DockerConfig},
        engine::{Engine, Room, RoomSpec, ServiceKey, ServiceSpec},
        labels,
        names::{Instance, RevisionNumber, ServiceName},
        source::{MirrorId, Mirrors, Tree},
    };

    use super::{Broken, Fixture, contract};

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

    struct Real {
        ours: Docker,
        us: Instance,
        theirs: Docker,
        them: Instance,
        mirrors: Mirrors,
        /// The argument of a `sleep` that nobody else runs.
        sleep_seconds: String,
        _folder: tempfile::TempDir,
    }

    impl Real {
        fn new() -> Self {
            let (us, them) = (any_instance(), any_instance());
            let connect = |instance: &Instance| {
                let mut config = DockerConfig::new(instance.clone());
                // Rules of the host's firewall are not what is looked at here.
                config.firewall = false;
                Docker::connect(config).unwrap()
            };
            let folder = tempfile::tempdir().unwrap();
            Self {
                ours: connect(&us),
                theirs: connect(&them),
                us,
                them,
                mirrors: Mirrors::new(folder.path().join("mirrors")),
                sleep_seconds: (1_000_000 + u64::from(any_number())).to_string(),
                _folder: folder,
            }
        }

        async fn query(&self, database: &DatabaseKey, sql: &str) -> Result<Vec<String>, Broken> {
            let revision = RevisionNumber(1);
            let preview = database.preview.clone();
            let room = Room::Revision(revision);
            let room = RoomSpec {
                preview: preview.clone(),
                room,
                members: 6,
            };
            self.ours.ensure_room(&room).await?;
            let url = postgres_url(&database.name, PASSWORD);
            let command = ["psql", &url, "-v", "ON_ERROR_STOP=1", "-qAtc", sql];
            let spec = ServiceSpec {
                key: ServiceKey {
                    preview,
                    revision,
                    service: ServiceName::parse("client")?,
                },
                image: self
                    .ours
                    .obtain(POSTGRES, deploy::builder::silence())
                    .await?,
                command: Some(words(&command)),
                env: BTreeMap::new(),
                port: 8080,
                uses_data: true,
                memory_bytes: 256 << 20,
                cpu_milli: 1_000,
                pids_max: 64,
            };
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
                .filters(&of(&self.us))
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

        async fn put_word(&self, database: &DatabaseKey, word: &str) -> Result<(), Broken> {
            let sql = format!("INSERT INTO words VALUES ('{word}')");
            self.query(database, &sql).await.map(drop)
        }

        async fn words(&self, database: &DatabaseKey) -> Result<Vec<String>, Broken> {
            self.query(database, "SELECT word FROM words ORDER BY word")
                .await
        }
    }

    fn of(instance: &Instance) -> HashMap<String, Vec<String>> {
        let label = format!("{}={instance}", labels::INSTANCE);
        HashMap::from([("label".to_owned(), vec![label])])
    }

    /// Removes all that carries the instance's label, and names it.
    async fn sweep(instance: &Instance) -> Result<Vec<String>, bollard::errors::Error> {
        let api = bollard::Docker::connect_with_unix_defaults()?;
        let filters = of(instance);
        let mut left = Vec::new();
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        for container in api.list_containers(Some(options)).await? {
            let id = container.id.unwrap_or_default();
            left.push(format!("container {:?}", container.names));
            let force = RemoveContainerOptionsBuilder::new()
                .force(true)
                .v(true)
                .build();
            api.remove_container(&id, Some(force)).await?;
        }
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        for network in api.list_networks(Some(options)).await? {
            let name = network.name.unwrap_or_default();
            api.remove_network(&name).await?;
            left.push(format!("network {name}"));
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        for volume in api
            .list_volumes(Some(options))
            .await?
            .volumes
            .unwrap_or_default()
        {
            let force = RemoveVolumeOptionsBuilder::new().force(true).build();
            api.remove_volume(&volume.name, Some(force)).await?;
            left.push(format!("volume {}", volume.name));
        }
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        for image in api.list_images(Some(options)).await? {
            let force = RemoveImageOptionsBuilder::new().force(true).build();
            api.remove_image(&image.id, Some(force), None).await?;
            left.push(format!("image {:?}", image.repo_tags));
        }
        Ok(left)
    }

    impl Drop for Real {
        fn drop(&mut self) {
            let instances = [self.us.clone(), self.them.clone()];
            // A runtime of its own, since this may be dropped inside another.
            let sweeper = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.unwrap().block_on(async {
                    let mut left = Vec::new();
                    for instance in &instances {
                        left.extend(sweep(instance).await.unwrap());
                    }
                    left
                })
            });
            let left = sweeper.join();
            if !std::thread::panicking() {
                assert_eq!(left.unwrap(), Vec::<String>::new(), "left over");
            }
        }
    }

    macro_rules! on_docker {
        ($($promise:ident)*) => {$(
            #[tokio::test]
            async fn $promise() {
                super::keep(&Real::new(), contract::$promise).await;
            }
        )*};
    }

    deploy::contract_promises!(on_docker);
}
