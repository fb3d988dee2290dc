//! How much is measured.

use std::time::Duration;

use anyhow::Context as _;

/// Fewer pairs say little.
const PAIRS: usize = 11;
const ACKS_SECONDS: u64 = 60;
const ACKS_SECONDS_QUICK: u64 = 10;
const LIVES: u64 = 2_000;
const LIVES_QUICK: u64 = 500;

/// What a run is told.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How often Dayfly and the plain commands take turns.
    pub pairs: usize,
    /// Whether a first impression will do.
    pub quick: bool,
    /// How long webhooks are sent.
    pub acks: Duration,
    /// How many lives are simulated.
    pub lives: u64,
    /// Only this part, where one is named.
    pub only: Option<Part>,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Simulated lives.
    Lives,
    /// Pushes and new previews beside plain commands.
    Pushes,
    /// Webhooks beside the disk.
    Webhooks,
    /// The builder, beside the engine's own call with the whole context.
    Builds,
    /// Copies of data.
    Forks,
    /// Data that somebody brings.
    Imports,
    /// A backup, beside `tar` and two checksums.
    Backup,
    /// A neighbour of a greedy build.
    Neighbour,
}

impl Part {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "lives" => Some(Self::Lives),
            "pushes" => Some(Self::Pushes),
            "webhooks" => Some(Self::Webhooks),
            "builds" => Some(Self::Builds),
            "forks" => Some(Self::Forks),
            "imports" => Some(Self::Imports),
            "backup" => Some(Self::Backup),
            "neighbour" => Some(Self::Neighbour),
            _ => None,
        }
    }
}

impl Options {
    /// Whether a part is measured.
    pub(super) fn has(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    /// From the words of a command line.
    ///
    /// # Errors
    /// Names the word that is wrong.
    pub fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self {
            pairs: PAIRS,
            quick: false,
            acks: Duration::from_secs(ACKS_SECONDS),
            lives: LIVES,
            only: None,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => {
                    options.quick = true;
                    options.acks = Duration::from_secs(ACKS_SECONDS_QUICK);
                    options.lives = LIVES_QUICK;
                }
                "--pairs" => {
                    let pairs = words.next().and_then(|pairs| pairs.parse().ok());
                    options.pairs = pairs
                        .filter(|pairs| *pairs > 0)
                        .context("--pairs needs a number of at least 1")?;
                }
                "--only" => {
                    let part = words.next().and_then(|part| Part::parse(&part));
                    options.only = Some(part.context(
                        "--only needs one of lives, pushes, webhooks, builds, forks, imports, backup, neighbour",
                    )?);
                }
                _ => anyhow::bail!(
                    "{word:?} is not known; there is --quick, --pairs NUMBER and --only PART"
                ),
            }
        }
        Ok(options)
    }
}
