//! Reads the files of a project as one: overrides, included files, extended services, profiles and
//! variables.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{
    check, dotenv, merge,
    node::{Node, Value},
    rebase::{name_contexts, rebase},
    template::Variables,
    values::{inside, text},
    yaml,
};
use crate::{
    blueprint::{BlueprintError, draft::Place},
    source::{SourceError, Tree, folder},
};

/// Maximum bytes of one file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Maximum files of one project, included and extended ones too.
const FILES_MAX: usize = 50;
/// Maximum bytes of text, and maximum values, that variables and extended services make.
const MADE_BYTES_MAX: usize = 8 << 20;
const MADE_NODES_MAX: usize = 50_000;
/// Maximum services of one file, active or not.
const SERVICES_MAX: usize = 200;
/// Maximum services that extend each other in a row.
const EXTENDS_MAX: usize = 20;

/// The files of a project while it is read.
pub(super) struct Loader<'a> {
    tree: &'a Tree,
    /// The values of `.env`.
    env: BTreeMap<String, String>,
    /// The texts of the files that were read.
    texts: BTreeMap<String, Option<String>>,
    /// Bytes of text and number of values that were made beside those of the files.
    made: (usize, usize),
    /// The files that include the one that is read.
    including: Vec<String>,
    /// Variables without a value that became empty, with the first place.
    pub(super) unset: BTreeMap<String, Place>,
}

impl<'a> Loader<'a> {
    /// Reads `.env` beside the first file.
    pub(super) async fn new(tree: &'a Tree, folder: &str) -> Result<Self, BlueprintError> {
        let mut loader = Self {
            tree,
            env: BTreeMap::new(),
            texts: BTreeMap::new(),
            made: (0, 0),
            including: Vec::new(),
            unset: BTreeMap::new(),
        };
        loader.add_env(folder).await?;
        Ok(loader)
    }

    /// The value of a variable of `.env`.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    /// The text of a file. `None` if there is none.
    pub(super) async fn read(&mut self, path: &str) -> Result<Option<String>, BlueprintError> {
        if let Some(known) = self.texts.get(path) {
            return Ok(known.clone());
        }
        let text = self.read_new(path).await?;
        self.texts.insert(path.to_owned(), text.clone());
        Ok(text)
    }

    /// Counts what replacing and extending make of a small file.
    fn count(&mut self, at: &Place, bytes: usize, nodes: usize) -> Result<(), BlueprintError> {
        self.made.0 += bytes;
        self.made.1 += nodes;
        if self.made.0 > MADE_BYTES_MAX || self.made.1 > MADE_NODES_MAX {
            let message = format!(
                "with its variables and extended services, the project has more than {} MiB of \
                 text or {MADE_NODES_MAX} values",
                MADE_BYTES_MAX >> 20
            );
            return Err(at.error(message));
        }
        Ok(())
    }

    async fn read_new(&self, path: &str) -> Result<Option<String>, BlueprintError> {
        let Some(entry) = self.tree.resolve(path).await? else {
            return Ok(None);
        };
        if self.texts.len() >= FILES_MAX {
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
        if self.including.is_empty() {
            self.including.extend(paths.iter().cloned());
        }
        // Compose takes the paths of all files from the folder of the first.
        let base = folder(paths.first().map_or("", String::as_str));
        let mut project: Option<Node> = None;
        for path in paths {
            let next = self.file(path, base).await?;
            project = Some(match project {
                Some(earlier) => merge::files(earlier, next),
                None => next,
            });
        }
        let top = Place::top(paths.first().map_or("compose.yaml", String::as_str));
        let project = project.ok_or_else(|| top.error("there is no compose file"))?;
        let mut project = merge::without_resets(project);
        name_contexts(&mut project, base);
        Ok(project)
    }

    /// The documents of one file as one, with variables and `extends` replaced.
    async fn file(&mut self, path: &str, base: &str) -> Result<Node, BlueprintError> {
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
        check::variables(&whole)?;
        rebase(&mut whole, base);
        self.extend_all(&mut whole, path).await?;
        self.include(&mut whole).await?;
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
                let (bytes, at) = (text.len(), node.at.clone());
                self.count(&at, bytes, 0)?;
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
        if services.len() > SERVICES_MAX {
            let message = format!("the file has more than {SERVICES_MAX} services");
            return Err(file.at.error(message));
        }
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
            None => (
                find(siblings, &name),
                Cow::Borrowed(siblings),
                path.to_owned(),
            ),
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
                (find(&services, &name), Cow::Owned(services), other)
            }
        };
        let base = base.ok_or_else(|| {
            extends.at.error(format!(
                "`extends` names service {name}, but {path} has no such service"
            ))
        })?;
        let base = Box::pin(self.extended(base, &others, &path, depth + 1)).await?;
        let (nodes, bytes) = yaml::weight(&base);
        self.count(&extends.at, bytes, nodes)?;
        Ok(merge::services(base, service))
    }

    /// Adds the variables of the `.env` in a folder; those that are there already come first.
    async fn add_env(&mut self, folder: &str) -> Result<(), BlueprintError> {
        let path = joined(folder, ".env");
        let Some(text) = self.read(&path).await? else {
            return Ok(());
        };
        let env = &self.env;
        let lookup = dotenv::Lookup {
            first: &|name| env.get(name).cloned(),
            last: &|_| None,
        };
        let values = dotenv::read(&text, &lookup);
        let values = values.map_err(|wrong| wrong.of(&path))?;
        for (name, value) in values {
            self.env.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// Adds what the files of `include` say; nothing may be there twice with different values.
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
            if let Some(file) = files.iter().find(|file| self.including.contains(file)) {
                let message = format!("{file} includes itself, possibly through other files");
                return Err(item.at.error(message));
            }
            let before = self.including.len();
            self.including.extend(files.iter().cloned());
            let outer = self.env.clone();
            let beside = folder(files.first().map_or("", String::as_str));
            self.add_env(beside).await?;
            let included = Box::pin(self.project(&files)).await?;
            self.env = outer;
            self.including.truncate(before);
            refuse_conflicts(&included, project, &item.at)?;
            let (nodes, bytes) = yaml::weight(project);
            self.count(&item.at, bytes, nodes)?;
            *project = merge::files(included, project.clone());
        }
        Ok(())
    }
}

/// Refuses an included service, network, volume, secret or config that the file has too, unless
/// both say the same.
fn refuse_conflicts(included: &Node, own: &Node, at: &Place) -> Result<(), BlueprintError> {
    for section in ["services", "networks", "volumes", "secrets", "configs"] {
        let entries = included.entries(section);
        for (name, node) in entries {
            let known = own.get(section).and_then(|entries| entries.get(name));
            if known.is_some_and(|known| !known.says_the_same(node)) {
                let message = format!("`include` brings {section}.{name}, which is there already");
                return Err(at.error(message));
            }
        }
    }
    Ok(())
}

fn find(services: &[(String, Node)], name: &str) -> Option<Node> {
    let mut services = services.iter();
    services
        .find(|(known, _)| known == name)
        .map(|(_, node)| node.clone())
}

fn joined(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}
