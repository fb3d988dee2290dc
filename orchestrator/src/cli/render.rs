//! How previews look on a terminal. Pure: facts and the time in, text out.

use std::{fmt::Write as _, time::Duration};

use comfy_table::{Table, presets};
use deploy::{
    builder::DiskUse,
    databases::SeedReport,
    docker::{Check, CheckState},
    source::Summary,
};
use jiff::Timestamp;

use super::{
    output::Output,
    units::{ago, bytes, seconds, span},
};
use crate::{
    api::{DatabaseView, Ending, EventView, Phase, PreviewView, ServiceView},
    preview::{history, seeds::Seeds},
    text,
};

/// How many of the last events a page shows.
const EVENTS_SHOWN: usize = 15;
/// How much of a title or branch is shown, in characters.
const TEXT_SHOWN: usize = 60;
/// How much of a sentence is shown, in characters.
const SENTENCE_SHOWN: usize = 1_000;

/// All previews, one a line.
pub(super) fn table(previews: &[PreviewView], now: Timestamp, output: Output) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["ID", "PHASE", "COMMIT", "URL", "CHANGED", "OF"]);
    for preview in previews {
        table.add_row([
            preview.id.to_string(),
            preview.phase.to_string(),
            commits(preview),
            preview.url.clone().unwrap_or_else(|| "-".to_owned()),
            ago(preview.updated_at, now),
            origin(preview),
        ]);
    }
    let mut lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    // Painted last: a colour has no width, and the table would count it.
    for (line, preview) in lines.iter_mut().skip(1).zip(previews) {
        let phase = output.phase(preview.phase);
        let rest = line.split_off(preview.id.as_str().len());
        line.push_str(&rest.replacen(preview.phase.word(), &phase, 1));
    }
    lines.join("\n")
}

/// The wanted commit, and the serving commit if it differs.
fn commits(preview: &PreviewView) -> String {
    match (&preview.commit, &preview.serving_commit) {
        (Some(head), Some(serving)) if head != serving => {
            format!("{} (serves {})", head.short(), serving.short())
        }
        (Some(commit), _) | (None, Some(commit)) => commit.short().to_owned(),
        (None, None) => "-".to_owned(),
    }
}

/// The parent of a copy with its note, or the pull request, or the folder.
fn origin(preview: &PreviewView) -> String {
    let Some(parent) = &preview.parent else {
        return subject(preview);
    };
    let note = preview.note.as_deref().map(outside);
    let note = note.map_or_else(String::new, |note| format!(": {note}"));
    match preview.phase {
        Phase::Captured => format!("state of {parent}{note}"),
        _ => format!("fork of {parent}{note}"),
    }
}

/// The pull request or the folder.
fn subject(preview: &PreviewView) -> String {
    match (&preview.repository, preview.number, &preview.title) {
        (Some(repository), Some(number), _) => format!("{repository}#{number}"),
        (_, _, Some(folder)) => outside(folder),
        _ => "-".to_owned(),
    }
}

/// Outside text, made harmless and short.
pub(super) fn outside(line: &str) -> String {
    shortened(line, TEXT_SHOWN)
}

/// A sentence of ours with outside text in it; the reason may stand at its end.
fn sentence(line: &str) -> String {
    shortened(line, SENTENCE_SHOWN)
}

fn shortened(line: &str, chars_max: usize) -> String {
    let mut shown: String = text::plain(line).chars().take(chars_max).collect();
    if line.chars().count() > chars_max {
        shown.push('…');
    }
    shown
}

/// How many tables of a seed are listed.
const TABLES_SHOWN: usize = 12;

/// Everything about one preview.
pub(super) fn page(
    preview: &PreviewView,
    events: &[EventView],
    (disk, seeds): (DiskUse, &Seeds),
    now: Timestamp,
    output: Output,
) -> String {
    let mut page = format!(
        "{}  {}\n",
        output.strong(preview.id.as_str()),
        output.phase(preview.phase)
    );
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(page, "  {name:<9} {value}");
    };
    if let Some(url) = &preview.url {
        fact("url", url.clone());
    }
    fact("of", subject(preview));
    if let (Some(_), Some(title)) = (&preview.repository, &preview.title) {
        fact("title", outside(title));
    }
    if let Some(note) = &preview.note {
        fact("note", outside(note));
    }
    if let Some(path) = &preview.path {
        fact("path", path.to_string());
    }
    if let Some(branch) = &preview.branch {
        fact("branch", outside(branch));
    }
    fact("commit", commits(preview));
    if let Some(what) = &preview.waiting_for {
        fact("waits for", sentence(what));
    }
    if let Some(ending) = preview.ending {
        fact("ended", ended(preview, ending).to_owned());
    }
    for service in &preview.services {
        fact("service", service_line(service, now, output));
    }
    for database in &preview.databases {
        fact("database", database_line(database, output));
        for line in seeds.get(&database.name).into_iter().flat_map(seed_lines) {
            fact("", line);
        }
    }
    for missing in &preview.missing {
        fact("missing", text::plain(missing));
    }
    if disk != DiskUse::default() {
        fact("disk", occupies(disk));
    }
    fact("changed", ago(preview.updated_at, now));
    if let Some(at) = preview.expires_at {
        fact("expires", format!("in {}", span(now, at)));
    }
    for line in failure(preview, output) {
        let _ = writeln!(page, "{line}");
    }
    page.push_str(&timeline(events, now, output));
    page.trim_end().to_owned()
}

fn service_line(service: &ServiceView, now: Timestamp, output: Output) -> String {
    let url = service.url.as_deref().unwrap_or("private");
    let phase = output.phase(service.phase);
    let unchanged = service.unchanged_since.as_ref();
    let unchanged = unchanged.map(|commit| format!("  unchanged since {commit}"));
    let times = match service.failures {
        1 => "once".to_owned(),
        failures => format!("{failures} times"),
    };
    let failed = service
        .failed_at
        .map(|at| format!("  exited with an error {times}, last {}", ago(at, now)));
    format!(
        "{}  {phase}  {url}{}{}",
        service.name,
        unchanged.unwrap_or_default(),
        failed.unwrap_or_default()
    )
}

fn database_line(database: &DatabaseView, output: Output) -> String {
    let phase = output.phase(database.phase);
    let engine = outside(&database.engine);
    let origin = match (database.seed_changed, database.started_again) {
        (_, true) => "  recreated from its seed",
        (true, _) => "  data from an older seed",
        _ => "",
    };
    format!("{}  {phase}  {engine}{origin}", database.name)
}

/// The report on a seed: its tables, and the changes that Dayfly made to it.
pub(super) fn seed_lines(report: &SeedReport) -> Vec<String> {
    let mut lines = Vec::new();
    if !report.rows.is_empty() {
        let row = |(table, rows): &(String, u64)| format!("{} {rows}", outside(table));
        let shown: Vec<_> = report.rows.iter().take(TABLES_SHOWN).map(row).collect();
        let more = report.rows.len().saturating_sub(TABLES_SHOWN);
        let more = match more {
            0 => String::new(),
            more => format!(", and {more} more tables"),
        };
        lines.push(format!("rows seeded: {}{more}", shown.join(", ")));
    }
    let change = |change: &String| format!("changed in its seed: {}", sentence(change));
    lines.extend(report.changes.iter().map(change));
    lines
}

fn occupies(disk: DiskUse) -> String {
    let data = disk.data_bytes.map_or_else(|| "unknown".to_owned(), bytes);
    format!(
        "images {} (with shared layers), data {data}, containers {}",
        bytes(disk.images_bytes),
        bytes(disk.containers_bytes)
    )
}

fn ended(preview: &PreviewView, ending: Ending) -> &'static str {
    match ending {
        Ending::Expired if preview.number.is_none() => "it expired, or had no visitor for too long",
        Ending::Merged => "the pull request was merged",
        Ending::Closed => "the pull request was closed",
        Ending::Removed => "a user removed it",
        Ending::Expired => "it had no push or visit for too long; the next push brings it back",
        Ending::Fork => "the pull request comes from a fork, which is not supported yet",
        Ending::Missing => "the pull request does not exist on the forge",
    }
}

fn timeline(events: &[EventView], now: Timestamp, output: Output) -> String {
    let mut out = String::new();
    let skip = events.len().saturating_sub(EVENTS_SHOWN);
    for event in events.iter().skip(skip) {
        let revision = event
            .revision
            .map_or("-".to_owned(), |number| format!("r{number}"));
        let note = event.note.as_deref().map(outside).unwrap_or_default();
        let took = seconds(Duration::from_millis(event.took_ms));
        let line = format!(
            "  {:>12}  {revision:<4} {:<24} {took:>8}  {note}",
            ago(event.at, now),
            outside(&history::words(&event.step).unwrap_or_else(|| event.step.clone())),
        );
        let _ = writeln!(out, "{}", output.faint(line.trim_end()));
    }
    if out.is_empty() {
        out
    } else {
        format!("\n{out}")
    }
}

/// Why the newest commit does not serve, with the evidence and what to do.
pub(super) fn failure(preview: &PreviewView, output: Output) -> Vec<String> {
    let Some(diagnosis) = &preview.diagnosis else {
        return Vec::new();
    };
    let mut lines = vec![
        String::new(),
        output.strong(&format!(
            "{}: {}",
            diagnosis.code,
            text::plain(&diagnosis.sentence)
        )),
    ];
    let evidence = diagnosis.evidence.iter();
    lines.extend(evidence.map(|line| output.faint(&format!("  | {}", text::plain(line)))));
    lines.push(text::plain(&diagnosis.action));
    if let (Some(serving), Some(url)) = (&preview.serving_commit, &preview.url) {
        lines.push(format!("{url} still serves {}", serving.short()));
    }
    lines
}

/// The summary of a sent checkout.
pub(super) fn sent(folder: &str, summary: &Summary) -> Vec<String> {
    let which = if summary.by_git {
        "tracked and untracked files, without ignored ones"
    } else {
        "all files, since git does not track the folder"
    };
    let first = format!(
        "sent {folder}: {}, {} ({which})",
        match summary.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        },
        bytes(summary.bytes)
    );
    let notes = summary.notes.iter();
    std::iter::once(first)
        .chain(notes.map(|note| format!("  {}", text::plain(note))))
        .collect()
}

/// One line for an intermediate phase; none for a phase with its own output.
pub(super) fn progress(preview: &PreviewView, output: Output) -> Option<String> {
    if matches!(preview.phase, Phase::Live | Phase::Failed | Phase::Gone) {
        return None;
    }
    let mut line = output.phase(preview.phase);
    if let Some(commit) = &preview.commit {
        let _ = write!(line, " {}", commit.short());
    }
    if let Some(what) = &preview.waiting_for {
        let _ = write!(line, ": waits for {}", sentence(what));
    }
    Some(line)
}

/// One line for a phase that lasts: what Dayfly does or waits for, and for how long so far.
pub(super) fn still(preview: &PreviewView, so_far: Duration, output: Output) -> Option<String> {
    let line = progress(preview, output)?;
    let steps = match preview.waiting_for.is_none() && !preview.under_way.is_empty() {
        true => format!(": {}", preview.under_way.join(", ")),
        false => String::new(),
    };
    Some(format!("{line}{steps} ({} s so far)", so_far.as_secs()))
}

/// The URLs of a live preview.
pub(super) fn live(preview: &PreviewView, took: Duration, output: Output) -> String {
    let url = preview.url.as_deref().unwrap_or_default();
    let phase = output.phase(preview.phase);
    let mut line = format!("{phase} after {}: {}", seconds(took), output.strong(url));
    let others = preview.services.iter().filter_map(|service| {
        let other = service.url.as_deref().filter(|other| *other != url)?;
        Some(format!("\n  {} at {other}", service.name))
    });
    line.extend(others);
    line.extend(origins(preview).map(|origin| format!("\n  {origin}")));
    let missing = preview.missing.iter();
    line.extend(missing.map(|missing| format!("\n  not in the build: {}", text::plain(missing))));
    line
}

/// Notes on databases whose data may surprise: it is new, or older than the seed.
pub(super) fn origins(preview: &PreviewView) -> impl Iterator<Item = String> {
    let id = &preview.id;
    preview.databases.iter().filter_map(move |database| {
        let name = &database.name;
        match (database.started_again, database.seed_changed) {
            (true, _) => Some(format!(
                "{name} was recreated from its seed; `dayfly undo {id}` restores the previous data"
            )),
            (_, true) => Some(format!(
                "{name} kept its data, but its seed has changed; `dayfly reset-db {id} {name}` \
                 recreates it from the new seed"
            )),
            _ => None,
        }
    })
}

/// One line of the doctor, and the advice below it.
pub(super) fn check(check: &Check, output: Output) -> String {
    let (mark, phase) = match check.state {
        CheckState::Good => ("ok", Phase::Live),
        CheckState::Warning => ("warning", Phase::Updating),
        CheckState::Bad => ("bad", Phase::Failed),
    };
    let found = text::plain(&check.found);
    let mark = output.in_colour_of(&format!("{mark:<7}"), phase);
    let mut line = format!("{mark} {:<12} {found}", check.name);
    if let Some(advice) = &check.advice {
        let _ = write!(line, "\n{:>21}{}", "", output.strong(&text::plain(advice)));
    }
    line
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    fn preview(changes: &serde_json::Value) -> PreviewView {
        let mut preview = json!({
            "id": "shop-42", "repository": "acme/shop", "number": 42,
            "title": "Mend\u{1b}[2J the \u{202e}basket", "author": "ann", "branch": "basket",
            "commit": "a".repeat(40), "serving_commit": "a".repeat(40),
            "phase": "live", "waiting_for": null,
            "url": "http://pr-42--shop.localhost:8080",
            "services": [
                { "name": "web", "url": "http://pr-42--shop.localhost:8080", "phase": "live",
                  "image": null },
                { "name": "worker", "url": null, "phase": "live", "image": null, "failures": 5,
                  "failed_at": "2026-11-23T14:34:52Z" },
            ],
            "databases": [{ "name": "main", "engine": "postgres:15", "phase": "live",
                            "seed_changed": false }],
            "diagnosis": null, "ending": null,
            "created_at": "2026-11-23T12:00:00Z", "updated_at": "2026-11-23T14:30:00Z",
            "expires_at": "2026-12-07T14:30:00Z",
        });
        for (key, value) in changes.as_object().unwrap() {
            preview[key] = value.clone();
        }
        serde_json::from_value(preview).unwrap()
    }

    fn failed() -> PreviewView {
        preview(&json!({
            "id": "shop-7", "number": 7, "phase": "failed", "commit": "b".repeat(40),
            "diagnosis": {
                "code": "DF301", "sentence": "web exited with code 1 before it became ready",
                "evidence": ["Traceback", "\u{1b}[31mKeyError: 'X'"],
                "action": "Its last lines are below; `dayfly logs shop-7 --failed` shows more.",
            },
        }))
    }

    fn now() -> Timestamp {
        "2026-11-23T14:35:00Z".parse().unwrap()
    }

    fn plain() -> Output {
        Output::without_colours()
    }

    #[test]
    fn a_list_has_one_line_for_each_preview() {
        let gone = json!({
            "id": "tool-up", "repository": null, "number": null, "title": "/home/ann/tool",
            "commit": null, "serving_commit": null, "phase": "gone", "url": null,
        });
        let previews = [preview(&json!({})), failed(), preview(&gone)];
        assert_snapshot!(table(&previews, now(), plain()), @r"
        ID       PHASE   COMMIT                    URL                                CHANGED    OF
        shop-42  live    aaaaaaa                   http://pr-42--shop.localhost:8080  5 min ago  acme/shop#42
        shop-7   failed  bbbbbbb (serves aaaaaaa)  http://pr-42--shop.localhost:8080  5 min ago  acme/shop#7
        tool-up  gone    -                         -                                  5 min ago  /home/ann/tool
        ");
    }

    #[test]
    fn a_page_shows_everything_and_obeys_nothing() {
        let event = json!({
            "at": "2026-11-23T14:30:00Z", "revision": 3, "step": "build web", "took_ms": 1234,
            "note": null,
        });
        let event = serde_json::from_value(event).unwrap();
        let disk = DiskUse {
            images_bytes: 3 << 20,
            containers_bytes: 0,
            data_bytes: Some(40 << 20),
            shared_bytes: 0,
        };
        let report = json!({ "main": {
            "rows": [["goods", 12], ["orders", 3]],
            "changes": ["owner shop: it all belongs to app (2 times)"],
        } });
        let seeds = serde_json::from_value(report).unwrap();
        assert_snapshot!(page(&preview(&json!({})), &[event], (disk, &seeds), now(), plain()), @r"
        shop-42  live
          url       http://pr-42--shop.localhost:8080
          of        acme/shop#42
          title     Mend the basket
          branch    basket
          commit    aaaaaaa
          service   web  live  http://pr-42--shop.localhost:8080
          service   worker  live  private  exited with an error 5 times, last 8 s ago
          database  main  live  postgres:15
                    rows seeded: goods 12, orders 3
                    changed in its seed: owner shop: it all belongs to app (2 times)
          disk      images 3.0 MiB (with shared layers), data 40.0 MiB, containers 0 bytes
          changed   5 min ago
          expires   in 13 days

             5 min ago  r3   build web                   1.2 s
        ");
    }

    #[test]
    fn a_failure_shows_its_evidence_and_what_still_serves() {
        assert_snapshot!(failure(&failed(), plain()).join("\n"), @r"

        DF301: web exited with code 1 before it became ready
          | Traceback
          | KeyError: 'X'
        Its last lines are below; `dayfly logs shop-7 --failed` shows more.
        http://pr-42--shop.localhost:8080 still serves aaaaaaa
        ");
    }

    #[test]
    fn progress_names_what_is_waited_for() {
        let long = format!(
            "web, which listens on port 8080{}",
            " at 127.0.0.1".repeat(9)
        );
        for wait in ["a free place (2 before it)", &long] {
            let queued = json!({ "phase": "queued", "waiting_for": wait });
            let line = progress(&preview(&queued), plain()).unwrap();
            assert_eq!(line, format!("queued aaaaaaa: waits for {wait}"));
        }
        let migrates = json!({ "phase": "starting", "under_way": ["migrate the database main"] });
        let line = still(&preview(&migrates), Duration::from_secs(15), plain()).unwrap();
        assert_eq!(
            line,
            "starting aaaaaaa: migrate the database main (15 s so far)"
        );
        assert_eq!(progress(&preview(&json!({})), plain()), None);
        let told = live(&preview(&json!({})), Duration::from_millis(2_345), plain());
        assert_eq!(told, "live after 2.3 s: http://pr-42--shop.localhost:8080");
    }
}
