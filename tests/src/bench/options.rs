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
    /// How long webhooks are sent.
    pub acks: Duration,
    /// How many lives are simulated.
    pub lives: u64,
}

impl Options {
    /// From the words of a command line.
    ///
    /// # Errors
    /// Names the word that is wrong.
    pub fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self {
            pairs: PAIRS,
            acks: Duration::from_secs(ACKS_SECONDS),
            lives: LIVES,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => {
                    options.acks = Duration::from_secs(ACKS_SECONDS_QUICK);
                    options.lives = LIVES_QUICK;
                }
                "--pairs" => {
                    let pairs = words.next().and_then(|pairs| pairs.parse().ok());
                    options.pairs = pairs
                        .filter(|pairs| *pairs > 0)
                        .context("--pairs needs a number of at least 1")?;
                }
                _ => anyhow::bail!("{word:?} is not known; there is --quick and --pairs NUMBER"),
            }
        }
        Ok(options)
    }
}
