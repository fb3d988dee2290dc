//! Promises about services.

use super::{
    Act, Broken, Fixture, Kept,
    check::{acting, eventually, expect, network, observe, probe, ready, started},
    data::G1,
};
use crate::{
    blueprint::Health,
    engine::{ContainerState, EngineError, Probe},
    names::ImageId,
};

/// Starting a running service returns its address.
pub async fn starting_a_service_twice_answers_the_same_address(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Serve).await?;
    let first = started(fixture, &spec).await?;
    ready(fixture, first).await?;
    let second = started(fixture, &spec).await?;
    expect(
        first == second,
        "the second start answers the same address",
        &(first, second),
    )?;
    let seen = observe(fixture).await?;
    let states: Vec<_> = seen
        .services
        .iter()
        .map(|s| (s.address, &s.state, &s.image))
        .collect();
    let one = states == [(Some(first), &ContainerState::Running, &spec.image)];
    expect(one, "one service runs at that address", &seen)
}

/// A container with an outdated spec is replaced.
pub async fn a_service_with_another_spec_is_made_again(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let before = acting(fixture, "web", Act::Wait).await?;
    let address = started(fixture, &before).await?;
    let found = probe(fixture, address, &Health::Default).await;
    expect(
        found == Probe::Refused,
        "the first one listens on no port",
        &found,
    )?;
    let after = acting(fixture, "web", Act::Serve).await?;
    ready(fixture, started(fixture, &after).await?).await?;
    let seen = observe(fixture).await?;
    expect(seen.services.len() == 1, "one service is left", &seen)
}

/// A missing image has a different error than an unreachable engine.
pub async fn a_missing_image_is_missing(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let mut spec = acting(fixture, "web", Act::Serve).await?;
    spec.image = ImageId::parse(&format!("sha256:{}", "0".repeat(64)))?;
    let started = fixture.engine().start_service(&spec).await;
    let missing = matches!(started, Err(EngineError::Missing(_)));
    expect(
        missing,
        "a start without the image reports something as missing",
        &started,
    )?;
    let ran = fixture.engine().run_to_end(&spec, "migrate").await;
    let missing = matches!(ran, Err(EngineError::Missing(_)));
    expect(
        missing,
        "a run without the image reports something as missing",
        &ran,
    )?;
    let seen = observe(fixture).await?;
    let nothing = seen.services.is_empty() && seen.strays.is_empty();
    expect(nothing, "neither leaves anything", &seen)
}

/// A service is never started outside its network.
pub async fn a_missing_network_is_missing(fixture: &dyn Fixture) -> Kept {
    let mut spec = acting(fixture, "web", Act::Serve).await?;
    let started = fixture.engine().start_service(&spec).await;
    let missing = matches!(started, Err(EngineError::Missing(_)));
    expect(
        missing,
        "a start without the network reports it as missing",
        &started,
    )?;
    network(fixture).await?;
    spec.data = Some(G1);
    let started = fixture.engine().start_service(&spec).await;
    let missing = matches!(started, Err(EngineError::Missing(_)));
    expect(
        missing,
        "a start without the data network reports it as missing",
        &started,
    )
}

/// Removing a service stops it and removes everything that belongs to it.
pub async fn a_removed_service_is_gone(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Serve).await?;
    ready(fixture, started(fixture, &spec).await?).await?;
    for _ in 0..2 {
        fixture.engine().remove_service(&spec.key).await?;
        let seen = observe(fixture).await?;
        let gone = seen.services.is_empty() && seen.strays.is_empty();
        expect(gone, "a removed service is gone", &seen)?;
    }
    Ok(())
}

/// A service's exit is observed with its exit code, and the engine restarts it repeatedly.
pub async fn a_service_that_ends_with_an_error_is_started_again(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Fail).await?;
    fixture.engine().start_service(&spec).await?;
    let look = async || Ok(fixture.engine().service_run(&spec.key).await?);
    let ended = ContainerState::Exited {
        exit_code: 3,
        out_of_memory: false,
    };
    let seen = eventually("its third exit is seen", look, |run| {
        run.as_ref()
            .is_some_and(|run| run.state == ended && run.ends >= 3)
    });
    let seen = seen.await?;
    let waits = seen.is_some_and(|run| run.starts_again && run.address.is_none());
    expect(waits, "it is about to be restarted", &waits)?;
    let again = fixture.engine().start_service(&spec).await?;
    let seen = observe(fixture).await?;
    let up = |state: &ContainerState| *state == ContainerState::Running;
    let one = seen.services.len() == 1 && seen.services.iter().all(|s| up(&s.state));
    expect(one, "it counts as running", &(again, seen))?;
    fixture.engine().remove_service(&spec.key).await?;
    let gone = fixture.engine().service_run(&spec.key).await?;
    expect(gone.is_none(), "a removed service is gone", &gone)
}

/// A stop that bypasses the ports is observed, and the service can be restarted unchanged.
pub async fn a_service_stopped_behind_our_back_is_seen_and_starts_again(
    fixture: &dyn Fixture,
) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Serve).await?;
    ready(fixture, started(fixture, &spec).await?).await?;
    fixture.stop_containers().await?;
    let seen = observe(fixture).await?;
    let ended = |state: &ContainerState| matches!(state, ContainerState::Exited { .. });
    let stopped = seen
        .services
        .iter()
        .all(|s| ended(&s.state) && s.address.is_none());
    expect(
        stopped && seen.services.len() == 1,
        "it is observed as exited",
        &seen,
    )?;
    let address = started(fixture, &spec).await?;
    ready(fixture, address).await?;
    let look = || async { Ok::<_, Broken>(observe(fixture).await?.services) };
    let seen = look().await?;
    let there = seen.len() == 1 && seen.iter().all(|s| s.address == Some(address));
    expect(there, "it is seen at the address from its start", &seen)
}
