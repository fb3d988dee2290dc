//! Reads the initial content of a database: `seed` or `snapshot`.

use toml::de::DeValue;

use super::{
    run,
    section::{At, Section},
    service::path,
};
use crate::{
    blueprint::{BlueprintError, DatabaseKind, draft::SeedDraft},
    names::is_slug,
};

/// Maximum characters of the name of a snapshot.
const SNAPSHOT_NAME_MAX: usize = 40;

/// Reads `seed` and `snapshot`, of which only one is allowed.
pub(super) fn seed(
    section: &Section<'_>,
    kind: &DatabaseKind,
) -> Result<Option<SeedDraft>, BlueprintError> {
    let snapshot = snapshot(section)?;
    let Some(value) = section.get("seed") else {
        return Ok(snapshot.map(|(name, _)| SeedDraft::Snapshot(name)));
    };
    if let Some((_, at)) = snapshot {
        let message = "`seed` and `snapshot` exclude each other; keep one";
        return Err(section.error_at(&at, message));
    }
    match value.get_ref() {
        DeValue::Table(_) => run::run(section, "seed", value).map(|run| Some(SeedDraft::Run(run))),
        DeValue::String(_) => {
            let at = value.span();
            if matches!(kind, DatabaseKind::Other { .. }) {
                let message = "an image with `data` only takes a seed command, such as \
                               { run = \"./seed\", in = \"web\" }";
                return Err(section.error_at(&at, message));
            }
            let (text, at) = section.text("seed")?.unwrap_or((".", at));
            let path = path(section, "seed", text, &at)?;
            Ok(Some(SeedDraft::Path(section.placed((path, at)))))
        }
        _ => {
            let wanted = "a path, or a table such as { run = \"./seed\", in = \"web\" }";
            Err(section.wrong(&value.span(), "seed", wanted, value))
        }
    }
}

fn snapshot(section: &Section<'_>) -> Result<Option<At<String>>, BlueprintError> {
    let Some((name, at)) = section.text("snapshot")? else {
        return Ok(None);
    };
    if !is_slug(name, SNAPSHOT_NAME_MAX) {
        let message = format!(
            "{name:?} is not the name of a snapshot: at most {SNAPSHOT_NAME_MAX} of a-z, 0-9 and \
             single hyphens"
        );
        return Err(section.error_at(&at, message));
    }
    Ok(Some((name.to_owned(), at)))
}
