//! Builds that a death of the process cut off, as the process after it sees them.

use std::time::Duration;

use deploy::{
    builder::{Builder as _, silence},
    contract::Source,
    names::PreviewId,
};

use super::{Broken, Fixture as _, Kept, contract, docker::Real};

/// How long something is seen to go on.
const STILL: Duration = Duration::from_secs(1);
/// How soon the end of a build is known. The builder waits three seconds for one that it does not know.
const ENDED_WITHIN: Duration = Duration::from_secs(8);

#[tokio::test]
async fn who_comes_after_a_death_waits_for_the_builds_it_cut_off() {
    let fixture = Real::new().await;
    let kept = super::keep(&fixture, async |_| cut_off_by_death(&fixture).await).await;
    let left = fixture.end().await;
    super::expect_kept(kept);
    assert_eq!(left, Vec::<String>::new(), "left over");
}

async fn cut_off_by_death(fixture: &Real) -> Kept {
    let request = contract::build_request(fixture, &Source::Waits).await?;
    let next = {
        let begun = async {
            while !fixture.is_building().await? {
                tokio::task::yield_now().await;
            }
            let next = fixture.after_death()?;
            let waits = tokio::time::timeout(STILL, next.ended(&request.preview)).await;
            assert!(waits.is_err(), "a build that goes on counts as ended");
            Ok::<_, Broken>(next)
        };
        tokio::select! {
            next = begun => next?,
            built = fixture.ours.build(&request, silence()) => panic!("it ended: {built:?}"),
        }
    };
    let waits = tokio::time::timeout(ENDED_WITHIN, next.ended(&request.preview)).await;
    waits.unwrap();
    assert!(!fixture.is_building().await?, "it was told to have ended");
    Ok(())
}

#[tokio::test]
async fn a_build_that_the_builder_does_not_know_has_ended() {
    let fixture = Real::new().await;
    let journal = fixture.ours.config().builds_journal.clone().unwrap();
    std::fs::create_dir(&journal).unwrap();
    std::fs::write(journal.join("0".repeat(32)), "shop-1").unwrap();
    std::fs::write(journal.join("1".repeat(32)), "").unwrap();
    fixture.ours.take_up_builds().unwrap();
    let preview = PreviewId::parse("shop-1").unwrap();
    let waits = tokio::time::timeout(ENDED_WITHIN, fixture.ours.ended(&preview)).await;
    waits.unwrap();
    let left: Vec<_> = std::fs::read_dir(&journal).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    fixture.end().await;
}
