//! One seeded life of a preview: things happen, then nothing goes wrong any more, then it settles.

use std::time::Instant;

use super::world::{Event, Tally, World};

/// Most things that happen in a life.
const ACTIONS_MAX: u64 = 16;
/// How long a preview may take to settle once nothing goes wrong, on its own clock.
const SETTLE_LIMIT_MS: u64 = 30 * 60 * 1000;
/// How many steps a preview may begin while it settles.
const SETTLE_STEPS_MAX: u64 = 400;
/// How often the sweep asks for a look while it settles.
const SWEEP_MS: u64 = 60_000;

/// A life that broke an order or did not settle.
#[derive(Debug)]
pub struct Failure {
    /// The seed that brings it back.
    pub seed: u64,
    /// What was wrong.
    pub what: String,
    /// What happened before.
    pub trace: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        write!(
            f,
            "again: TEST_SEED={} cargo nextest run -p simulation",
            self.seed
        )
    }
}

/// How a number of lives went.
#[derive(Debug, Default)]
pub struct Report {
    /// How many were lived.
    pub lives: u64,
    /// How many of them per second.
    pub lives_per_second: f64,
    /// How much happened in all of them.
    pub tally: Tally,
    /// The first that failed; the others were not lived then.
    pub failure: Option<Failure>,
}

/// Lives `count` lives, of the seeds from `seed_base` on, until one fails.
pub fn lives(seed_base: u64, count: u64) -> Report {
    let began = Instant::now();
    let mut report = Report::default();
    for seed in seed_base..seed_base + count {
        let world = life(seed, false);
        report.lives += 1;
        report.tally.looks += world.tally.looks;
        report.tally.steps += world.tally.steps;
        report.tally.crashes += world.tally.crashes;
        report.tally.visits += world.tally.visits;
        report.tally.copies += world.tally.copies;
        report.tally.undos += world.tally.undos;
        if world.broken.is_some() {
            report.failure = Some(retrace(seed));
            break;
        }
    }
    report.lives_per_second = report.lives as f64 / began.elapsed().as_secs_f64().max(1e-9);
    report
}

/// The same life once more, written down.
fn retrace(seed: u64) -> Failure {
    let world = life(seed, true);
    Failure {
        seed,
        what: world.broken.unwrap_or_default(),
        trace: world.trace.unwrap_or_default(),
    }
}

/// One life; its world as it ended.
pub fn life(seed: u64, traced: bool) -> World {
    let mut world = World::new(seed, traced);
    world.after(0, Event::Restart);
    world.after(0, Event::Hint);
    world.run_until(world.now);
    for _ in 0..3 + world.rng.below(ACTIONS_MAX - 2) {
        let gap = match world.rng.below(10) {
            0..4 => world.rng.below(100),
            4..8 => world.rng.below(2_000),
            8 => world.rng.below(20_000),
            _ => world.rng.below(200_000),
        };
        world.run_until(world.now + gap);
        if world.broken.is_some() {
            return world;
        }
        world.act();
    }
    settle(&mut world);
    world
}

fn settle(world: &mut World) {
    world.say(|| "from now on nothing goes wrong".to_owned());
    world.calm = true;
    world.engine.away_until = 0;
    world.forge.away_until = 0;
    world.forge.lies_until = 0;
    let limit = world.now + SETTLE_LIMIT_MS;
    let steps = world.tally.steps + SETTLE_STEPS_MAX;
    let mut quiet = 0;
    while quiet < 4 && world.broken.is_none() {
        let before = world.tally.steps;
        world.after(0, Event::Restart);
        world.after(0, Event::Hint);
        world.run_until(world.now + SWEEP_MS);
        // A sweep makes one reading of the forge, and nothing else of what is settled.
        let still = world.tally.steps <= before + 1 && is_quiet(world);
        quiet = if still { quiet + 1 } else { 0 };
        if world.now > limit || world.tally.steps > steps {
            let under_way = world
                .control
                .as_ref()
                .map(|control| control.in_flight.clone());
            world.broke(|| format!("it does not settle; under way: {under_way:?}"));
        }
    }
    if world.broken.is_none() {
        world.check_end();
    }
}

/// Whether nothing is under way and nothing is wanted.
fn is_quiet(world: &World) -> bool {
    let rests = |control: &super::process::Control| {
        control.flights.is_empty() && control.named == 0 && control.in_flight.is_empty()
    };
    world.is_idle() && world.control.as_ref().is_some_and(rests)
}
