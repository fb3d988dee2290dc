//! Promises about commands that run to completion.

use super::{
    Act, Fixture, Kept,
    check::{acting, eventually, expect, network, observe},
};
use crate::engine::{Ended, OUTPUT_LINES_MAX};

/// A command's output and exit code are a result, and nothing of the command stays.
pub async fn a_command_that_fails_is_an_end_not_an_error(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Fail).await?;
    let ended = fixture.engine().run_to_end(&spec, "migrate").await?;
    let output = vec!["last words".to_owned()];
    let wanted = Ended {
        exit_code: 3,
        out_of_memory: false,
        output,
    };
    expect(
        ended == wanted,
        "the command's exit code and output are reported",
        &ended,
    )?;
    let seen = observe(fixture).await?;
    let nothing = seen.services.is_empty() && seen.strays.is_empty();
    expect(nothing, "nothing of the command is left", &seen)
}

/// Output is kept up to a limit; the last lines are kept.
pub async fn a_command_that_prints_much_is_known_by_its_last_lines(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Print).await?;
    let ended = fixture.engine().run_to_end(&spec, "migrate").await?;
    let wanted: Vec<_> = (301 - OUTPUT_LINES_MAX..=300)
        .map(|number| format!("line {number}"))
        .collect();
    expect(
        ended.output == wanted && ended.exit_code == 0,
        "the last lines are kept",
        &ended,
    )
}

/// Dropping a command's future ends the command.
pub async fn dropping_a_run_ends_it(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Wait).await?;
    let strays = async || Ok(observe(fixture).await?.strays);
    {
        let begun = eventually("the command is seen", strays, |strays| strays.len() == 1);
        tokio::select! {
            begun = begun => begun?,
            ended = fixture.engine().run_to_end(&spec, "migrate") => {
                return expect(false, "the command does not end on its own", &ended);
            }
        };
    }
    eventually("the dropped command is gone", strays, Vec::is_empty).await?;
    Ok(())
}
