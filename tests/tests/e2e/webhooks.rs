//! Webhooks that are late, lost, doubled and out of order, and none at all.

use anyhow::ensure;
use harness::{App, Dayfly, Options, Pull, eventually};
use webhook::{
    model::{Policy, SentDelivery},
    names::RepoName,
};

/// Every order of three.
const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

async fn everything_is_taken(dayfly: &Dayfly) -> anyhow::Result<()> {
    eventually("every delivery is taken", async || {
        let all = dayfly.forge.deliveries();
        let open: Vec<&SentDelivery> = all
            .iter()
            .filter(|delivery| delivery.status != Some(202))
            .collect();
        ensure!(open.is_empty(), "{open:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_webhooks_the_same_happens_by_polling() -> anyhow::Result<()> {
    let options = Options {
        webhook: false,
        ..Options::polling(1)
    };
    Dayfly::play_with(options, async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::page("first")).await?;
        let commit = dayfly.push(&pull, &App::page("second")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == "second");
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        dayfly.forge.reopen(&pull.repo, pull.number)?;
        dayfly.live(&pull, &commit).await?;
        ensure!(
            dayfly
                .forge
                .deliveries()
                .iter()
                .all(|delivery| delivery.status.is_none())
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_lost_is_made_good_by_the_sweep() -> anyhow::Result<()> {
    Dayfly::play_with(Options::polling(2), async |dayfly| {
        dayfly.forge.deliver(Policy::Lose);
        let (pull, visitor) = dayfly.open_live("change", &App::page("first")).await?;
        let commit = dayfly.push(&pull, &App::page("second")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == "second");
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        let deliveries = dayfly.api.get("/api/v1/deliveries").await?;
        ensure!(deliveries == serde_json::json!([]), "{deliveries}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_come_twice_change_nothing() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        dayfly.forge.deliver(Policy::Double);
        let (pull, visitor) = dayfly.open_live("change", &App::page("first")).await?;
        let commit = dayfly.push(&pull, &App::page("second")).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == "second");
        everything_is_taken(dayfly).await?;
        ensure!(
            dayfly.relay.count("POST /session") == 2,
            "each commit is built once"
        );
        let known = dayfly.api.get("/api/v1/deliveries").await?;
        ensure!(
            known.as_array().is_some_and(|all| all.len() == 2),
            "{known}"
        );
        ensure!(dayfly.forge.comments(&pull.repo, pull.number).len() == 1);
        // Long after, the first one comes once more.
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        let first = dayfly
            .forge
            .deliveries()
            .first()
            .map(|delivery| delivery.guid.clone());
        ensure!(first.is_some_and(|guid| dayfly.forge.redeliver(&guid)));
        everything_is_taken(dayfly).await?;
        dayfly.gone(&pull.id).await?;
        let left = dayfly.docker.left().await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

/// Delivers what a pull request sent, in an order of its own.
fn release(dayfly: &Dayfly, sent: &[SentDelivery], order: [usize; 3]) -> anyhow::Result<()> {
    ensure!(sent.len() == 3, "{sent:?}");
    for at in order {
        ensure!(dayfly.forge.release(&sent[at].guid));
    }
    Ok(())
}

fn held(dayfly: &Dayfly) -> Vec<SentDelivery> {
    dayfly
        .forge
        .deliveries()
        .into_iter()
        .filter(|delivery| delivery.held)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_push_and_close_in_any_order_leave_nothing() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        dayfly.forge.deliver(Policy::Hold);
        let mut pulls = Vec::new();
        for (at, order) in ORDERS.into_iter().enumerate() {
            let pull = dayfly.open(&format!("b{at}"), &App::page("x")).await?;
            dayfly.push(&pull, &App::page("y")).await?;
            dayfly.close(&pull)?;
            release(dayfly, &held(dayfly), order)?;
            pulls.push(pull);
        }
        everything_is_taken(dayfly).await?;
        for pull in &pulls {
            dayfly.gone(&pull.id).await?;
        }
        let left = dayfly.docker.left().await?;
        ensure!(
            left.is_empty() && dayfly.relay.count("POST /containers/*/start") == 0,
            "{left:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn open_push_and_another_push_in_any_order_show_the_newest_commit() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        dayfly.forge.deliver(Policy::Hold);
        let mut pulls: Vec<(Pull, _)> = Vec::new();
        for (at, order) in ORDERS.into_iter().enumerate() {
            let pull = dayfly.open(&format!("b{at}"), &App::page("x")).await?;
            dayfly.push(&pull, &App::page("y")).await?;
            let newest = dayfly.push(&pull, &App::page("newest")).await?;
            release(dayfly, &held(dayfly), order)?;
            pulls.push((pull, newest));
        }
        everything_is_taken(dayfly).await?;
        for (pull, newest) in &pulls {
            let preview = dayfly.live(pull, newest).await?;
            ensure!(dayfly.visitor(preview.url()?).text("/").await? == "newest");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_with_a_wrong_signature_is_refused_and_changes_nothing() -> anyhow::Result<()> {
    // Without webhooks, only a poll could find the pull request.
    Dayfly::play_with(Options::polling(0), async |dayfly| {
        let wrong = webhook::model::ModelWebhook {
            secret: "another".into(),
            ..dayfly.webhook()
        };
        dayfly.forge.set_webhook(Some(wrong));
        dayfly.open("change", &App::page("x")).await?;
        eventually("it is refused", async || {
            let all = dayfly.forge.deliveries();
            ensure!(
                all.iter().all(|delivery| delivery.status == Some(401)),
                "{all:?}"
            );
            Ok(())
        })
        .await?;
        let known = dayfly.api.previews().await?;
        ensure!(known.is_empty(), "{known:?}");
        dayfly.forge.set_webhook(Some(dayfly.webhook()));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_of_another_repository_is_recorded_and_ignored() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let other = RepoName::parse("acme/other")?;
        let files = App::page("main").files();
        dayfly.forge.create_repository(&other, files).await?;
        let changes = App::page("text").files().into_iter();
        let changes = changes.map(|(path, file)| (path, Some(file))).collect();
        let forge = &dayfly.forge;
        forge.push(&other, "change", "main", &changes, "Go").await?;
        forge
            .open_pull_request(&other, "change", "main", "A change", "ada")
            .await?;
        everything_is_taken(dayfly).await?;
        let deliveries = dayfly.api.get("/api/v1/deliveries").await?;
        ensure!(deliveries[0]["decision"] == "ignored", "{deliveries}");
        let reason = deliveries[0]["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("acme/other is not in"), "{deliveries}");
        // What came later was done, and nothing of the other repository was.
        let (pull, _) = dayfly.open_live("change", &App::page("text")).await?;
        let all = dayfly.api.previews().await?;
        ensure!(all.len() == 1 && all[0].id == pull.id, "{all:?}");
        let asked = forge.requests();
        ensure!(
            !asked.iter().any(|one| one.path.contains("other")),
            "{asked:?}"
        );
        Ok(())
    })
    .await
}
