//! Promises about the answers and the output of services.

use futures_util::StreamExt;

use super::{
    Act, Broken, Fixture, Kept,
    check::{acting, eventually, expect, key, network, probe, ready, soon, started},
};
use crate::{
    blueprint::{Health, HealthCheck},
    engine::{EngineError, LogStream, Probe},
};

/// Each finding has a different cause in the application, so a probe distinguishes them.
pub async fn a_probe_tells_refused_silent_and_status_apart(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let cases = [
        ("idle", Act::Wait, Health::Default, Probe::Refused),
        ("idle", Act::Wait, Health::Tcp, Probe::Refused),
        ("idle", Act::Wait, Health::Running, Probe::Ready),
        ("mute", Act::AcceptOnly, Health::Default, Probe::Silent),
        ("mute", Act::AcceptOnly, Health::Tcp, Probe::Ready),
        ("bad", Act::Break, Health::Default, Probe::Status(500)),
        (
            "bad",
            Act::Break,
            Health::Path("/healthz".to_owned()),
            Probe::Status(500),
        ),
        ("bad", Act::Break, Health::Tcp, Probe::Ready),
        ("good", Act::Serve, Health::Default, Probe::Ready),
        (
            "good",
            Act::Serve,
            Health::Path("/".to_owned()),
            Probe::Ready,
        ),
    ];
    for (service, act, health, wanted) in cases {
        let spec = acting(fixture, service, act).await?;
        let address = started(fixture, &spec).await?;
        let promised = format!("{act:?} is found to be {wanted:?} by {health:?}");
        let asked = async || Ok(probe(fixture, address, &health).await);
        eventually(&promised, asked, |found| *found == wanted).await?;
    }
    Ok(())
}

/// The command of a check runs in the service's own container.
pub async fn a_check_tells_success_failure_and_no_container_apart(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "idle", Act::Wait).await?;
    started(fixture, &spec).await?;
    let check = |program: &str| HealthCheck {
        run: vec![program.to_owned()],
        limit_ms: 10_000,
    };
    let engine = fixture.engine();
    for (program, wanted) in [("true", Probe::Ready), ("false", Probe::Failing(1))] {
        let found = engine.check(&spec.key, &check(program)).await;
        let promised = format!("{program} is found to be {wanted:?}");
        expect(found == wanted, &promised, &found)?;
    }
    let nowhere = key("nowhere")?;
    let found = engine.check(&nowhere, &check("true")).await;
    expect(
        found == Probe::Refused,
        "no container is no success",
        &found,
    )
}

/// Logs contain earlier lines and follow new ones until the service ends.
pub async fn logs_have_the_last_lines_and_follow(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let engine = fixture.engine();
    let spec = acting(fixture, "web", Act::Serve).await?;
    let address = started(fixture, &spec).await?;
    ready(fixture, address).await?;
    ready(fixture, address).await?;
    let all = || async { all(engine.logs(&spec.key, usize::MAX, false).await?).await };
    let lines = eventually("both requests are printed", all, |lines| lines.len() >= 2).await?;
    let mut last = engine.logs(&spec.key, 1, true).await?;
    let line = soon("the last line comes", last.next())
        .await?
        .transpose()?;
    let text = line.map(|line| line.text);
    expect(
        text.as_ref() == lines.last(),
        "the tail is the end of all lines",
        &(text, lines),
    )?;
    ready(fixture, address).await?;
    let line = soon("a new line arrives", last.next()).await?.transpose()?;
    expect(
        line.is_some(),
        "the stream continues while the service runs",
        &line,
    )?;
    engine.remove_service(&spec.key).await?;
    soon(
        "the stream ends with the service",
        last.map(drop).collect::<Vec<()>>(),
    )
    .await?;
    Ok(())
}

/// A missing service has no logs.
pub async fn logs_of_what_is_not_there_are_missing(fixture: &dyn Fixture) -> Kept {
    match fixture.engine().logs(&key("web")?, 10, true).await {
        Err(EngineError::Missing(_)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(Broken::new("logs of a missing service are a stream")),
    }
}

async fn all(mut lines: LogStream) -> Result<Vec<bytes::Bytes>, Broken> {
    let mut seen = Vec::new();
    while let Some(line) = soon("the existing lines arrive", lines.next()).await? {
        seen.push(line?.text);
    }
    Ok(seen)
}
