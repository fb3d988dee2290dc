//! Promises about copies of data, all taken at one moment.

use std::time::Duration;

use super::{
    Broken, Fixture, Kept,
    check::{eventually, expect, observe},
    data::{G1, G2, MAIN, OTHER, data_are, data_key, holds, made, running, set, started},
};
use crate::{
    databases::{DatabaseError, DatabaseSpec, Fork},
    names::{DatabaseName, NameError},
};

/// How far somebody counts at least before and after a copy is taken.
const COUNT_MIN: u64 = 10;

/// A fork of the first generation to the second.
fn fork(names: &[&str]) -> Result<Fork, NameError> {
    let names = names.iter().map(|name| DatabaseName::parse(name));
    Ok(Fork {
        from: set(G1)?,
        to: set(G2)?,
        names: names.collect::<Result<_, _>>()?,
    })
}

/// Every database that is named is there twice, and what is written to one of them stays there.
pub async fn a_fork_copies_every_named_database(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let other = running(fixture, G1, OTHER).await?;
    fixture.put_word(&main, "before").await?;
    let forked = fixture.databases().fork(&fork(&[MAIN, OTHER])?).await?;
    let whole = forked.paused > Duration::ZERO && forked.paused <= forked.took;
    expect(whole, "it is told how long the source stood still", &forked)?;
    let keys = [
        main.key.clone(),
        other.key.clone(),
        data_key(G2, MAIN)?,
        data_key(G2, OTHER)?,
    ];
    let seen = data_are(fixture, &keys).await?;
    let servers = seen.databases.len();
    expect(servers == 2, "servers run on the source alone", &seen)?;

    let copy = started(fixture, G2, MAIN).await?;
    let copy_of_other = started(fixture, G2, OTHER).await?;
    fixture.put_word(&main, "source").await?;
    fixture.put_word(&copy, "copy").await?;
    holds(fixture, &main, &["before", "seed", "source"]).await?;
    holds(fixture, &copy, &["before", "copy", "seed"]).await?;
    holds(fixture, &other, &["seed"]).await?;
    holds(fixture, &copy_of_other, &["seed"]).await
}

/// What is not named is not copied.
pub async fn a_fork_copies_nothing_else(fixture: &dyn Fixture) -> Kept {
    let main = made(fixture, G1, MAIN).await?;
    let other = made(fixture, G1, OTHER).await?;
    fixture.databases().fork(&fork(&[OTHER])?).await?;
    let keys = [main.key, other.key, data_key(G2, OTHER)?];
    data_are(fixture, &keys).await.map(drop)
}

/// Where no server runs, nothing has to stand still.
pub async fn a_fork_of_what_does_not_run_pauses_nobody(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    fixture.databases().stop(&main.key).await?;
    let forked = fixture.databases().fork(&fork(&[MAIN])?).await?;
    expect(forked.paused.is_zero(), "nobody stood still", &forked)?;
    let copy = started(fixture, G2, MAIN).await?;
    holds(fixture, &copy, &["seed", "written"]).await
}

/// Somebody counts in one database and then in the other. The copies are not further apart than the
/// databases ever were, and whoever counts goes on.
pub async fn a_fork_shows_all_databases_at_one_moment(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let other = running(fixture, G1, OTHER).await?;
    let counted = async || count(fixture, &other).await;
    let forking = async {
        let before = eventually("somebody counts", counted, |n| *n >= COUNT_MIN).await?;
        fixture.databases().fork(&fork(&[MAIN, OTHER])?).await?;
        let goes_on = |n: &u64| *n >= before + COUNT_MIN;
        eventually("whoever counts goes on", counted, goes_on).await?;
        Ok::<_, Broken>(())
    };
    tokio::select! {
        forked = forking => forked?,
        ended = fixture.count_up([&main, &other]) => {
            return expect(false, "counting does not end by itself", &ended);
        }
    }
    let strays = async || Ok(observe(fixture).await?.strays);
    eventually("whoever counted is gone", strays, Vec::is_empty).await?;
    let first = started(fixture, G2, MAIN).await?;
    let second = started(fixture, G2, OTHER).await?;
    let first = count(fixture, &first).await?;
    let second = count(fixture, &second).await?;
    let one_moment = first == second || first == second + 1;
    expect(
        one_moment && second >= COUNT_MIN,
        "the copies are of one moment",
        &(first, second),
    )
}

/// How far somebody counted.
async fn count(fixture: &dyn Fixture, database: &DatabaseSpec) -> Result<u64, Broken> {
    match fixture.words(database).await?.as_slice() {
        [word] if word == "seed" => Ok(0),
        [word] => Ok(word.parse()?),
        words => Err(Broken::new(format!("one word is there; seen: {words:?}"))),
    }
}

/// All or nothing; and what runs on the source goes on.
pub async fn a_fork_of_missing_data_is_no_data_and_leaves_nothing(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let forked = fixture.databases().fork(&fork(&[MAIN, OTHER])?).await;
    let no_data = matches!(&forked,
        Err(DatabaseError::NoData(what)) if what.contains(OTHER));
    expect(no_data, "what is not there is named", &forked)?;
    data_are(fixture, std::slice::from_ref(&main.key)).await?;
    fixture.put_word(&main, "written").await?;
    holds(fixture, &main, &["seed", "written"]).await
}

/// What was there under the name is gone.
pub async fn a_fork_takes_the_place_of_what_was_there(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let copy = running(fixture, G2, MAIN).await?;
    fixture.put_word(&main, "source").await?;
    fixture.put_word(&copy, "replaced").await?;
    fixture.databases().stop(&copy.key).await?;
    for _ in 0..2 {
        fixture.databases().fork(&fork(&[MAIN])?).await?;
    }
    started(fixture, G2, MAIN).await?;
    holds(fixture, &copy, &["seed", "source"]).await?;
    let keys = [main.key, copy.key];
    data_are(fixture, &keys).await.map(drop)
}

/// A copy is nobody's but its own: it outlives what it was taken of.
pub async fn a_fork_outlives_its_source(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    fixture.databases().fork(&fork(&[MAIN])?).await?;
    fixture.databases().remove(&main.key).await?;
    let copy = started(fixture, G2, MAIN).await?;
    holds(fixture, &copy, &["seed", "written"]).await?;
    data_are(fixture, &[copy.key]).await.map(drop)
}
