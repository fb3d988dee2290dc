//! What an implementation supplies so that its promises can be checked.

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

/// A seed whose third line no server takes.
pub const BAD_SEED: &str = "CREATE TABLE words (word text);\n\nNONSENSE 'seed';\nSELECT 1;\n";

/// What a container can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Serves HTTP on port 8080, and prints a line for every request.
    Serve,
    /// Accepts connections on port 8080 and never answers.
    AcceptOnly,
    /// Answers every request on port 8080 with status 500.
    Break,
    /// Listens nowhere and never ends.
    Wait,
    /// Prints `last words` and ends with exit code 3.
    Fail,
    /// Prints `line 1` to `line 300` and ends well.
    Print,
}

/// What a commit can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A Dockerfile whose image does [`Act::Serve`] by itself.
    Serves,
    /// A Dockerfile whose RUN step fails.
    Fails,
    /// A Dockerfile whose RUN step does not end.
    Waits,
    /// Files, but no Dockerfile.
    NoDockerfile,
    /// As [`Source::Serves`], with label instructions that claim the image for service `db`,
    /// revision 9, of preview `victim-1` of that instance.
    Claims(Instance),
}

/// One implementation of the three ports, and what lets us look at it from outside.
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

    /// An image that somebody else made and that is there; commands run in it.
    fn image(&self) -> &str;

    /// An image of PostgreSQL that is there.
    fn database_image(&self) -> &str;

    /// The command that does it.
    fn command(&self, act: Act) -> Command;

    /// A commit that holds it.
    async fn tree(&self, source: &Source) -> Result<Tree, Broken>;

    /// Whether the step of [`Source::Waits`] runs right now, as seen from outside.
    async fn is_building(&self) -> Result<bool, Broken>;

    /// Stops every container of this instance without the ports.
    async fn stop_containers(&self) -> Result<(), Broken>;

    /// Adds a word to the table `words` of a database that was made with [`SEED`] and runs.
    async fn put_word(&self, database: &DatabaseSpec, word: &str) -> Result<(), Broken>;

    /// All words in that table, sorted.
    async fn words(&self, database: &DatabaseSpec) -> Result<Vec<String>, Broken>;

    /// Replaces the one word in that table of both by `1`, then by `2` and so on, each in the first
    /// and then in the second, as fast as one command inside the first one's preview can. Ends by
    /// being dropped alone.
    async fn count_up(&self, databases: [&DatabaseSpec; 2]) -> Result<(), Broken>;

    /// A command of the shop's first revision that does to the database what [`SEED`] does.
    async fn seed_that_runs(&self, database: &DatabaseSpec) -> Result<Seed, Broken>;
}
