//! A push that changes nothing of any image.

use std::time::{Duration, Instant};

use anyhow::ensure;
use webhook::model::Policy;

use super::{
    calm::calm,
    numbers::median,
    row::Row,
    shop::{Change, shop},
};
use harness::Dayfly;

const ROUNDS: usize = 7;
const GOAL_S: f64 = 1.5;
/// How often somebody looks.
const POLL_PAUSE: Duration = Duration::from_millis(2);

/// From the webhook to the moment at which the preview is live with the commit.
pub(super) async fn measure(dayfly: &Dayfly) -> anyhow::Result<Row> {
    let (pull, _) = dayfly.open_live("unchanged", &shop()).await?;
    dayfly.forge.deliver(Policy::Hold);
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let (path, text) = Change::Note.file(round);
        let files = [(path, webhook::model::File::from(text.as_str()))]
            .into_iter()
            .collect();
        let commit = dayfly.push_files(&pull, files).await?;
        let began = Instant::now();
        dayfly.forge.release_held(|_| {});
        let end = began + Duration::from_secs(60);
        loop {
            let preview = dayfly.api.preview(&pull.id).await?;
            if preview.phase == "live" && preview.serving_commit.as_deref() == Some(commit.as_str())
            {
                break;
            }
            ensure!(Instant::now() < end, "{commit} is not live: {preview:?}");
            tokio::time::sleep(POLL_PAUSE).await;
        }
        took.push(began.elapsed());
        calm(dayfly, 1).await?;
    }
    dayfly.forge.deliver(Policy::Send);
    let median = median(&took).as_secs_f64();
    Ok(Row::alone("unchanged_push_s", median, "s", Some(GOAL_S)))
}
