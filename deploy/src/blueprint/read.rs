//! Which file of a commit is the blueprint.

use super::{
    Blueprint, BlueprintError, advice, defaults,
    document::{Document, document},
    section::Source,
};
use crate::source::{SourceError, Tree};

/// The file that has the first word.
const FILE: &str = "dayfly.toml";
/// Bytes of that file.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// Reads what the commit asks for: `dayfly.toml`, else the Dockerfile at its root.
pub async fn read(tree: &Tree) -> Result<Blueprint, BlueprintError> {
    if let Some(entry) = tree.resolve(FILE).await? {
        if entry.size > FILE_BYTES_MAX {
            let why = format!("it has {} bytes; at most 256 KiB are read", entry.size);
            return Err(SourceError::unfit(FILE, why).into());
        }
        let bytes = tree.read(FILE).await?.unwrap_or_default();
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| SourceError::unfit(FILE, "it is not UTF-8 text"))?;
        return with_notes(tree, from_document(tree, text).await?, None).await;
    }
    let entries = tree.list().await?;
    let has = |path: &str| {
        entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path))
            .is_ok()
    };
    let compose = advice::COMPOSE_FILES.into_iter().find(|file| has(file));
    if tree.resolve("Dockerfile").await?.is_some() {
        let source = Source {
            file: "Dockerfile",
            text: "",
        };
        let draft = Document {
            services: Vec::new(),
            databases: Vec::new(),
            notes: Vec::new(),
        };
        let blueprint = defaults::resolve(tree, &source, draft).await?;
        return with_notes(tree, blueprint, compose).await;
    }
    Err(BlueprintError::Nothing(
        compose.map_or_else(|| advice::nothing(has), advice::compose),
    ))
}

async fn from_document(tree: &Tree, text: &str) -> Result<Blueprint, BlueprintError> {
    let source = Source { file: FILE, text };
    let draft = document(&source)?;
    defaults::resolve(tree, &source, draft).await
}

/// Adds what people should know about the commit as a whole.
async fn with_notes(
    tree: &Tree,
    mut blueprint: Blueprint,
    compose: Option<&str>,
) -> Result<Blueprint, BlueprintError> {
    if let Some(file) = compose {
        blueprint.notes.push(format!(
            "{file} was not read: compose files are not supported yet."
        ));
    }
    let attributes = tree.read(".gitattributes").await?.unwrap_or_default();
    if String::from_utf8_lossy(&attributes).contains("filter=lfs") {
        let note = "files in Git LFS are not fetched yet; the build sees their pointers.";
        blueprint.notes.push(note.to_owned());
    }
    Ok(blueprint)
}
