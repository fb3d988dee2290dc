//! A command that runs in the image of a service, such as `migrate`.

use toml::{Spanned, de::DeValue};

use super::section::Section;
use crate::blueprint::{BlueprintError, draft::RunDraft};

const KEYS: [&str; 2] = ["run", "in"];

/// Reads `{ run = "...", in = "..." }`, the value of `key`.
pub(super) fn run(
    section: &Section<'_>,
    key: &'static str,
    value: &Spanned<DeValue<'_>>,
) -> Result<RunDraft, BlueprintError> {
    let at = value.span();
    let DeValue::Table(table) = value.get_ref() else {
        let wanted = "a table such as { run = \"./migrate\", in = \"web\" }";
        return Err(section.wrong(&at, key, wanted, value));
    };
    let inner = section.inner(key, table, &at);
    inner.expect(&KEYS, &[])?;
    let Some((run, _)) = inner.command("run")? else {
        return Err(inner.error(format!("`{key}` needs `run`, the command")));
    };
    let service = inner.text("in")?.map(|(name, at)| (name.to_owned(), at));
    Ok(RunDraft {
        key,
        run,
        service: service.map(|service| inner.placed(service)),
        at: inner.place(),
    })
}
