//! The variables of a service: the files of `env_file` in their order, then `environment`.

use std::collections::BTreeMap;

use super::{
    dotenv,
    merge::named,
    node::{Node, Value},
    notes::Notes,
    project::Loader,
    service::{check_count, check_variable},
    values::{flag, inside, must_be, text, variable},
};
use crate::blueprint::{
    BlueprintError,
    draft::{Place, Placed},
};

/// Reads the variables of a service.
pub(super) async fn environment(
    name: &str,
    node: &Node,
    loader: &mut Loader<'_>,
    notes: &mut Notes,
) -> Result<BTreeMap<String, Placed<String>>, BlueprintError> {
    let mut variables = BTreeMap::new();
    let own = own(node, loader)?;
    let unset = own.iter().filter(|(_, value)| value.is_none());
    for (variable, _) in unset {
        let what =
            format!("{variable} has no value, and is not set; set it in a .env of the repository");
        notes.service(name, &node.at, what);
    }
    for file in files(node)? {
        read_file(&file, &own, loader, &mut variables).await?;
    }
    for (name, value) in own {
        match value {
            Some(value) => variables.insert(name, value),
            None => variables.remove(&name),
        };
    }
    check_count(variables.len(), &node.at)?;
    Ok(variables)
}

/// The entries of `environment`; without a value, an entry removes that of a file.
fn own(
    node: &Node,
    loader: &Loader<'_>,
) -> Result<BTreeMap<String, Option<Placed<String>>>, BlueprintError> {
    let mut variables = BTreeMap::new();
    if let Some(given) = node.get("environment") {
        if !matches!(given.value, Value::Map(_) | Value::List(_)) {
            return Err(must_be(given, "environment", "a mapping or a list"));
        }
        for (name, value) in named(given.clone()) {
            let text = variable(&name, &value, &|name| loader.variable(name))?;
            if let Some(text) = &text {
                check_variable(&name, text, &value.at)?;
            }
            variables.insert(name, text.map(|text| (text, value.at)));
        }
    }
    Ok(variables)
}

struct File {
    path: String,
    at: Place,
    required: bool,
    raw: bool,
}

fn files(node: &Node) -> Result<Vec<File>, BlueprintError> {
    let Some(given) = node.get("env_file") else {
        return Ok(Vec::new());
    };
    let items = given
        .list()
        .map_or_else(|| vec![given], |items| items.iter().collect());
    let file = |item: &Node| {
        let (path, required, format) = match item.value {
            Value::Map(_) => {
                let path = item.get("path");
                let path = path.ok_or_else(|| item.at.error("`env_file` needs `path`"))?;
                let format = item.get("format").and_then(Node::text);
                (
                    text(path, "path")?,
                    flag(item, "required")?.unwrap_or(true),
                    format,
                )
            }
            _ => (text(item, "env_file")?, true, None),
        };
        let inside = inside("", path).ok_or_else(|| {
            item.at.error(format!(
                "`env_file` names a file outside the repository: {path}"
            ))
        })?;
        let raw = match format {
            None => false,
            Some("raw") => true,
            Some(other) => {
                return Err(item
                    .at
                    .error(format!("`format` must be raw, but is {other:?}")));
            }
        };
        Ok(File {
            path: inside,
            at: item.at.clone(),
            required,
            raw,
        })
    };
    items.into_iter().map(file).collect()
}

/// Reads one file. Its values may use the variables of the project, which come first, those of
/// `environment`, and those of earlier files, which come last.
async fn read_file(
    file: &File,
    own: &BTreeMap<String, Option<Placed<String>>>,
    loader: &mut Loader<'_>,
    variables: &mut BTreeMap<String, Placed<String>>,
) -> Result<(), BlueprintError> {
    let path = &file.path;
    let Some(text) = loader.read(path).await? else {
        if !file.required {
            return Ok(());
        }
        let message = format!(
            "`env_file` names {path}, which is not among the files that Dayfly gets (git may ignore \
             it); commit one with values for previews, or write `required: false` for it"
        );
        return Err(file.at.error(message));
    };
    let first = |name: &str| {
        let own = || own.get(name)?.as_ref().map(|(value, _)| value.clone());
        loader.variable(name).or_else(own)
    };
    let last = |name: &str| variables.get(name).map(|(value, _)| value.clone());
    let lookup = dotenv::Lookup {
        first: &first,
        last: &last,
    };
    let values = match file.raw {
        true => dotenv::read_raw(&text),
        false => dotenv::read(&text, &lookup),
    };
    let values = values.map_err(|wrong| wrong.of(path))?;
    for (name, value) in values {
        let at = Place::top(path);
        check_variable(&name, &value, &at)?;
        variables.insert(name, (value, at));
    }
    Ok(())
}
