//! The end of a run: everything settles, everything is kept, and nothing is left.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context as _;
use deploy::labels;
use rusqlite::{Connection, OpenFlags};
use webhook::model::SentDelivery;

use super::{people::Person, report::Report};
use harness::{Dayfly, Docker, Left, eventually_within};

/// How long it may take until everything is as it should be.
const SETTLE_DEADLINE: Duration = Duration::from_secs(180);
/// How long it may take until a sweep has found what came late: they are a minute apart.
const SWEEP_DEADLINE: Duration = Duration::from_secs(100);
/// The most that the API lists at once.
const LISTED_MAX: usize = 1_000;

/// Waits until every preview is what its pull request asks for.
pub(super) async fn settle(people: &mut [Person<'_>]) -> anyhow::Result<()> {
    for person in people {
        eventually_within(SETTLE_DEADLINE, "settled", async || {
            person.has_settled().await
        })
        .await?;
    }
    Ok(())
}

/// Counts deliveries, and finds the acknowledged ones that the log does not hold.
pub(super) async fn account(dayfly: &Dayfly, report: &mut Report) -> anyhow::Result<()> {
    let sent = eventually_within(SETTLE_DEADLINE, "every delivery answered", async || {
        let sent = dayfly.forge.deliveries();
        let open = sent
            .iter()
            .filter(|delivery| delivery.status.is_none())
            .count();
        anyhow::ensure!(open == 0, "{open} are not");
        Ok(sent)
    })
    .await?;
    let acknowledged = acknowledged(&sent);
    let all: BTreeSet<&str> = sent.iter().map(|delivery| delivery.guid.as_str()).collect();
    report.deliveries = (all.len(), acknowledged.len());
    let kept = kept(dayfly)?;
    let lost = acknowledged.iter().filter(|guid| !kept.contains(**guid));
    report.lost = lost.map(|guid| format!("lost delivery {guid}")).collect();
    let listed = dayfly
        .api
        .get(&format!("/api/v1/deliveries?limit={LISTED_MAX}"))
        .await?;
    let listed = listed.as_array().context("the API lists no deliveries")?;
    let unknown = listed
        .iter()
        .filter(|row| !row["guid"].as_str().is_some_and(|guid| kept.contains(guid)));
    let (listed, unknown) = (listed.len(), unknown.count());
    if listed != kept.len().min(LISTED_MAX) || unknown > 0 {
        let kept = kept.len();
        report.wrong.push(format!(
            "of {kept} deliveries the API lists {listed}, {unknown} unknown"
        ));
    }
    Ok(())
}

/// The GUIDs of those deliveries that the server said to have kept.
pub(super) fn acknowledged(sent: &[SentDelivery]) -> BTreeSet<&str> {
    let acknowledged = sent.iter().filter(|delivery| delivery.status == Some(202));
    acknowledged
        .map(|delivery| delivery.guid.as_str())
        .collect()
}

/// Every delivery on disk. The API lists the last ones only, and a run makes many.
fn kept(dayfly: &Dayfly) -> anyhow::Result<BTreeSet<String>> {
    let store = dayfly.data().join("dayfly.db");
    let store = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut rows = store.prepare("SELECT guid FROM deliveries")?;
    let guids = rows.query_map([], |row| row.get(0))?;
    Ok(guids.collect::<Result<_, _>>()?)
}

/// Closes everything, waits until it is gone, and looks for what is left.
pub(super) async fn close_all(
    dayfly: &Dayfly,
    people: &mut [Person<'_>],
    report: &mut Report,
) -> anyhow::Result<()> {
    for person in &mut *people {
        person.close().await?;
    }
    settle(people).await?;
    report.late = left(dayfly).await?;
    if !report.late.is_empty() {
        // An engine may finish an image after nobody wanted it any more. The next sweep finds it.
        let swept = eventually_within(SWEEP_DEADLINE, "swept", async || {
            let left = left(dayfly).await?;
            anyhow::ensure!(left.is_empty(), "{left:?}");
            Ok(())
        });
        if swept.await.is_err() {
            report.orphans = left(dayfly).await?;
        }
    }
    let records = dayfly.forge.deployments(&dayfly.repo);
    report.orphans.extend(
        records
            .iter()
            .map(|record| format!("orphaned record {record:?}")),
    );
    Ok(())
}

/// Everything that carries our label, and whose it is.
async fn left(dayfly: &Dayfly) -> anyhow::Result<Vec<String>> {
    let Left {
        containers,
        networks,
        volumes,
        images,
    } = dayfly.docker.left().await?;
    let mut all = Vec::new();
    for (kind, ids) in [
        ("container", containers),
        ("network", networks),
        ("volume", volumes),
        ("image", images),
    ] {
        for id in ids {
            all.push(format!("{kind} {id} {}", whose(&id).await));
        }
    }
    Ok(all)
}

/// What the labels of an object say; nothing of one that is gone by now.
async fn whose(id: &str) -> String {
    let known = Docker::inspect(id).await.unwrap_or_default();
    let labels = [&known["Labels"], &known["Config"]["Labels"]];
    let label = |key: &str| {
        labels
            .iter()
            .find_map(|all| all[key].as_str())
            .unwrap_or("?")
    };
    format!(
        "of {} {}, made {}",
        label(labels::PREVIEW),
        label(labels::REVISION),
        known["Created"].as_str().unwrap_or("?")
    )
}
