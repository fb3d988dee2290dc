//! Reads `migrations`: the files that define a database's schema.

use super::section::{At, Section};
use crate::{blueprint::BlueprintError, source::IgnoreRules};

/// Maximum globs of one database.
const GLOBS_MAX: usize = 20;
/// Maximum bytes of a glob.
const GLOB_BYTES_MAX: usize = 256;

/// Reads the globs. They work as in `.dockerignore`: `*` matches within a folder, `**` matches any
/// number of folders, and a folder's name matches everything in it.
pub(super) fn globs(section: &Section<'_>) -> Result<Option<At<IgnoreRules>>, BlueprintError> {
    let Some(value) = section.get("migrations") else {
        return Ok(None);
    };
    let globs = section.texts("migrations")?;
    if globs.is_empty() {
        let message = "`migrations` names no files; write globs, such as [\"db/migrate/**\"]";
        return Err(section.error_at(&value.span(), message));
    }
    if globs.len() > GLOBS_MAX {
        let message = format!("`migrations` has more than {GLOBS_MAX} globs; use `**`");
        return Err(section.error_at(&value.span(), message));
    }
    for (glob, at) in &globs {
        // Line feeds, comments and `!` have a meaning in ignore files.
        if glob.len() > GLOB_BYTES_MAX
            || glob.trim() != glob
            || glob.starts_with(['/', '#', '!'])
            || glob.chars().any(char::is_control)
            || glob.split('/').any(|component| component == "..")
        {
            let message = format!(
                "`migrations` takes globs of paths inside the repository, such as \
                 \"db/migrate/**\", but {glob:?} is not one"
            );
            return Err(section.error_at(at, message));
        }
    }
    let lines: Vec<&str> = globs.iter().map(|(glob, _)| glob.as_str()).collect();
    let rules = IgnoreRules::parse(&lines.join("\n")).map_err(|wrong| {
        let at = globs.get(wrong.line.saturating_sub(1));
        let at = at.map_or_else(|| value.span(), |(_, at)| at.clone());
        section.error_at(&at, format!("`migrations`: {}", wrong.why))
    })?;
    Ok(Some((rules, value.span())))
}
