//! Reads the files of a project as one: overrides, included files, extended services, profiles and
//! variables.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    check, dotenv, merge,
    node::{Node, Value},
    service::{inside, text},
    template::Variables,
    yaml,
};
use crate::{
    blueprint::{BlueprintError, draft::Place},
    source::{SourceError, Tree, folder},
};

/// The profile that is active in a preview.
const PROFILE: &str = "dayfly";
/// Maximum bytes of one file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Maximum files of one project, included and extended ones too.
const FILES_MAX: usize = 50;
/// Maximum services that extend each other in a row.
const EXTENDS_MAX: usize = 20;

/// The files of a project while it is read.
pub(super) struct Loader<'a> {
    tree: &'a Tree,
    /// The values of `.env`.
    env: BTreeMap<String, String>,
    files: usize,
    /// Variables without a value that became empty, with the first place.
    pub(super) unset: BTreeMap<String, Place>,
}

impl<'a> Loader<'a> {
    /// Reads `.env` beside the first file.
    pub(super) async fn new(tree: &'a Tree, folder: &str) -> Result<Self, BlueprintError> {
        let mut loader = Self {
            tree,
            env: BTreeMap::new(),
            files: 0,
            unset: BTreeMap::new(),
        };
        let path = joined(folder, ".env");
        if let Some(text) = loader.read(&path).await? {
            let lookup = dotenv::Lookup {
                first: &|_| None,
                last: &|_| None,
            };
            let values = dotenv::read(&text, &lookup);
            let values = values.map_err(|wrong| at_line(&path, wrong.line).error(wrong.why))?;
            loader.env = values.into_iter().collect();
        }
        Ok(loader)
    }

    /// The value of a variable of `.env`.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    /// The text of a file. `None` if there is none.
    pub(super) async fn read(&mut self, path: &str) -> Result<Option<String>, BlueprintError> {
        let Some(entry) = self.tree.resolve(path).await? else {
            return Ok(None);
        };
        self.files += 1;
        if self.files > FILES_MAX {
            let why = format!("the project has more than {FILES_MAX} files");
            return Err(SourceError::unfit(path, why).into());
        }
        if entry.size > FILE_BYTES_MAX {
            let why = format!("it has {} bytes; at most 1 MiB is read", entry.size);
            return Err(SourceError::unfit(path, why).into());
        }
        let bytes = self.tree.read(path).await?.unwrap_or_default();
        let text = String::from_utf8(bytes.to_vec());
        Ok(Some(text.map_err(|_| {
            SourceError::unfit(path, "it is not UTF-8 text")
        })?))
    }

    /// The files merged in their order, with what they include.
    pub(super) async fn project(&mut self, paths: &[String]) -> Result<Node, BlueprintError> {
        let mut project: Option<Node> = None;
        for path in paths {
            let next = self.file(path).await?;
            project = Some(match project {
                Some(earlier) => merge::files(earlier, next),
                None => next,
            });
        }
        let top = Place::top(paths.first().map_or("compose.yaml", String::as_str));
        let mut project = project.ok_or_else(|| top.error("there is no compose file"))?;
        project = merge::without_resets(project);
        self.include(&mut project).await?;
        Ok(project)
    }

    /// The documents of one file as one, with variables and `extends` replaced.
    async fn file(&mut self, path: &str) -> Result<Node, BlueprintError> {
        let top = Place::top(path);
        let Some(content) = self.read(path).await? else {
            return Err(top.error("there is no such file in the repository"));
        };
        let mut whole: Option<Node> = None;
        for document in yaml::documents(&Arc::clone(&top.file), &content)? {
            if document.map().is_none() {
                let kind = document.value.kind();
                let message = format!("a compose file must be a mapping, but this is {kind}");
                return Err(document.at.error(message));
            }
            whole = Some(match whole {
                Some(earlier) => merge::files(earlier, document),
                None => document,
            });
        }
        let mut whole = whole.ok_or_else(|| top.error("the file is empty"))?;
        self.replace(&mut whole)?;
        check::dates(&whole)?;
        rebase(&mut whole, folder(path));
        self.extend_all(&mut whole, path).await?;
        Ok(whole)
    }

    /// Replaces the variables of every value.
    fn replace(&mut self, node: &mut Node) -> Result<(), BlueprintError> {
        match &mut node.value {
            Value::Text(text) if text.contains('$') => {
                let env = &self.env;
                let mut variables = Variables::new(|name: &str| env.get(name).cloned());
                let replaced = variables.replace(text);
                let unset = std::mem::take(&mut variables.unset);
                *text = replaced.map_err(|why| node.at.error(why))?;
                for name in unset {
                    self.unset.entry(name).or_insert_with(|| node.at.clone());
                }
                Ok(())
            }
            Value::List(items) => items.iter_mut().try_for_each(|item| self.replace(item)),
            Value::Map(entries) => {
                let mut entries = entries.iter_mut();
                entries.try_for_each(|(_, node)| self.replace(node))
            }
            _ => Ok(()),
        }
    }

    async fn extend_all(&mut self, file: &mut Node, path: &str) -> Result<(), BlueprintError> {
        let Some(services) = file.get("services").and_then(Node::map) else {
            return Ok(());
        };
        let services = services.to_vec();
        let mut extended = Vec::with_capacity(services.len());
        for (name, service) in &services {
            let whole = self.extended(service.clone(), &services, path, 0);
            extended.push((name.clone(), Box::pin(whole).await?));
        }
        if let Value::Map(entries) = &mut file.value
            && let Some((_, services)) = entries.iter_mut().find(|(key, _)| key == "services")
        {
            services.value = Value::Map(extended);
        }
        Ok(())
    }

    /// A service over the one that it extends, possibly of another file.
    async fn extended(
        &mut self,
        mut service: Node,
        siblings: &[(String, Node)],
        path: &str,
        depth: usize,
    ) -> Result<Node, BlueprintError> {
        let Some(extends) = service.get("extends").cloned() else {
            return Ok(service);
        };
        if depth > EXTENDS_MAX {
            return Err(extends.at.error("services extend each other in a circle"));
        }
        let (name, file) = match &extends.value {
            Value::Text(name) => (name.clone(), None),
            _ => {
                let part = |key: &str| extends.get(key).map(|node| text(node, key)).transpose();
                let name = part("service")?.ok_or_else(|| {
                    extends
                        .at
                        .error("`extends` needs `service`, the service to extend")
                })?;
                (name.to_owned(), part("file")?)
            }
        };
        if let Value::Map(entries) = &mut service.value {
            entries.retain(|(key, _)| key != "extends");
        }
        let (base, others, path) = match file {
            None => (find(siblings, &name), siblings.to_vec(), path.to_owned()),
            Some(file) => {
                let other = inside(folder(path), file).ok_or_else(|| {
                    extends.at.error(format!(
                        "`extends` names a file outside the repository: {file}"
                    ))
                })?;
                let content = self.read(&other).await?.ok_or_else(|| {
                    extends.at.error(format!(
                        "`extends` names {other}, but there is no such file"
                    ))
                })?;
                let mut documents = yaml::documents(&Place::top(&other).file, &content)?;
                let mut first = documents
                    .drain(..)
                    .next()
                    .ok_or_else(|| extends.at.error(format!("{other} is empty")))?;
                self.replace(&mut first)?;
                rebase(&mut first, folder(&other));
                let services = first.get("services").and_then(Node::map);
                let services = services.unwrap_or_default().to_vec();
                (find(&services, &name), services, other)
            }
        };
        let base = base.ok_or_else(|| {
            extends.at.error(format!(
                "`extends` names service {name}, but {path} has no such service"
            ))
        })?;
        let base = Box::pin(self.extended(base, &others, &path, depth + 1)).await?;
        Ok(merge::services(base, service))
    }

    /// Adds what the files of `include` say. The project's own entries win.
    async fn include(&mut self, project: &mut Node) -> Result<(), BlueprintError> {
        let Some(include) = project.get("include").cloned() else {
            return Ok(());
        };
        let items = include
            .list()
            .ok_or_else(|| include.at.error("`include` must be a list"))?;
        for item in items {
            check::include(item)?;
            let paths: Vec<&Node> = match &item.value {
                Value::Map(_) => match item.get("path") {
                    Some(path) => path
                        .list()
                        .map_or_else(|| vec![path], |all| all.iter().collect()),
                    None => return Err(item.at.error("`include` needs `path`")),
                },
                _ => vec![item],
            };
            let mut files = Vec::new();
            for path in paths {
                let path = text(path, "include")?;
                let file = inside(folder(&project.at.file), path).ok_or_else(|| {
                    item.at.error(format!(
                        "`include` names a file outside the repository: {path}"
                    ))
                })?;
                files.push(file);
            }
            let included = Box::pin(self.project(&files)).await?;
            *project = merge::files(included, project.clone());
        }
        Ok(())
    }
}

fn find(services: &[(String, Node)], name: &str) -> Option<Node> {
    let mut services = services.iter();
    services
        .find(|(known, _)| known == name)
        .map(|(_, node)| node.clone())
}

/// The services of a file with paths that are relative to the repository's root, as those of the
/// file are relative to its folder.
fn rebase(file: &mut Node, folder: &str) {
    let Value::Map(entries) = &mut file.value else {
        return;
    };
    let services = entries.iter_mut().find(|(key, _)| key == "services");
    let Some((
        _,
        Node {
            value: Value::Map(services),
            ..
        },
    )) = services
    else {
        return;
    };
    if folder.is_empty() {
        return;
    }
    for (_, service) in services {
        let Value::Map(entries) = &mut service.value else {
            continue;
        };
        for (key, node) in entries {
            match key.as_str() {
                "build" => rebase_entry(node, "context", folder),
                "env_file" => rebase_entry(node, "path", folder),
                "volumes" => rebase_entry(node, "source", folder),
                _ => {}
            }
        }
    }
}

/// A path, a mapping with one, or a list of either.
fn rebase_entry(node: &mut Node, key: &str, folder: &str) {
    match &mut node.value {
        Value::Text(path) => rebase_path(path, key, folder),
        Value::List(items) => items
            .iter_mut()
            .for_each(|item| rebase_entry(item, key, folder)),
        Value::Map(entries) => {
            if let Some((_, node)) = entries.iter_mut().find(|(known, _)| known == key)
                && let Value::Text(path) = &mut node.value
            {
                rebase_path(path, key, folder);
            }
        }
        _ => {}
    }
}

fn rebase_path(path: &mut String, key: &str, folder: &str) {
    // A source without a dot is the name of a volume.
    let is_relative = !path.starts_with(['/', '~']) && !path.contains("://");
    if is_relative && (key != "source" || path.starts_with('.')) {
        *path = format!("./{folder}/{path}");
    }
}

/// The services that are active in a preview.
pub(super) fn active(project: &Node) -> Result<Vec<(String, Node)>, BlueprintError> {
    let Some(services) = project.get("services") else {
        return Err(project.at.error("the file has no `services`"));
    };
    let Some(entries) = services.map() else {
        let kind = services.value.kind();
        return Err(services
            .at
            .error(format!("`services` must be a mapping, but is {kind}")));
    };
    entries
        .iter()
        .try_for_each(|(name, node)| check::known_keys(name, node))?;
    let is_active = |node: &Node| {
        let profiles = node
            .get("profiles")
            .and_then(Node::list)
            .unwrap_or_default();
        profiles.is_empty()
            || profiles
                .iter()
                .any(|profile| profile.text() == Some(PROFILE))
    };
    Ok(entries
        .iter()
        .filter(|(_, node)| is_active(node))
        .cloned()
        .collect())
}

fn joined(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

fn at_line(path: &str, line: usize) -> Place {
    Place {
        line,
        ..Place::top(path)
    }
}
