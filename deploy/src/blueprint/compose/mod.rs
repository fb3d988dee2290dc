//! Reads the compose files of a commit as a draft, with the same result as Docker Compose.
//!
//! Facts about Compose are those of version 2.40.3. Where its result is surely not what the author
//! meant, the draft has the same result and a note about it.

mod check;
mod dotenv;
mod duration;
mod environment;
mod health;
mod keys;
mod merge;
mod node;
mod notes;
mod port;
mod profiles;
mod project;
mod rebase;
mod scalar;
mod service;
mod size;
mod template;
mod values;
mod words;
mod yaml;

use node::Node;
use notes::Notes;
use project::Loader;

use super::{
    BlueprintError,
    draft::{Draft, Place},
};
use crate::source::{Tree, tidy};

/// The first of these is the project's file.
const FILES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// The first of these is merged over it.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];
/// The variable of `.env` that names other files.
const FILES_VARIABLE: &str = "COMPOSE_FILE";
/// Maximum services of one project.
const SERVICES_MAX: usize = 50;

/// The compose file at the commit's root, if there is one.
pub(super) async fn find(tree: &Tree) -> Result<Option<&'static str>, BlueprintError> {
    for file in FILES {
        if tree.resolve(file).await?.is_some() {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Reads the project of a file at the root.
pub(super) async fn draft(tree: &Tree, file: &str) -> Result<Draft, BlueprintError> {
    let mut loader = Loader::new(tree, "").await?;
    let paths = paths(tree, file, &loader).await?;
    let project = loader.project(&paths).await?;
    let mut notes = Notes::default();
    check::project(&project, &mut notes)?;
    let top = Place::top(paths.first().map_or(file, String::as_str));
    let profiles::Services { active, left_out } = profiles::services(&project)?;
    if active.is_empty() {
        let message = "all services have `profiles`; add the profile dayfly to those that a preview \
                       needs";
        return Err(top.error(message));
    }
    if active.len() > SERVICES_MAX {
        return Err(top.error(format!("the project has more than {SERVICES_MAX} services")));
    }
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        notes.project(
            &top,
            &format!("left out, because of their `profiles`: {names}"),
        );
    }
    depends_on_active(&active)?;
    without_circles(&active)?;
    let services = services(&project, &active, &mut loader, &mut notes).await?;
    if !services.iter().any(|service| service.public == Some(true)) {
        let message = "no service would have a URL: publish a port for browsers in `ports`, or give \
                       a service the label `dev.dayfly.public: \"true\"`; ports of databases and on 127.0.0.1 do \
                       not count";
        return Err(top.error(message));
    }
    for (name, at) in &loader.unset {
        notes.project(
            at,
            &format!("{name} has no value, and became empty; give it a default as in ${{{name}:-value}}, or set it in a .env of the repository"),
        );
    }
    Ok(Draft {
        top,
        services,
        databases: Vec::new(),
        notes: notes.into_sentences(),
    })
}

/// The files of the project: those that `.env` names, else the file and its override.
async fn paths(
    tree: &Tree,
    file: &str,
    loader: &Loader<'_>,
) -> Result<Vec<String>, BlueprintError> {
    if let Some(named) = loader.variable(FILES_VARIABLE) {
        let path = |path: &str| {
            let inside = tidy(path).filter(|path| !path.is_empty());
            inside.ok_or_else(|| {
                let message =
                    format!("{FILES_VARIABLE} names a file outside the repository: {path}");
                Place::top(".env").error(message)
            })
        };
        return named
            .split(':')
            .filter(|path| !path.is_empty())
            .map(path)
            .collect();
    }
    let mut paths = vec![file.to_owned()];
    for file in OVERRIDES {
        if tree.resolve(file).await?.is_some() {
            paths.push(file.to_owned());
            break;
        }
    }
    Ok(paths)
}

/// Refuses a dependency on a service that is not there, as Compose does.
fn depends_on_active(active: &[(String, Node)]) -> Result<(), BlueprintError> {
    for (name, node) in active {
        let Some(depends) = node.get("depends_on") else {
            continue;
        };
        for (other, at) in names(depends) {
            let optional = depends.get(&other).and_then(|node| node.get("required"));
            let optional = optional.is_some_and(|node| node.value == node::Value::Bool(false));
            let condition = depends.get(&other).and_then(|node| node.get("condition"));
            if condition.and_then(Node::text) == Some("service_completed_successfully") {
                let message = format!(
                    "service {name} waits for {other} to end, which is not supported yet; run its \
                     command at the start of {name} instead"
                );
                return Err(at.error(message));
            }
            let there = active.iter().any(|(known, _)| *known == other);
            if !there && !optional {
                let message = format!(
                    "service {name} depends on {other}, which is not there or has a profile that is \
                     not active; add the profile dayfly to it, or write `required: false`"
                );
                return Err(at.error(message));
            }
        }
    }
    Ok(())
}

/// Refuses services that depend on each other in a circle.
fn without_circles(active: &[(String, Node)]) -> Result<(), BlueprintError> {
    let mut waiting: Vec<(&str, Vec<(String, Place)>)> = active
        .iter()
        .map(|(name, node)| {
            (
                name.as_str(),
                node.get("depends_on").map(names).unwrap_or_default(),
            )
        })
        .collect();
    loop {
        let left: Vec<&str> = waiting.iter().map(|(name, _)| *name).collect();
        let before = waiting.len();
        waiting.retain(|(_, on)| on.iter().any(|(other, _)| left.contains(&other.as_str())));
        if waiting.len() < before {
            continue;
        }
        let Some((name, on)) = waiting.first() else {
            return Ok(());
        };
        let at = on.iter().find(|(other, _)| left.contains(&other.as_str()));
        let (other, at) = at.map_or((*name, None), |(other, at)| (other.as_str(), Some(at)));
        let message =
            format!("service {name} depends on {other}, which depends on {name} in a circle");
        return Err(at.unwrap_or(&Place::top("compose.yaml")).error(message));
    }
}

/// The names in a list, or the keys of a mapping.
fn names(node: &Node) -> Vec<(String, Place)> {
    let keys = node.map().unwrap_or_default().iter();
    let keys = keys.map(|(name, node)| (name.clone(), node.at.clone()));
    let items = node.list().unwrap_or_default().iter();
    let items = items.filter_map(|item| Some((item.text()?.to_owned(), item.at.clone())));
    keys.chain(items).collect()
}

async fn services(
    project: &Node,
    active: &[(String, Node)],
    loader: &mut Loader<'_>,
    notes: &mut Notes,
) -> Result<Vec<super::draft::ServiceDraft>, BlueprintError> {
    let volumes = project.entries("volumes");
    let volumes: Vec<String> = volumes.iter().map(|(name, _)| name.clone()).collect();
    let mut read = Vec::with_capacity(active.len());
    for (name, node) in active {
        check::service(name, node, notes)?;
        check::mounts(name, node, &volumes, notes)?;
        let env = environment::environment(name, node, loader, notes).await?;
        let inherited = |name: &str| loader.variable(name);
        read.push(service::service(name, node, env, &inherited, notes)?);
    }
    // A service is public by its label, else by its published ports for browsers, else alone.
    let labelled = read.iter().any(|one| one.draft.public == Some(true));
    let web = read
        .iter()
        .any(|one| one.is_web && one.draft.public.is_none());
    let alone = read.len() == 1;
    Ok(read
        .into_iter()
        .map(|mut one| {
            let by_default = !labelled && (one.is_web || (alone && !web));
            one.draft.public = Some(one.draft.public.unwrap_or(by_default));
            one.draft
        })
        .collect())
}
