//! How much chaos.

use std::{
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// How often the control plane is killed.
    pub kills: u64,
    /// How many pull requests are worked on; every third has a Postgres.
    pub pulls: u64,
    /// After this long no more is killed or backed up, however often it was.
    pub time_max: Option<Duration>,
    /// Cycles of copies of data to play instead.
    pub data_cycles: Option<u64>,
    /// Copies of what is written to all the time to take instead.
    pub data_copies: Option<u64>,
    /// Backups to take and restore instead, while everything dies around them.
    pub backup_rounds: Option<u64>,
    /// Where all choices come from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            kills: 1_000,
            pulls: 6,
            time_max: None,
            data_cycles: None,
            data_copies: None,
            backup_rounds: None,
            seed: u64::from(now.subsec_nanos()),
        }
    }
}

impl Options {
    /// From the words of a command line.
    ///
    /// # Errors
    /// Names the word that is wrong.
    pub fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--kills" => options.kills = number(&word, words.next())?,
                "--pulls" => options.pulls = number(&word, words.next())?,
                "--data-cycles" => options.data_cycles = Some(number(&word, words.next())?),
                "--data-copies" => options.data_copies = Some(number(&word, words.next())?),
                "--backups" => options.backup_rounds = Some(number(&word, words.next())?),
                "--seed" => options.seed = number(&word, words.next())?,
                "--minutes" => {
                    let minutes: u64 = number(&word, words.next())?;
                    options.time_max = Some(Duration::from_secs(60 * minutes));
                }
                _ => anyhow::bail!(
                    "{word:?} is not known; there is --kills, --pulls, --minutes, --data-cycles, \
                     --data-copies, --backups and --seed, each with a number"
                ),
            }
        }
        anyhow::ensure!(options.pulls > 0, "--pulls has to be at least 1");
        Ok(options)
    }
}

fn number<T: FromStr>(word: &str, value: Option<String>) -> anyhow::Result<T> {
    let value = value.with_context(|| format!("{word} needs a number"))?;
    value
        .parse()
        .ok()
        .with_context(|| format!("{word} needs a number, not {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Options> {
        Options::parse(line.split_ascii_whitespace().map(str::to_owned))
    }

    #[test]
    fn words_are_taken_and_wrong_ones_named() {
        let options = parse("--kills 7 --seed 9 --minutes 2").unwrap();
        assert_eq!((options.kills, options.seed), (7, 9));
        assert_eq!(options.time_max, Some(Duration::from_secs(120)));
        for (line, named) in [
            ("--kill 7", "--kill"),
            ("--kills", "--kills"),
            ("--seed x", "x"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
