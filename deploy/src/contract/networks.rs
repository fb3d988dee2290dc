//! Promises about networks, and about missing objects.

use super::{
    Fixture, Kept,
    check::{R1, expect, key, network, observe, shop},
    data::{G1, MAIN, data_key},
};
use crate::{
    engine::{Network, Stray, StrayKind},
    names::{ImageId, SnapshotId},
};

/// Ensuring an existing network changes nothing.
pub async fn ensuring_a_network_twice_makes_one(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    network(fixture).await?;
    let seen = observe(fixture).await?;
    let one = seen.networks == [(shop()?, Network::Revision(R1))] && seen.strays.is_empty();
    expect(one, "ensuring a network twice makes one", &seen)
}

/// A network can be removed twice.
pub async fn a_removed_network_is_gone_and_removing_again_is_fine(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    for _ in 0..2 {
        fixture
            .engine()
            .remove_network(&shop()?, &Network::Revision(R1))
            .await?;
        let seen = observe(fixture).await?;
        expect(seen.is_empty(), "a removed network is gone", &seen)?;
    }
    Ok(())
}

/// Every removal of a missing object succeeds.
pub async fn removing_what_is_not_there_is_fine(fixture: &dyn Fixture) -> Kept {
    let engine = fixture.engine();
    engine.remove_network(&shop()?, &Network::Data(G1)).await?;
    engine.remove_service(&key("web")?).await?;
    for kind in [StrayKind::Container, StrayKind::Volume, StrayKind::Network] {
        let id = "dayfly-contract-nothing".to_owned();
        let stray = Stray {
            preview: shop()?,
            kind,
            id,
            revision: None,
            database: None,
        };
        engine.remove_stray(&stray).await?;
    }
    let (databases, key) = (fixture.databases(), data_key(G1, MAIN)?);
    databases.stop(&key).await?;
    databases.remove(&key).await?;
    databases
        .forget(&SnapshotId::parse(&"0".repeat(64))?)
        .await?;
    let nobody = ImageId::parse(&format!("sha256:{}", "0".repeat(64)))?;
    fixture.builder().remove(&shop()?, &nobody).await?;
    let seen = observe(fixture).await?;
    expect(seen.is_empty(), "removing nothing makes nothing", &seen)
}
