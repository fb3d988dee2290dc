//! Commits: what each asks for, and how it behaves when it is built and run.

use std::collections::BTreeMap;

use deploy::{
    blueprint::{
        Blueprint, BlueprintVersion, Command, Database, DatabaseKind, Health, ImageSource, Migrate,
        OnPush, ProcessOptions, Service,
    },
    names::CommitSha,
};

use super::{rng::Rng, words};

/// How a commit behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Everything about it works.
    Works,
    /// Its blueprint cannot be read.
    BadBlueprint,
    /// Its build fails.
    BuildFails,
    /// Its seed fails.
    SeedFails,
    /// Its migration fails.
    MigrationFails,
    /// The engine refuses its container.
    StartRefused,
    /// Its service ends soon after it started.
    Exits,
    /// Its service runs and never answers.
    NeverReady,
}

/// One commit.
#[derive(Clone, Debug)]
pub(crate) struct App {
    /// Its id.
    pub(crate) commit: CommitSha,
    /// What it asks for.
    pub(crate) blueprint: Blueprint,
    /// How it behaves.
    pub(crate) fate: Fate,
    /// What its images are built from; commits with the same have the same images.
    pub(crate) recipe: u64,
}

impl App {
    /// The `index`-th commit of a life.
    pub(crate) fn draw(rng: &mut Rng, index: usize) -> Self {
        let fate = match rng.below(24) {
            0 => Fate::BadBlueprint,
            1 => Fate::BuildFails,
            2 => Fate::SeedFails,
            3 => Fate::MigrationFails,
            4 => Fate::StartRefused,
            5 => Fate::Exits,
            6 => Fate::NeverReady,
            _ => Fate::Works,
        };
        let mut services = vec![service("web", true, "web")];
        if rng.percent(25) {
            let image = if rng.percent(50) { "web" } else { "api" };
            services.push(service("api", rng.percent(50), image));
        }
        let recipe = rng.below(4);
        let mut databases = Vec::new();
        if rng.percent(60) {
            databases.push(database(rng, "main", 70));
        }
        if rng.percent(10) {
            databases.push(database(rng, "cache", 30));
        }
        let migrates = databases
            .iter()
            .any(|database: &Database| database.migrate.is_some());
        let fate = if fate == Fate::MigrationFails && !migrates {
            Fate::Works
        } else {
            fate
        };
        Self {
            commit: words::commit(index),
            blueprint: Blueprint {
                version: BlueprintVersion::default(),
                origin: "dayfly.toml".to_owned(),
                services,
                databases,
                notes: Vec::new(),
                missing: Vec::new(),
            },
            fate,
            recipe,
        }
    }
}

fn service(name: &str, public: bool, image: &str) -> Service {
    Service {
        name: words::service(name),
        image: ImageSource::Reference(image.to_owned()),
        public,
        main: name == "web",
        port: 8080,
        port_is_default: false,
        health: Health::Default,
        init: false,
        command: None,
        process: ProcessOptions::default(),
        env: BTreeMap::new(),
        memory_bytes: 0,
        cpu_milli: 0,
    }
}

fn database(rng: &mut Rng, name: &str, migrates: u64) -> Database {
    let migrate = Migrate {
        run: Command(vec!["migrate".to_owned()]),
        service: words::service("web"),
    };
    let major = if rng.percent(5) { 16 } else { 15 };
    Database {
        name: words::database(name),
        kind: DatabaseKind::Postgres,
        image: format!("postgres:{major}"),
        seed: None,
        seed_digest: None,
        migrate: rng.percent(migrates).then_some(migrate),
        on_push: match rng.below(20) {
            0 => OnPush::Reset,
            1..4 => OnPush::ResetIfMigrationsChanged,
            _ => OnPush::Keep,
        },
        migrations: rng.percent(75).then(|| rng.below(3).to_string()),
        url_variable: String::new(),
        memory_bytes: 0,
    }
}

/// What stands for the migrations of a commit: commits with the same have the same.
pub(super) fn migrations_of(database: &Database, commit: &CommitSha) -> String {
    let files = database.migrations.clone();
    files.unwrap_or_else(|| commit.to_string())
}
