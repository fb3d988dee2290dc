//! From a webhook to the first page of its commit, and the same by plain commands, in turns.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use webhook::{
    model::{Changes, File, Policy},
    names::{CommitSha, PullRequestNumber},
};

use super::{
    calm::calm,
    numbers::{median, ms},
    plain::{Kind, Plain},
    row::Row,
    shop::{COMMIT_PATH, Change, shop},
};
use harness::{Dayfly, Pull, Visitor};

/// How often somebody looks whether the page is there.
const POLL_PAUSE: Duration = Duration::from_millis(2);
/// How long a page may take.
const PAGE_DEADLINE: Duration = Duration::from_secs(120);

const PUSH_CACHED_GOAL: f64 = 1.5;
const PUSH_CHANGED_GOAL: f64 = 1.1;
const NEW_CACHED_GOAL: f64 = 1.8;

/// What both took, pair by pair.
#[derive(Default)]
struct Pairs {
    dayfly: Vec<Duration>,
    plain: Vec<Duration>,
}

/// Waits for the page of a commit.
pub(super) async fn first_page(visitor: &Visitor, commit: &CommitSha) -> anyhow::Result<()> {
    let look = async {
        loop {
            if let Ok(answer) = visitor.get(COMMIT_PATH).await
                && answer.status == 200
                && answer.body.trim() == commit.as_str()
            {
                return;
            }
            tokio::time::sleep(POLL_PAUSE).await;
        }
    };
    let shown = tokio::time::timeout(PAGE_DEADLINE, look).await;
    shown.with_context(|| format!("no page of {commit} within {PAGE_DEADLINE:?}"))
}

/// Measures pushes to a preview and new previews.
pub(super) async fn measure(dayfly: &Dayfly, pairs: usize) -> anyhow::Result<Vec<Row>> {
    let (pull, visitor) = dayfly.open_live("push", &shop()).await?;
    let mut plain = Plain::set_up(dayfly).await?;
    // Both caches are filled, and both have something that serves.
    plain.warm_up(&pull.commit).await?;
    let measured = take_turns(dayfly, &pull, &visitor, &mut plain, pairs).await;
    let texts = (plain.describe(Kind::Push), plain.describe(Kind::New));
    plain.take_down().await?;
    let [cached, changed, new] = measured?;
    Ok(vec![
        row("push_cached_ratio", &cached, &texts.0, PUSH_CACHED_GOAL),
        row("push_changed_ratio", &changed, &texts.0, PUSH_CHANGED_GOAL),
        row("new_cached_ratio", &new, &texts.1, NEW_CACHED_GOAL),
    ])
}

fn row(id: &'static str, pairs: &Pairs, baseline: &str, goal: f64) -> Row {
    let medians = (ms(median(&pairs.dayfly)), ms(median(&pairs.plain)));
    let spread = |times: &[Duration]| {
        let (low, high) = (times.iter().min(), times.iter().max());
        format!(
            "{:.0} to {:.0} ms",
            low.copied().map_or(0.0, ms),
            high.copied().map_or(0.0, ms)
        )
    };
    let baseline = format!(
        "medians of {} interleaved pairs; {baseline}. Dayfly took {}, the commands {}",
        pairs.dayfly.len(),
        spread(&pairs.dayfly),
        spread(&pairs.plain),
    );
    Row::compared(id, medians, baseline, goal)
}

async fn take_turns(
    dayfly: &Dayfly,
    pull: &Pull,
    visitor: &Visitor,
    plain: &mut Plain,
    pairs: usize,
) -> anyhow::Result<[Pairs; 3]> {
    let mut all: [Pairs; 3] = Default::default();
    // An event is sent when its time begins, not when the commit is made.
    dayfly.forge.deliver(Policy::Hold);
    for pair in 0..pairs {
        let [cached, changed, new] = &mut all;
        for (change, into) in [(Change::Note, cached), (Change::Page, changed)] {
            let commit = push(dayfly, pull, change, pair).await?;
            turn(dayfly, plain, (Kind::Push, pair), &commit, visitor, into).await?;
        }
        let commit = branch(dayfly, pair).await?;
        let number = open(dayfly, pair).await?;
        let visitor = neighbour(dayfly, visitor, number);
        turn(dayfly, plain, (Kind::New, pair), &commit, &visitor, new).await?;
        dayfly.forge.close(&dayfly.repo, number)?;
        dayfly.forge.release_held(|_| {});
        calm(dayfly, 1).await?;
    }
    dayfly.forge.deliver(Policy::Send);
    Ok(all)
}

/// One pair; who begins changes from pair to pair.
async fn turn(
    dayfly: &Dayfly,
    plain: &mut Plain,
    (kind, pair): (Kind, usize),
    commit: &CommitSha,
    visitor: &Visitor,
    into: &mut Pairs,
) -> anyhow::Result<()> {
    let previews = if kind == Kind::New { 2 } else { 1 };
    let plain_first = pair.is_multiple_of(2);
    if plain_first {
        into.plain.push(plain.round(kind, commit).await?);
    }
    let began = Instant::now();
    dayfly.forge.release_held(|_| {});
    first_page(visitor, commit).await?;
    into.dayfly.push(began.elapsed());
    // Neither pays for what the other still has to clear away.
    calm(dayfly, previews).await?;
    if !plain_first {
        into.plain.push(plain.round(kind, commit).await?);
    }
    Ok(())
}

async fn push(
    dayfly: &Dayfly,
    pull: &Pull,
    change: Change,
    number: usize,
) -> anyhow::Result<CommitSha> {
    let (path, text) = change.file(number);
    let files = [(path, File::from(text.as_str()))].into_iter().collect();
    dayfly.push_files(pull, files).await
}

/// A branch with a commit of its own, whose build is in every cache.
async fn branch(dayfly: &Dayfly, pair: usize) -> anyhow::Result<CommitSha> {
    let (path, text) = Change::Note.file(pair);
    let app = shop().with(&path, &text);
    let changes: Changes = app
        .files()
        .into_iter()
        .map(|(path, file)| (path, Some(file)))
        .collect();
    let name = branch_name(pair);
    Ok(dayfly
        .forge
        .push(&dayfly.repo, &name, "main", &changes, "Begin")
        .await?)
}

async fn open(dayfly: &Dayfly, pair: usize) -> anyhow::Result<PullRequestNumber> {
    let branch = branch_name(pair);
    let opened = dayfly
        .forge
        .open_pull_request(&dayfly.repo, &branch, "main", "New", "ada")
        .await;
    Ok(opened?)
}

fn branch_name(pair: usize) -> String {
    format!("new-{pair}")
}

/// Somebody before the preview of another pull request of the same repository.
fn neighbour(dayfly: &Dayfly, visitor: &Visitor, number: PullRequestNumber) -> Visitor {
    let authority = visitor.authority();
    let rest = authority
        .split_once("--")
        .map_or(authority, |(_, rest)| rest);
    dayfly.visitor(&format!("http://pr-{}--{rest}/", number.0))
}
