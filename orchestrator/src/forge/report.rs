//! Every sentence of the pull request comment and of the deployment record.

use std::fmt::Write as _;

use deploy::names::PreviewId;
use sha2::{Digest as _, Sha256};

use crate::{
    config::Settings,
    lifecycle::{Diagnosis, Ending, Observed, Origin, Phase, Summary, current_revision},
    preview::{history, names, seeds::Seeds, start_path::StartPath},
    store::{EventRow, PreviewRow},
    text::{code_block, code_span},
};

/// The invisible line by which Dayfly finds its own comment.
pub fn marker(preview: &PreviewId) -> String {
    format!("<!-- dayfly:{preview} -->")
}

/// The address of a preview, with the link's token if access is by link. None for a standalone
/// database.
pub fn url(settings: &Settings, row: &PreviewRow) -> Option<String> {
    if row.desired.origin == Origin::Database {
        return None;
    }
    let host = names::host(row.subject(), None, &settings.domain).ok()?;
    let url = settings.url(host.as_str());
    if !settings.is_local() {
        return Some(link(settings, row, &url));
    }
    // A capture has its own page at the root.
    let path = row.path.as_ref();
    let path = path.filter(|_| row.desired.origin != Origin::Capture);
    Some(format!("{url}{}", path.map_or("", StartPath::as_str)))
}

/// The link of a preview at one of its hosts.
pub fn link(settings: &Settings, row: &PreviewRow, url: &str) -> String {
    let token = row.link_token(&settings.link_key);
    format!("{url}/.dayfly/open?token={token}")
}

/// Maximum length of a record's description, in characters.
const DESCRIPTION_MAX: usize = 140;

/// One sentence of at most 140 characters, for records.
pub fn description(summary: &Summary) -> String {
    let sentence = match (&summary.phase, &summary.diagnosis, &summary.waiting_for) {
        (Phase::Failed, Some(diagnosis), _) => diagnosis.sentence.clone(),
        (Phase::Queued, _, Some(what)) => format!("Waiting for {what}"),
        (Phase::Live, ..) => "The preview is live".to_owned(),
        (phase, ..) => format!("The preview is {phase}"),
    };
    shortened(&sentence, DESCRIPTION_MAX)
}

/// Shortens a text that is too long, after a whole word.
fn shortened(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(characters_max - 1).collect();
    let ends_here = text[cut.len()..].starts_with(char::is_whitespace);
    let words = cut.rsplit_once(char::is_whitespace).filter(|_| !ends_here);
    let words = words.map_or(cut.as_str(), |(words, _)| words);
    format!("{}…", words.trim_end_matches([',', ';', ':']))
}

/// The preview that a report is about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What the operator configured.
    pub settings: &'a Settings,
    /// What is stored of the preview.
    pub row: &'a PreviewRow,
    /// What was observed of it.
    pub observed: &'a Observed,
    /// Where it stands.
    pub summary: &'a Summary,
}

/// The key of the report: it changes exactly when comment or records would say something else. The
/// timeline and the data from the seeds do not count, nor do the numbers in the reason for a delay,
/// which change all the time.
pub fn key(about: Subject<'_>) -> String {
    let mut steady = about.summary.clone();
    if let Some(what) = &mut steady.waiting_for {
        what.retain(|c| !c.is_ascii_digit());
    }
    let about = Subject {
        summary: &steady,
        ..about
    };
    let comment = comment(&about, &[], &Seeds::new());
    let revision = steady.revision.unwrap_or_default();
    let said = format!("{revision} {}\n{comment}", description(&steady));
    hex::encode(Sha256::digest(said))
}

/// The whole comment.
pub fn comment(about: &Subject<'_>, events: &[EventRow], seeds: &Seeds) -> String {
    let summary = about.summary;
    let mut body = format!("{}\n", marker(&about.row.id));
    let say = headline(about);
    let _ = writeln!(body, "{say}\n");
    if let Some(diagnosis) = &summary.diagnosis {
        body.push_str(&failure(diagnosis));
    }
    if let Some(what) = &summary.waiting_for
        && matches!(summary.phase, Phase::Live | Phase::Updating)
    {
        let _ = writeln!(body, "The preview waits for: {}\n", code_span_long(what));
    }
    if matches!(summary.phase, Phase::Live | Phase::Updating | Phase::Failed) {
        body.push_str(&table(about));
    }
    body.push_str(&missing(about));
    if matches!(summary.phase, Phase::Live) {
        body.push_str(&seeded(seeds));
        body.push_str(&timeline(summary, events));
    }
    body
}

fn headline(about: &Subject<'_>) -> String {
    let summary = about.summary;
    let short = |c: &Option<deploy::names::CommitSha>| {
        c.as_ref()
            .map_or_else(String::new, |commit| format!("`{}`", commit.short()))
    };
    let head = short(&summary.head);
    let link = url(about.settings, about.row).unwrap_or_default();
    match summary.phase {
        Phase::Queued => match &summary.waiting_for {
            Some(what) => format!("**Preview queued**: waiting for {}", code_span_long(what)),
            None => "**Preview queued**.".to_owned(),
        },
        Phase::Building => match &summary.waiting_for {
            Some(what) => format!(
                "**Preview building** {head}: waiting for {}",
                code_span_long(what)
            ),
            None => format!("**Preview building** {head}. It will be at {link}"),
        },
        Phase::Starting => match &summary.waiting_for {
            Some(what) => format!(
                "**Preview starting** {head}: waiting for {}",
                code_span_long(what)
            ),
            None => format!("**Preview starting** {head}. It will be at {link}"),
        },
        Phase::Live => format!("**Preview live**: {link} serves {head}"),
        Phase::Updating => {
            format!(
                "**Preview updating** to {head}; {link} still serves {}",
                short(&summary.serving)
            )
        }
        Phase::Failed => match &summary.serving {
            Some(_) => format!(
                "**Preview of {head} failed**; {link} still serves {}",
                short(&summary.serving)
            ),
            None => format!("**Preview of {head} failed**"),
        },
        Phase::Closing => {
            "**Preview closing**: Dayfly is removing the preview's containers and data.".to_owned()
        }
        Phase::Gone => gone(summary.ending),
        Phase::Captured => "**State of the preview captured**.".to_owned(),
    }
}

fn gone(ending: Option<Ending>) -> String {
    match ending {
        Some(Ending::Fork) => {
            "**No preview**: this pull request comes from a fork, and Dayfly does not support \
             previews of forks yet. Push the branch to this repository to get a preview."
        }
        Some(Ending::Expired) => {
            "**Preview removed**: no one pushed or visited for too long. Push to bring it back."
        }
        Some(Ending::Removed) => {
            "**Preview removed** by a user. Close and reopen the pull request to bring it back."
        }
        Some(Ending::Merged) => {
            "**Preview removed**: the pull request was merged. Dayfly deleted all containers, \
             networks, volumes, databases and images of the preview."
        }
        Some(Ending::Closed) | None => {
            "**Preview removed**: the pull request was closed. Dayfly deleted all containers, \
             networks, volumes, databases and images of the preview. Reopen the pull request \
             to get a new preview."
        }
        Some(Ending::Missing) => "**Preview removed**: this pull request no longer exists.",
    }
    .to_owned()
}

fn failure(diagnosis: &Diagnosis) -> String {
    let mut out = format!(
        "Error {}: {}\n\n",
        diagnosis.code,
        code_span_long(&diagnosis.sentence)
    );
    let _ = writeln!(out, "{}\n", diagnosis.action);
    if !diagnosis.evidence.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>Last lines of output</summary>\n\n{}\n\n</details>\n",
            code_block(&diagnosis.evidence)
        );
    }
    out
}

/// A sentence that may contain outside text, not shortened.
fn code_span_long(sentence: &str) -> String {
    if sentence.chars().count() <= 120 && !sentence.contains('\n') {
        return code_span(sentence);
    }
    format!("\n\n{}", code_block(&[sentence.to_owned()]))
}

fn table(about: &Subject<'_>) -> String {
    let observed = about.observed;
    let Some(routed) = &observed.route else {
        return String::new();
    };
    let Some(facts) = observed.revision(routed.revision) else {
        return String::new();
    };
    let Some(blueprint) = &facts.blueprint else {
        return String::new();
    };
    let mut out = String::from("| | |\n|---|---|\n");
    for service in &blueprint.services {
        let kind = if service.public {
            "service"
        } else {
            "private service"
        };
        let unchanged = observed
            .unchanged_since(facts, &service.name)
            .map_or_else(String::new, |commit| {
                format!(", unchanged since `{}`", commit.short())
            });
        let _ = writeln!(out, "| {kind} | `{}`{unchanged} |", service.name);
    }
    for database in &blueprint.databases {
        let name = &database.name;
        let id = &about.row.id;
        let mut origin = String::new();
        if observed.seed_changed(facts, name) {
            origin = format!(
                ", data from an older seed; to use the new seed, run `dayfly reset-db {id} {name}` \
                 on the server"
            );
        }
        if observed.started_again(facts, name) {
            let hours = about.settings.limits.undo_hours_max;
            origin = format!(
                ", recreated from its seed; within {hours} h, `dayfly undo {id}` on the server \
                 restores the earlier data"
            );
        }
        let image = code_span(&database.image);
        let _ = writeln!(out, "| database | `{name}` ({image}){origin} |");
    }
    out.push('\n');
    out
}

/// Maximum number of tables, and of changes, listed for one seed.
const SEED_LINES_MAX: usize = 20;

/// The rows that the seeds created, and Dayfly's changes to the seeds.
fn seeded(seeds: &Seeds) -> String {
    let mut lines = String::new();
    for (name, report) in seeds {
        let rows = report.rows.iter().map(|(table, rows)| {
            let rows_word = if *rows == 1 { "row" } else { "rows" };
            format!("{}: {rows} {rows_word}", code_span(table))
        });
        let changes = report.changes.iter().map(|change| code_span(change));
        for (told, count, kind) in [
            (
                rows.take(SEED_LINES_MAX).collect::<Vec<_>>(),
                report.rows.len(),
                "tables",
            ),
            (
                changes.take(SEED_LINES_MAX).collect(),
                report.changes.len(),
                "changes",
            ),
        ] {
            let more = count - told.len();
            let told = told.iter().map(|line| format!("- `{name}`, {line}\n"));
            lines.extend(told);
            if more > 0 {
                let _ = writeln!(
                    lines,
                    "- `{name}`, and {more} more {kind}; `dayfly show` on the server lists them"
                );
            }
        }
    }
    if lines.is_empty() {
        return lines;
    }
    format!("<details><summary>Data from the seeds</summary>\n\n{lines}\n</details>\n\n")
}

/// The parts of the newest commit that its builds lack, once they are known.
fn missing(about: &Subject<'_>) -> String {
    if matches!(about.summary.phase, Phase::Closing | Phase::Gone) {
        return String::new();
    }
    let newest = current_revision(&about.row.desired, about.observed);
    let sentences = newest
        .and_then(|facts| facts.blueprint.as_ref())
        .map_or(&[][..], |blueprint| &blueprint.missing[..]);
    let line = |sentence: &String| {
        format!(
            "Files are missing in the build: {}\n\n",
            code_span_long(sentence)
        )
    };
    sentences.iter().map(line).collect()
}

fn timeline(summary: &Summary, events: &[EventRow]) -> String {
    let of = |event: &&EventRow| event.revision == summary.revision && event.note.is_none();
    let parts: Vec<String> = events
        .iter()
        .filter(of)
        .filter(|event| event.took_ms >= 50)
        .filter_map(|event| {
            let words = history::words(&event.step)?;
            Some(format!("{words} {:.1} s", event.took_ms as f64 / 1000.0))
        })
        .collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("<sub>{}</sub>\n", parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeline_names_steps_as_visitors_read_them() {
        let event = |step: &str, took_ms| EventRow {
            revision: Some(1),
            at_ms: 0,
            step: step.to_owned(),
            took_ms,
            note: None,
        };
        let summary = Summary {
            phase: Phase::Live,
            head: None,
            revision: Some(1),
            serving: None,
            diagnosis: None,
            ending: None,
            waiting_for: None,
            link_serial: 0,
        };
        let events = [
            event("build web", 7_100),
            event("drain", 900),
            event("route", 10),
        ];
        assert_eq!(timeline(&summary, &events), "<sub>build web 7.1 s</sub>\n");
    }

    #[test]
    fn what_is_too_long_ends_after_a_word() {
        assert_eq!(shortened("as it is", 8), "as it is");
        assert_eq!(shortened("three short words", 12), "three short…");
        assert_eq!(shortened("first, second", 10), "first…");
        assert_eq!(shortened("unbroken", 5), "unbr…");
    }

    #[test]
    fn what_the_seeds_made_is_told_and_outside_text_stays_text() {
        use deploy::{databases::SeedReport, names::DatabaseName};
        assert_eq!(seeded(&Seeds::new()), "");
        let report = SeedReport {
            rows: vec![("shop.orders".to_owned(), 1), ("a`b".to_owned(), 20)],
            changes: (0..22).map(|n| format!("role <b>{n}</b>")).collect(),
        };
        let name = DatabaseName::parse("main").unwrap();
        let told = seeded(&Seeds::from([(name, report)]));
        for line in [
            "- `main`, `shop.orders`: 1 row\n",
            "- `main`, ``a`b``: 20 rows\n",
            "- `main`, `role <b>19</b>`\n",
            "- `main`, and 2 more changes; `dayfly show` on the server lists them\n",
        ] {
            assert!(told.contains(line), "{line:?} in {told}");
        }
    }
}
