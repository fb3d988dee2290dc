//! The parts that an implementation supplies to check its promises.

use async_trait::async_trait;

use crate::{
    blueprint::Command,
    builder::Builder,
    contract::broken::Broken,
    databases::{DatabaseSpec, Databases, Seed},
    engine::Engine,
    names::Instance,
    source::Tree,
};

/// The password of a database unless a promise is about passwords.
pub const PASSWORD: &str = "correct-horse-battery";

/// A seed after which the one word in the database is `seed`.
pub const SEED: &str = "CREATE TABLE words (word text);\nINSERT INTO words VALUES ('seed');\n";

/// A seed with a syntax error in its third line.
pub const BAD_SEED: &str = "CREATE TABLE words (word text);\n\nNONSENSE 'seed';\nSELECT 1;\n";

/// The behaviour of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Serves HTTP on port 8080, and prints a line for every request.
    Serve,
    /// Accepts connections on port 8080 and never answers.
    AcceptOnly,
    /// Answers every request on port 8080 with status 500.
    Break,
    /// Listens on no port and never exits.
    Wait,
    /// Prints `last words` and exits with code 3.
    Fail,
    /// Prints `line 1` to `line 300` and exits with code 0.
    Print,
}

/// The content of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A Dockerfile whose image does [`Act::Serve`] by default.
    Serves,
    /// A Dockerfile whose RUN step fails.
    Fails,
    /// A Dockerfile whose RUN step never ends.
    Waits,
    /// Files, but no Dockerfile.
    NoDockerfile,
    /// Like [`Source::Serves`], with label instructions that assign the image to service `db`,
    /// revision 9, of preview `victim-1` of that instance.
    Claims(Instance),
}

/// One implementation of the three ports, and ways to inspect it from outside.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The engine.
    fn engine(&self) -> &dyn Engine;

    /// The builder of the same host.
    fn builder(&self) -> &dyn Builder;

    /// The databases of the same host.
    fn databases(&self) -> &dyn Databases;

    /// Another Dayfly on the same host: its id, and its engine.
    fn stranger(&self) -> (&Instance, &dyn Engine);

    /// An existing image that Dayfly did not build; commands run in it.
    fn image(&self) -> &str;

    /// An existing image of PostgreSQL.
    fn database_image(&self) -> &str;

    /// The command for this behaviour.
    fn command(&self, act: Act) -> Command;

    /// A commit with this content.
    async fn tree(&self, source: &Source) -> Result<Tree, Broken>;

    /// Whether the step of [`Source::Waits`] is running, as seen from outside.
    async fn is_building(&self) -> Result<bool, Broken>;

    /// Stops every container of this instance, bypassing the ports.
    async fn stop_containers(&self) -> Result<(), Broken>;

    /// Adds a word to the table `words` of a running database that was created with [`SEED`].
    async fn put_word(&self, database: &DatabaseSpec, word: &str) -> Result<(), Broken>;

    /// All words in that table, sorted.
    async fn words(&self, database: &DatabaseSpec) -> Result<Vec<String>, Broken>;

    /// Replaces the only word in that table of both databases by `1`, then by `2` and so on: each
    /// number first in the first database, then in the second. It counts as fast as one command
    /// inside the first database's preview can, and only ends when dropped.
    async fn count_up(&self, databases: [&DatabaseSpec; 2]) -> Result<(), Broken>;

    /// A command of the shop's first revision that has the same effect on the database as [`SEED`].
    async fn seed_that_runs(&self, database: &DatabaseSpec) -> Result<Seed, Broken>;
}
