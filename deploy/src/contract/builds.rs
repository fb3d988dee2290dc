//! Promises about images.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Act, Broken, Fixture, Kept, Source,
    check::{R1, acting, eventually, expect, key, network, observe, ready, shop, spec, started},
};
use crate::{
    builder::{BuildError, BuildEvent, BuildRequest, silence},
    names::{ImageId, PreviewId, ServiceName},
};

/// Time limit until a dropped build has ended. Builders that do not report the end get longer.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

/// A request for the image of the shop's first revision.
///
/// # Errors
/// If the fixture cannot create the source.
pub async fn build_request(fixture: &dyn Fixture, source: &Source) -> Result<BuildRequest, Broken> {
    Ok(BuildRequest {
        preview: shop()?,
        revision: R1,
        service: ServiceName::parse("web")?,
        tree: fixture.tree(source).await?,
        context: String::new(),
        dockerfile: "Dockerfile".to_owned(),
        target: None,
        args: BTreeMap::new(),
        facts: BTreeMap::new(),
        secrets: BTreeMap::new(),
        scope: "contract".to_owned(),
    })
}

/// The only image on the host, which must be the revision's.
async fn the_image(fixture: &dyn Fixture) -> Result<ImageId, Broken> {
    let seen = observe(fixture).await?;
    let [image] = seen.images.as_slice() else {
        return Err(Broken::new(format!(
            "one image is seen; seen: {:?}",
            seen.images
        )));
    };
    let (preview, service) = (shop()?, ServiceName::parse("web")?);
    let ours = image.preview == preview && image.revision == R1 && image.service == service;
    expect(ours, "the image is seen as what it was built for", image)?;
    Ok(image.image.clone())
}

/// Builds an image from source, runs it and removes it.
pub async fn a_build_gives_an_image_that_runs(fixture: &dyn Fixture) -> Kept {
    let events: Arc<Mutex<Vec<BuildEvent>>> = Arc::default();
    let kept = Arc::clone(&events);
    let sink = move |event| {
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event)
    };
    let request = build_request(fixture, &Source::Serves).await?;
    let image = fixture.builder().build(&request, Arc::new(sink)).await?;
    let seen = the_image(fixture).await?;
    expect(
        seen == image,
        "the image is seen under its id",
        &(seen, &image),
    )?;
    {
        let events = events.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = events
            .iter()
            .filter(|event| matches!(event, BuildEvent::Started { .. }));
        let done = events
            .iter()
            .filter(|event| matches!(event, BuildEvent::Done { .. }));
        let (begun, done) = (begun.count(), done.count());
        expect(
            begun > 0 && begun == done,
            "every step begins and is done",
            &(begun, done),
        )?;
    }
    network(fixture).await?;
    let web = spec(key("web")?, image.clone(), None);
    ready(fixture, started(fixture, &web).await?).await?;
    fixture.engine().remove_service(&web.key).await?;
    for _ in 0..2 {
        fixture.builder().remove(&shop()?, &image).await?;
        let seen = observe(fixture).await?;
        expect(seen.images.is_empty(), "a removed image is gone", &seen)?;
    }
    Ok(())
}

/// A failed build names the failing step.
pub async fn a_failing_build_names_its_step(fixture: &dyn Fixture) -> Kept {
    let request = build_request(fixture, &Source::Fails).await?;
    let built = fixture.builder().build(&request, silence()).await;
    let named = matches!(&built,
        Err(BuildError::Failed { step: Some(step), .. }) if step.contains("RUN"));
    expect(named, "a failing build names the step that failed", &built)?;
    let seen = observe(fixture).await?;
    expect(seen.is_empty(), "a failed build leaves nothing", &seen)
}

/// A build without a Dockerfile says so.
pub async fn a_missing_dockerfile_is_named(fixture: &dyn Fixture) -> Kept {
    let request = build_request(fixture, &Source::NoDockerfile).await?;
    let built = fixture.builder().build(&request, silence()).await;
    let named = matches!(&built,
        Err(BuildError::NoDockerfile { path }) if path == "Dockerfile");
    expect(named, "the missing Dockerfile is named", &built)
}

/// Dropping a build's future also stops the build in the engine.
pub async fn dropping_a_build_ends_it(fixture: &dyn Fixture) -> Kept {
    let request = build_request(fixture, &Source::Waits).await?;
    let running = async || fixture.is_building().await;
    {
        let begun = eventually("the step runs", running, |running| *running);
        tokio::select! {
            begun = begun => begun?,
            built = fixture.builder().build(&request, silence()) => {
                return expect(false, "the build does not end on its own", &built);
            }
        };
    }
    // A caller that waits for the end finds no running build.
    let ended = tokio::time::timeout(ENDED_WITHIN, fixture.builder().ended(&shop()?)).await;
    expect(
        ended.is_ok(),
        "the end of a dropped build is reported",
        &ended,
    )?;
    expect(
        !fixture.is_building().await?,
        "the dropped build's step ended",
        &(),
    )?;
    let seen = observe(fixture).await?;
    expect(seen.is_empty(), "a dropped build leaves nothing", &seen)
}

/// A Dockerfile can set any label, but cannot assign its image to another preview.
pub async fn a_build_whose_dockerfile_carries_our_labels_gains_nothing(
    fixture: &dyn Fixture,
) -> Kept {
    let (instance, stranger) = fixture.stranger();
    let request = build_request(fixture, &Source::Claims(instance.clone())).await?;
    let image = fixture.builder().build(&request, silence()).await?;
    let seen = the_image(fixture).await?;
    expect(
        seen == image,
        "the image is seen under its id",
        &(seen, &image),
    )?;
    network(fixture).await?;
    let web = spec(key("web")?, image, None);
    started(fixture, &web).await?;
    let seen = observe(fixture).await?;
    let as_service = seen.services.iter().all(|service| service.key == web.key);
    let only = seen.services.len() == 1 && seen.databases.is_empty() && seen.strays.is_empty();
    expect(
        as_service && only,
        "its container is what it was started as",
        &seen,
    )?;
    let seen = stranger.observe(None).await?;
    expect(
        seen.is_empty(),
        "the preview in the labels sees nothing",
        &seen,
    )
}

/// A missing prebuilt image is reported by name.
pub async fn an_image_that_cannot_be_had_is_named(fixture: &dyn Fixture) -> Kept {
    // Nothing listens on port 1, so this needs no registry.
    let nowhere = "localhost:1/dayfly-contract/nothing:1";
    let obtained = fixture.builder().obtain(nowhere, silence()).await;
    let named = matches!(&obtained,
        Err(BuildError::NoImage { reference, .. }) if reference == nowhere);
    expect(named, "the unavailable image is named", &obtained)
}

/// Only images that Dayfly built may be removed.
pub async fn an_image_that_somebody_else_made_is_never_removed(fixture: &dyn Fixture) -> Kept {
    network(fixture).await?;
    let web = acting(fixture, "web", Act::Serve).await?;
    fixture.builder().remove(&shop()?, &web.image).await?;
    ready(fixture, started(fixture, &web).await?).await
}

/// An image stays until the last preview that owns it removes it.
pub async fn a_shared_image_goes_with_the_last_preview_that_has_it(fixture: &dyn Fixture) -> Kept {
    let builder = fixture.builder();
    let (shop, other) = (shop()?, PreviewId::parse("shop-10")?);
    let request = build_request(fixture, &Source::Serves).await?;
    let image = builder.build(&request, silence()).await?;
    let web = &request.service;
    for _ in 0..2 {
        let shared = builder.share(&image, &other, R1, web).await?;
        expect(shared, "an image that is there can be shared", &shared)?;
    }
    let whose = async || {
        let images = observe(fixture).await?.images;
        let ours = images.iter().all(|state| state.image == image);
        expect(ours, "it is the same image", &images)?;
        let mut whose: Vec<_> = images.into_iter().map(|state| state.preview).collect();
        // A preview that got the image twice may see it twice, but one removal is enough.
        whose.sort();
        whose.dedup();
        Ok::<_, Broken>(whose)
    };
    let seen = whose().await?;
    let both = seen == [shop.clone(), other.clone()];
    expect(both, "both previews have it", &seen)?;
    builder.remove(&shop, &image).await?;
    let seen = whose().await?;
    let kept = seen == std::slice::from_ref(&other);
    expect(kept, "the other preview keeps it", &seen)?;
    builder.remove(&other, &image).await?;
    let seen = whose().await?;
    expect(seen.is_empty(), "it is gone with its last owner", &seen)?;
    let shared = builder.share(&image, &other, R1, web).await?;
    expect(!shared, "a removed image cannot be shared", &shared)
}

/// Sharing cannot make Dayfly the owner of a foreign image.
pub async fn an_image_that_somebody_else_made_cannot_be_shared(fixture: &dyn Fixture) -> Kept {
    let image = fixture.builder().obtain(fixture.image(), silence()).await?;
    let web = ServiceName::parse("web")?;
    let builder = fixture.builder();
    let shared = builder.share(&image, &shop()?, R1, &web).await?;
    expect(!shared, "a foreign image is not shared", &shared)?;
    let seen = observe(fixture).await?;
    expect(seen.is_empty(), "no preview owns it then", &seen)
}
