//! The values that the tests' previews consist of.

use deploy::{
    blueprint::{Blueprint, BlueprintVersion, Health, Migrate, ProcessOptions, Service},
    engine::Stray,
};

use super::*;

pub(super) fn head(digit: char) -> Head {
    let commit = CommitSha::parse(&digit.to_string().repeat(40)).unwrap();
    let text = || "x".to_owned();
    Head {
        commit,
        branch: text(),
        base: text(),
        author: text(),
        title: text(),
    }
}

pub(super) fn web() -> ServiceName {
    ServiceName::parse("web").unwrap()
}

pub(super) fn db() -> DatabaseName {
    DatabaseName::parse("db").unwrap()
}

pub(super) fn cache() -> DatabaseName {
    DatabaseName::parse("cache").unwrap()
}

pub(super) fn image(number: RevisionNumber) -> ImageId {
    ImageId::parse(&format!("sha256:{:064x}", number.0)).unwrap()
}

pub(super) fn address(number: RevisionNumber) -> SocketAddr {
    format!("10.0.0.{}:8080", number.0).parse().unwrap()
}

/// The address of a service after a restart.
pub(super) fn elsewhere(number: RevisionNumber) -> SocketAddr {
    format!("10.0.1.{}:8080", number.0).parse().unwrap()
}

pub(super) fn exited(exit_code: i64, out_of_memory: bool) -> ContainerState {
    ContainerState::Exited {
        exit_code,
        out_of_memory,
    }
}

pub(super) fn blueprint(asks: Asks) -> Blueprint {
    let service = Service {
        name: web(),
        image: ImageSource::Build {
            context: String::new(),
            dockerfile: "Dockerfile".to_owned(),
            target: None,
            args: BTreeMap::new(),
            secrets: Vec::new(),
        },
        public: true,
        main: true,
        port: 8080,
        port_is_default: false,
        health: Health::Default,
        init: false,
        command: None,
        process: ProcessOptions::default(),
        env: BTreeMap::new(),
        memory_bytes: 1 << 28,
        cpu_milli: 500,
    };
    let database = Database {
        name: db(),
        kind: DatabaseKind::Postgres,
        image: "postgres:15".to_owned(),
        seed: None,
        seed_digest: Some("rows".to_owned()),
        migrate: Some(Migrate {
            run: Command(vec!["migrate".to_owned()]),
            service: web(),
        }),
        on_push: OnPush::Keep,
        migrations: Some("0001".to_owned()),
        url_variable: "DATABASE_URL".to_owned(),
        memory_bytes: 1 << 28,
    };
    let asked = asks == Asks::ServiceAndDatabase;
    Blueprint {
        version: BlueprintVersion::default(),
        origin: "dayfly.toml".to_owned(),
        services: vec![service],
        databases: asked.then_some(database).into_iter().collect(),
        notes: Vec::new(),
        missing: Vec::new(),
    }
}

pub(super) fn stray(
    kind: StrayKind,
    revision: Option<RevisionNumber>,
    database: Option<(Generation, DatabaseName)>,
) -> Stray {
    Stray {
        preview: PreviewId::parse("shop-1").unwrap(),
        kind,
        id: "left".to_owned(),
        revision,
        database,
    }
}

pub(super) fn backoff(retry_at_ms: u64) -> Backoff {
    Backoff {
        count: 1,
        retry_at_ms,
        reason: "no answer".to_owned(),
    }
}

pub(super) fn failed() -> Option<Outcome> {
    let text = || "x".to_owned();
    Some(Outcome::Failed(Diagnosis {
        code: "DF302".to_owned(),
        sentence: text(),
        evidence: Vec::new(),
        action: text(),
    }))
}

/// The third generation of another preview's data.
pub(super) fn elsewhere_data() -> DataSource {
    DataSource::Preview(DataSet {
        preview: PreviewId::parse("shop-9").unwrap(),
        generation: Generation(3),
    })
}

/// A seed command that runs in the image of the service.
pub(super) fn seed_that_runs() -> SeedSource {
    SeedSource::Run {
        run: Command(vec!["fill".to_owned()]),
        service: web(),
    }
}
