//! Promises about copies of data taken at one moment.

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

/// Minimum count before and after a copy is taken.
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

/// Every named database is copied, and writes to one copy do not reach the other.
pub async fn a_fork_copies_every_named_database(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let other = running(fixture, G1, OTHER).await?;
    fixture.put_word(&main, "before").await?;
    let forked = fixture.databases().fork(&fork(&[MAIN, OTHER])?).await?;
    let whole = forked.paused > Duration::ZERO && forked.paused <= forked.took;
    expect(whole, "the length of the pause is reported", &forked)?;
    let keys = [
        main.key.clone(),
        other.key.clone(),
        data_key(G2, MAIN)?,
        data_key(G2, OTHER)?,
    ];
    let seen = data_are(fixture, &keys).await?;
    let servers = seen.databases.len();
    expect(servers == 2, "only the source has running servers", &seen)?;

    let copy = started(fixture, G2, MAIN).await?;
    let copy_of_other = started(fixture, G2, OTHER).await?;
    fixture.put_word(&main, "source").await?;
    fixture.put_word(&copy, "copy").await?;
    holds(fixture, &main, &["before", "seed", "source"]).await?;
    holds(fixture, &copy, &["before", "copy", "seed"]).await?;
    holds(fixture, &other, &["seed"]).await?;
    holds(fixture, &copy_of_other, &["seed"]).await
}

/// Other databases are not copied.
pub async fn a_fork_copies_nothing_else(fixture: &dyn Fixture) -> Kept {
    let main = made(fixture, G1, MAIN).await?;
    let other = made(fixture, G1, OTHER).await?;
    fixture.databases().fork(&fork(&[OTHER])?).await?;
    let keys = [main.key, other.key, data_key(G2, OTHER)?];
    data_are(fixture, &keys).await.map(drop)
}

/// Without a running server, nothing is paused.
pub async fn a_fork_of_what_does_not_run_pauses_nobody(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    fixture.databases().stop(&main.key).await?;
    let forked = fixture.databases().fork(&fork(&[MAIN])?).await?;
    expect(forked.paused.is_zero(), "nothing was paused", &forked)?;
    let copy = started(fixture, G2, MAIN).await?;
    holds(fixture, &copy, &["seed", "written"]).await
}

/// A counter writes to one database and then to the other. The copies differ no more than the
/// databases ever did, and the counter continues.
pub async fn a_fork_shows_all_databases_at_one_moment(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let other = running(fixture, G1, OTHER).await?;
    let counted = async || count(fixture, &other).await;
    let forking = async {
        let before = eventually("the counter runs", counted, |n| *n >= COUNT_MIN).await?;
        fixture.databases().fork(&fork(&[MAIN, OTHER])?).await?;
        let goes_on = |n: &u64| *n >= before + COUNT_MIN;
        eventually("the counter continues", counted, goes_on).await?;
        Ok::<_, Broken>(())
    };
    tokio::select! {
        forked = forking => forked?,
        ended = fixture.count_up([&main, &other]) => {
            return expect(false, "the counter does not end on its own", &ended);
        }
    }
    let strays = async || Ok(observe(fixture).await?.strays);
    eventually("the counter is gone", strays, Vec::is_empty).await?;
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

/// The current count.
async fn count(fixture: &dyn Fixture, database: &DatabaseSpec) -> Result<u64, Broken> {
    match fixture.words(database).await?.as_slice() {
        [word] if word == "seed" => Ok(0),
        [word] => Ok(word.parse()?),
        words => Err(Broken::new(format!("there is one word; seen: {words:?}"))),
    }
}

/// A fork copies all or nothing, and the source's servers continue.
pub async fn a_fork_of_missing_data_is_no_data_and_leaves_nothing(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    let forked = fixture.databases().fork(&fork(&[MAIN, OTHER])?).await;
    let no_data = matches!(&forked,
        Err(DatabaseError::NoData(what)) if what.contains(OTHER));
    expect(no_data, "the missing data is named", &forked)?;
    data_are(fixture, std::slice::from_ref(&main.key)).await?;
    fixture.put_word(&main, "written").await?;
    holds(fixture, &main, &["seed", "written"]).await
}

/// A fork replaces existing data of the target.
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

/// A copy outlives its source.
pub async fn a_fork_outlives_its_source(fixture: &dyn Fixture) -> Kept {
    let main = running(fixture, G1, MAIN).await?;
    fixture.put_word(&main, "written").await?;
    fixture.databases().fork(&fork(&[MAIN])?).await?;
    fixture.databases().remove(&main.key).await?;
    let copy = started(fixture, G2, MAIN).await?;
    holds(fixture, &copy, &["seed", "written"]).await?;
    data_are(fixture, &[copy.key]).await.map(drop)
}
