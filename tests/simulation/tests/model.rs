//! Twenty thousand lives of a preview in a modelled world.

use anyhow::{Context as _, ensure};
use simulation::model::{life, lives};

/// Lives that each of the tests lives.
const LIVES: u64 = 2_500;

fn live(block: u64) -> anyhow::Result<()> {
    let (base, count) = match std::env::var("TEST_SEED") {
        Ok(seed) => (seed.parse().context("TEST_SEED is not a number")?, 1),
        Err(_) => (block * LIVES, LIVES),
    };
    settles(base, count)
}

fn settles(base: u64, count: u64) -> anyhow::Result<()> {
    let report = lives(base, count);
    if let Some(failure) = report.failure {
        anyhow::bail!("{failure}");
    }
    ensure!(
        report.lives == count,
        "{} of {count} lives were lived",
        report.lives
    );
    Ok(())
}

macro_rules! blocks {
    ($($name:ident $block:literal)*) => {
        $(#[test] fn $name() -> anyhow::Result<()> { live($block) })*
    };
}

blocks! {
    every_life_settles_1 0
    every_life_settles_2 1
    every_life_settles_3 2
    every_life_settles_4 3
    every_life_settles_5 4
    every_life_settles_6 5
    every_life_settles_7 6
    every_life_settles_8 7
}

#[test]
fn the_same_seed_is_the_same_life() {
    let trace = || life(7, true).trace;
    assert_eq!(trace(), trace());
}

#[test]
fn lives_are_full_of_trouble() {
    let tally = lives(0, 200).tally;
    assert!(tally.crashes > 150, "{tally:?}");
    assert!(tally.visits > 100, "{tally:?}");
    assert!(tally.steps > 4_000, "{tally:?}");
    assert!(tally.copies > 5, "{tally:?}");
    assert!(tally.undos > 10, "{tally:?}");
}
