//! How copies and snapshots look on a terminal. Pure: facts and the time in, text out.

use comfy_table::{Table, presets};
use deploy::{personal::State, terminal::plain};
use jiff::Timestamp;

use super::{
    output::Output,
    render::{failure, origins, outside, seed_lines},
    units::ago,
};
use crate::{
    api::{Phase, PreviewView, SnapshotView},
    store::Holds,
};

/// How many personal-looking names an import lists.
const FOUND_SHOWN: usize = 60;

/// The result of a fork, a capture, an undo or a reset.
pub(super) fn taken(preview: &PreviewView, output: Output) -> Vec<String> {
    let id = &preview.id;
    let mut lines = match (preview.phase, &preview.url) {
        (Phase::Captured, url) => {
            let link = url.as_ref().map_or_else(String::new, |url| {
                format!(", and so does {}", output.strong(url))
            });
            vec![format!(
                "{id} keeps the current state; `dayfly fork {id}` opens a new copy of it{link}"
            )]
        }
        (Phase::Live, Some(url)) => vec![format!("{id} is live: {}", output.strong(url))],
        (Phase::Live, None) => vec![
            format!("{id} is live"),
            format!("  `dayfly db {id}` opens its client, `dayfly db-url {id}` prints a URL"),
        ],
        (Phase::Failed, _) => failure(preview, output),
        (phase, _) => vec![format!("{id} is {phase}; `dayfly show {id}` shows more")],
    };
    if preview.phase == Phase::Live {
        lines.extend(origins(preview).map(|origin| format!("  {origin}")));
    }
    // A preview of a pull request stays as long as people visit it.
    let has_an_end = preview.parent.is_some() || preview.url.is_none();
    if let Some(at) = preview.expires_at.filter(|_| has_an_end) {
        lines.push(format!(
            "  expires at {at:.0}; remove it earlier with `dayfly rm {id}`"
        ));
    }
    lines
}

/// A snapshot that was just made.
pub(super) fn imported(made: &SnapshotView) -> Vec<String> {
    let name = made.name.as_deref().unwrap_or("-");
    let holds = made.holds.map_or("data", Holds::as_str);
    let mut lines = vec![format!(
        "snapshot {name} holds {holds} data of {} ({})",
        made.image,
        mib(made.bytes.unwrap_or_default())
    )];
    lines.extend(seed_lines(&made.brought.report));
    lines.extend(personal(made));
    let unused = made.brought.unused.iter();
    lines.extend(unused.map(|word| {
        format!(
            "--accept {}: unused, nothing of that name was left",
            plain(word)
        )
    }));
    lines
}

/// The names that look personal, and the effect of the mask on them.
fn personal(made: &SnapshotView) -> Vec<String> {
    let found = &made.brought.personal;
    if found.is_empty() {
        return Vec::new();
    }
    let is_masked = found
        .iter()
        .any(|found| found.state != State::There && found.state != State::LeftOut);
    let what_to_do = match made.holds {
        _ if is_masked => "each line shows what the mask left",
        Some(Holds::Masked) => "make sure that their values are replaced",
        Some(Holds::Synthetic) => "make sure that they contain no real people",
        _ => "previews can use them only after a mask; pass one with `--mask`",
    };
    let mut lines = vec![format!("these look personal; {what_to_do}:")];
    let shown = found.iter().take(FOUND_SHOWN);
    lines.extend(shown.map(|found| format!("  {}", plain(&found.describe()))));
    let more = found.len().saturating_sub(FOUND_SHOWN);
    if more > 0 {
        lines.push(format!("  and {more} more; `--json` lists all"));
    }
    lines
}

/// All snapshots, one a line.
pub(super) fn snapshots(snapshots: &[SnapshotView], now: Timestamp) -> String {
    if snapshots.is_empty() {
        return "there are no snapshots; `dayfly snapshot import` creates one".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["NAME", "HOLDS", "OF", "SIZE", "USED", "OWNER", "MADE FROM"]);
    for snapshot in snapshots {
        table.add_row([
            snapshot.name.clone().unwrap_or_else(|| "(seed)".to_owned()),
            snapshot.holds.map_or("-", Holds::as_str).to_owned(),
            snapshot.image.clone(),
            snapshot.bytes.map_or_else(|| "?".to_owned(), mib),
            ago(snapshot.used_at, now),
            snapshot.owner.clone().unwrap_or_else(|| "-".to_owned()),
            outside(&snapshot.source),
        ]);
    }
    let lines = table.lines().map(|line| line.trim().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
