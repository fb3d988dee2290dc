//! The applications that tests preview. They build in well under a second and need no network.

use webhook::{
    model::{Changes, File, Files},
    names::CommitSha,
};

/// Says what it is, and answers questions about the place it runs in.
const PROBE: &str = include_str!("apps/probe.py");
/// Books every visit in two databases, one after the other.
const LEDGER: &str = include_str!("apps/ledger.py");
/// Keeps notes in a Redis.
const TALLY: &str = include_str!("apps/tally.py");
/// A page and what it calls, two services of one program.
const TWO_HOSTS: &str = include_str!("apps/two_hosts.py");

/// An application, as files of a commit.
#[derive(Clone, Debug, Default)]
pub struct App {
    files: Files,
    removed: Vec<String>,
}

impl App {
    /// A static page with this text.
    pub fn page(text: &str) -> Self {
        let dockerfile = "FROM dayfly-test/base:1\nCOPY site /site\nEXPOSE 8080\n\
                          CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/site\"]\n";
        Self::default()
            .with("Dockerfile", dockerfile)
            .with("site/index.html", text)
            .with(
                "dayfly.toml",
                "[services.web]\nbuild = \".\"\ninit = true\n",
            )
    }

    /// A program that answers questions about the place it runs in.
    pub fn probe(text: &str) -> Self {
        let dockerfile = "FROM dayfly-test/base:1\nCOPY probe.py text /app/\nEXPOSE 8080\n\
                          CMD [\"python3\", \"-u\", \"/app/probe.py\"]\n";
        Self::default()
            .with("Dockerfile", dockerfile)
            .with("probe.py", PROBE)
            .with("text", text)
            .with(
                "dayfly.toml",
                "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n",
            )
    }

    /// Two public services at hosts of their own, `web` and `api`.
    pub fn two_hosts() -> Self {
        let dockerfile = "FROM dayfly-test/base:1\nCOPY two_hosts.py /app/\nEXPOSE 8080\n\
                          CMD [\"python3\", \"-u\", \"/app/two_hosts.py\"]\n";
        let toml = "[services.web]\nbuild = \".\"\nmain = true\nenv = { ROLE = \"web\" }\n\n\
                    [services.api]\nbuild = \".\"\nenv = { ROLE = \"api\" }\n";
        Self::default()
            .with("Dockerfile", dockerfile)
            .with("two_hosts.py", TWO_HOSTS)
            .with("dayfly.toml", toml)
    }

    /// The same program with a Postgres that has one note in it.
    pub fn notes(text: &str) -> Self {
        Self::notes_from(text, "")
    }

    /// The same with a seed of its own, by what comes first in it.
    pub fn notes_from(text: &str, before: &str) -> Self {
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
                    engine = \"postgres:15\"\nseed = \"seed.sql\"\n";
        let seed = format!(
            "{before}create table notes (text text not null);\n\
             insert into notes values ('seeded');\n"
        );
        Self::probe(text)
            .with("dayfly.toml", toml)
            .with("seed.sql", &seed)
    }

    /// A program that books each visit in Postgres and then in Redis.
    pub fn ledger() -> Self {
        let dockerfile = "FROM dayfly-test/base:1\nCOPY ledger.py /app/\nEXPOSE 8080\n\
                          CMD [\"python3\", \"-u\", \"/app/ledger.py\"]\n";
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
                    engine = \"postgres:15\"\nseed = \"seed.sql\"\n\n[databases.cache]\n\
                    engine = \"redis:7.0\"\n";
        Self::default()
            .with("Dockerfile", dockerfile)
            .with("ledger.py", LEDGER)
            .with(
                "seed.sql",
                "create table visits (id bigserial primary key);\n",
            )
            .with("dayfly.toml", toml)
    }

    /// A program that keeps notes in a Redis, which has none at first.
    pub fn tally(text: &str) -> Self {
        let dockerfile = "FROM dayfly-test/base:1\nCOPY tally.py text /app/\nEXPOSE 8080\n\
                          CMD [\"python3\", \"-u\", \"/app/tally.py\"]\n";
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.cache]\n\
                    engine = \"redis:7.0\"\n";
        Self::default()
            .with("Dockerfile", dockerfile)
            .with("tally.py", TALLY)
            .with("text", text)
            .with("dayfly.toml", toml)
    }

    /// Its migration runs this script against the database.
    #[must_use]
    pub fn that_migrates_by(self, statements: &str) -> Self {
        let migration = format!(
            "import os\nimport psycopg2\n\
             with psycopg2.connect(os.environ['DATABASE_URL']) as database:\n    \
             database.cursor().execute({statements:?})\n"
        );
        self.that_migrates().with("migrate.py", &migration)
    }

    /// The same with a file.
    #[must_use]
    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), File::from(text));
        self
    }

    /// The same without a file, also where the branch that it is opened on has one.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        self.files.remove(path);
        self.removed.push(path.to_owned());
        self
    }

    /// The same with a link.
    #[must_use]
    pub fn with_link(mut self, path: &str, target: &str) -> Self {
        self.files
            .insert(path.to_owned(), File::Symlink(target.to_owned()));
        self
    }

    /// The same with a submodule, whose address has to be in its `.gitmodules`.
    #[must_use]
    pub fn with_submodule(mut self, path: &str, commit: &CommitSha) -> Self {
        let submodule = File::Submodule(commit.clone());
        self.files.insert(path.to_owned(), submodule);
        self
    }

    /// The same with lines at the end of its Dockerfile.
    #[must_use]
    pub fn then(mut self, lines: &str) -> Self {
        if let Some(File::Regular(dockerfile)) = self.files.get_mut("Dockerfile") {
            dockerfile.extend(lines.bytes());
            dockerfile.push(b'\n');
        }
        self
    }

    /// Its build waits for so long, after everything else.
    #[must_use]
    pub fn that_builds_for(self, seconds: u32) -> Self {
        self.then(&format!(
            "RUN [\"python3\", \"-c\", \"import time; time.sleep({seconds})\"]"
        ))
    }

    /// Its migration adds a note, once the seed is there.
    #[must_use]
    pub fn that_migrates(self) -> Self {
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
                    engine = \"postgres:15\"\nseed = \"seed.sql\"\n\
                    migrate = { run = \"python3 /app/migrate.py\", in = \"web\" }\n";
        let migration = "import os\nimport psycopg2\n\
                         with psycopg2.connect(os.environ['DATABASE_URL']) as database:\n    \
                         database.cursor().execute(\"insert into notes values ('migrated')\")\n";
        self.with("dayfly.toml", toml)
            .with("migrate.py", migration)
            .then("COPY migrate.py /app/")
    }

    /// What a commit with it changes.
    pub fn changes(&self) -> Changes {
        let removed = self.removed.iter().map(|path| (path.clone(), None));
        let files = self.files.clone().into_iter();
        removed
            .chain(files.map(|(path, file)| (path, Some(file))))
            .collect()
    }

    /// Its files.
    pub fn files(&self) -> Files {
        self.files.clone()
    }
}
