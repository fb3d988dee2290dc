//! The simulated host.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use deploy::{
    blueprint::{Command, ProcessOptions},
    builder::{Builder, silence},
    contract::{Act, Source},
    databases::{DatabaseSpec, Databases, Seed},
    engine::{ContainerState, Engine, ServiceKey, ServiceSpec},
    fake::{AppScript, BuildScript, FakeEngine, Fault, Op, Outcome, StartScript},
    names::{CommitSha, Instance, RevisionNumber, ServiceName},
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

    async fn put_word(&self, database: &DatabaseSpec, word: &str) -> Result<(), Broken> {
        let statement = format!("INSERT INTO words VALUES ('{word}')");
        self.ours.write(&database.key, &statement);
        Ok(())
    }

    async fn words(&self, database: &DatabaseSpec) -> Result<Vec<String>, Broken> {
        let servers = self.ours.everything().databases;
        let runs = servers
            .iter()
            .any(|server| server.key == database.key && server.state == ContainerState::Running);
        let data = self.ours.data(&database.key).filter(|_| runs);
        let data = data.ok_or_else(|| Broken::new("no database"))?;
        let mut words = Vec::new();
        for statement in data {
            // What a command did is known by its task alone.
            let by_command = statement.starts_with("seed ").then_some("seed");
            let word = by_command.or_else(|| statement.split('\'').nth(1));
            if statement.starts_with("UPDATE") {
                words.clear();
            }
            words.extend(word.map(str::to_owned));
        }
        words.sort();
        Ok(words)
    }

    async fn count_up(&self, databases: [&DatabaseSpec; 2]) -> Result<(), Broken> {
        for number in 1_u64.. {
            for database in databases {
                let statement = format!("UPDATE words SET word = '{number}'");
                self.ours.write(&database.key, &statement);
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn seed_that_runs(&self, database: &DatabaseSpec) -> Result<Seed, Broken> {
        let image = self.ours.obtain(self.image(), silence()).await?;
        let spec = ServiceSpec {
            key: ServiceKey {
                preview: database.key.preview.clone(),
                revision: RevisionNumber(1),
                service: ServiceName::parse("seeder")?,
            },
            image,
            command: Some(command(Act::Serve)),
            process: ProcessOptions::default(),
            env: BTreeMap::new(),
            port: 8080,
            data: Some(database.key.generation),
            memory_bytes: 256 << 20,
            cpu_milli: 1_000,
            pids_max: 64,
            init: false,
        };
        Ok(Seed::Run {
            spec: Box::new(spec),
            scope: String::new(),
            words: "seed".to_owned(),
        })
    }
}

macro_rules! on_the_fake {
    ($($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            let fixture = Simulated::new();
            super::expect_kept(super::keep(&fixture, contract::$promise).await);
            assert_eq!(fixture.ours.violations(), Vec::<String>::new());
        }
    )*};
}

deploy::contract_promises!(on_the_fake);
