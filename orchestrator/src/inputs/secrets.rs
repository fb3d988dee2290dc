//! Secrets that the operator gives to the builds of a repository, in a file that only the server
//! may read. The server reads them when a build begins, so a change needs no restart. It stores
//! them nowhere.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use deploy::builder::BuildSecret;
use toml::de::{DeTable, DeValue};

/// The table for previews of local checkouts, which have no repository.
pub const LOCAL: &str = "local";

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The file with the secrets; none by default.
#[derive(Clone, Debug, Default)]
pub struct SecretsFile {
    path: Option<PathBuf>,
}

/// Why a build does not get a secret that it asks for.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The server has no secret of this name for this repository.
    #[error("the server has no secret {name} for {repository}")]
    Missing {
        /// The secret.
        name: String,
        /// The repository of the build.
        repository: String,
    },
    /// The file is unreadable or invalid. The message shows none of its content.
    #[error("cannot read the server's secrets: {0}")]
    File(String),
}

impl SecretsFile {
    /// Secrets from this file, or none at all.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Checks at start that the file is readable, and closed to other users.
    ///
    /// # Errors
    /// With the fault and its line.
    pub fn check(&self) -> Result<(), SecretError> {
        match &self.path {
            Some(path) => read(path).map(drop),
            None => Ok(()),
        }
    }

    /// Secrets of a repository by their names.
    ///
    /// # Errors
    /// If a secret is missing, or the file cannot be read.
    pub fn get(
        &self,
        repository: &str,
        names: &[String],
    ) -> Result<BTreeMap<String, BuildSecret>, SecretError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let missing = |name: &String| SecretError::Missing {
            name: name.clone(),
            repository: repository.to_owned(),
        };
        let Some(path) = &self.path else {
            return Err(missing(&names[0]));
        };
        let (version, mut all) = read(path)?;
        let mut of_repository = all.remove(repository).unwrap_or_default();
        names
            .iter()
            .map(|name| {
                let value = of_repository.remove(name).ok_or_else(|| missing(name))?;
                let secret = BuildSecret {
                    value: value.into(),
                    version: version.clone(),
                };
                Ok((name.clone(), secret))
            })
            .collect()
    }
}

type Secrets = BTreeMap<String, BTreeMap<String, String>>;

/// The file's secrets, and a version that changes with the file.
fn read(path: &Path) -> Result<(String, Secrets), SecretError> {
    let wrong = |why: String| SecretError::File(format!("{}: {why}", path.display()));
    let facts = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if facts.mode() & 0o077 != 0 {
        return Err(wrong(
            "other users can read it; run `chmod 600` on it".to_owned(),
        ));
    }
    if facts.size() > FILE_BYTES_MAX {
        return Err(wrong(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let line = |offset: usize| text.get(..offset).unwrap_or(&text).matches('\n').count() + 1;
    // The parser's own message would show the line, and with it a secret.
    let root = DeTable::parse(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(format!("line {} is not TOML", line(at)))
    })?;
    let mut all = Secrets::new();
    for (repository, table) in root.get_ref() {
        let at = line(repository.span().start);
        let DeValue::Table(table) = table.get_ref() else {
            return Err(wrong(format!(
                "line {at}: secrets must be in a table for each repository, such as [\"acme/shop\"]"
            )));
        };
        let secrets = all.entry(repository.get_ref().to_string()).or_default();
        for (name, value) in table {
            let at = line(name.span().start);
            let Some(value) = value.get_ref().as_str().filter(|value| !value.is_empty()) else {
                return Err(wrong(format!(
                    "line {at}: {} is not a string",
                    name.get_ref()
                )));
            };
            secrets.insert(name.get_ref().to_string(), value.to_owned());
        }
    }
    let version = format!("{}.{}-{}", facts.mtime(), facts.mtime_nsec(), facts.size());
    Ok((version, all))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, SecretsFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, SecretsFile::new(Some(path)))
    }

    #[test]
    fn a_repository_gets_its_own_secrets_and_no_others() {
        let text = "[\"acme/shop\"]\nTOKEN = \"one\"\n[\"acme/other\"]\nTOKEN = \"two\"\n";
        let (_folder, file) = file(text, 0o600);
        file.check().unwrap();
        let names = ["TOKEN".to_owned()];
        let secrets = file.get("acme/shop", &names).unwrap();
        assert_eq!(secrets["TOKEN"].value.expose_secret(), "one");
        let error = file.get("acme/none", &names).unwrap_err().to_string();
        assert_eq!(error, "the server has no secret TOKEN for acme/none");
        assert!(SecretsFile::default().get("acme/shop", &names).is_err());
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_and_a_wrong_one_shows_nothing() {
        let (_folder, open) = file("", 0o644);
        assert!(open.check().unwrap_err().to_string().contains("chmod 600"));
        for text in [
            "a = \"hunter2\"",
            "[a]\nb = hunter2",
            "[a]\nb = [\"hunter2\"]",
        ] {
            let (_folder, file) = file(text, 0o600);
            let error = file.check().unwrap_err().to_string();
            assert!(error.contains("line "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
