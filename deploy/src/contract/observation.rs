//! Promises about observations and their scope.

use futures_util::StreamExt;

use super::{
    Act, Broken, Fixture, Kept,
    check::{R1, acting, expect, network, network_of, observe, ready, shop, soon, started},
    data::{G1, MAIN, running},
};
use crate::{
    engine::{ContainerState, Network},
    names::PreviewId,
};

/// An observation shows everything, and the one of a preview nothing of another preview.
pub async fn observe_finds_everything_and_only_of_that_preview(fixture: &dyn Fixture) -> Kept {
    let (shop, other) = (shop()?, PreviewId::parse("shop-10")?);
    network(fixture).await?;
    network_of(fixture, &other, Network::Revision(R1)).await?;
    let main = running(fixture, G1, MAIN).await?.key;
    let mut spec = acting(fixture, "web", Act::Serve).await?;
    spec.data = Some(G1);
    let address = started(fixture, &spec).await?;

    let mut seen = fixture.engine().observe(Some(&shop)).await?;
    seen.networks.sort();
    let networks = [
        (shop.clone(), Network::Revision(R1)),
        (shop.clone(), Network::Data(G1)),
    ];
    expect(
        seen.networks == networks,
        "both networks of the preview are seen",
        &seen,
    )?;
    let web = seen
        .services
        .iter()
        .all(|s| s.key == spec.key && s.address == Some(address));
    expect(
        web && seen.services.len() == 1,
        "its service is seen",
        &seen,
    )?;
    let servers = seen.databases.iter().map(|db| (&db.key, &db.state));
    let server = servers.eq([(&main, &ContainerState::Running)]);
    expect(server, "the server of its database is seen", &seen)?;
    expect(seen.data == [main], "its data is seen", &seen)?;
    let nothing_else = seen.strays.is_empty() && seen.images.is_empty();
    expect(nothing_else, "nothing else is seen", &seen)?;

    let seen = fixture.engine().observe(Some(&other)).await?;
    let only = seen.networks == [(other, Network::Revision(R1))];
    let only = only && seen.services.is_empty() && seen.databases.is_empty();
    expect(
        only && seen.data.is_empty() && seen.strays.is_empty(),
        "only the other preview is seen",
        &seen,
    )?;
    let seen = observe(fixture).await?;
    let both = seen.networks.len() == 3 && seen.services.len() == 1 && seen.databases.len() == 1;
    let both = both && seen.data.len() == 1;
    expect(both, "an observation of everything shows both", &seen)
}

/// Two Dayflies on the same engine are isolated from each other.
pub async fn two_instances_do_not_see_each_other(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Serve).await?;
    let address = started(fixture, &spec).await?;
    let (_, stranger) = fixture.stranger();
    let seen = stranger.observe(None).await?;
    expect(seen.is_empty(), "a stranger sees nothing of ours", &seen)?;
    stranger.remove_service(&spec.key).await?;
    stranger
        .remove_network(&spec.key.preview, &Network::Revision(R1))
        .await?;
    ready(fixture, address).await?;
    let seen = observe(fixture).await?;
    let whole =
        seen.networks.len() == 1 && seen.services.iter().any(|s| s.address == Some(address));
    expect(whole, "a stranger's removals change nothing of ours", &seen)
}

/// A listener gets a hint about a change.
pub async fn a_change_is_hinted(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let spec = acting(fixture, "web", Act::Wait).await?;
    let mut hints = fixture.engine().hints().await?;
    started(fixture, &spec).await?;
    let hint = soon("a hint comes", hints.next()).await?;
    match hint {
        Some(None) => Ok(()),
        Some(Some(preview)) => expect(
            preview == spec.key.preview,
            "the hint names the preview",
            &preview,
        ),
        None => Err(Broken::new("the hints ended during a change")),
    }
}
