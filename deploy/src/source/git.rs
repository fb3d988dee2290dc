//! Runs one git process in a clean environment.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

use super::{SourceError, limits::SAID_BYTES_MAX, said};

/// Variables that are passed on; some say where this machine's trust anchors are.
const PASSED_ON: [&str; 4] = ["PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

/// The `config` file of a mirror, by the kind of its object ids.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
const CONFIG_SHA256: &str = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n\
                             [extensions]\n\tobjectformat = sha256\n";

/// The settings of every git process; passed in its environment, so that no file can override them.
const SETTINGS: [(&str, &str); 23] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.bigFileThreshold", "16m"),
    ("core.alternateRefsCommand", "false"),
    ("credential.helper", ""),
    ("protocol.version", "2"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "100"),
    ("http.lowSpeedTime", "60"),
    ("fetch.fsckObjects", "true"),
    // Old commits in good repositories fail these checks; none affects a file's name or content.
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.missingEmail", "ignore"),
    ("fetch.recurseSubmodules", "false"),
    // One pack per fetch: one write and one sync instead of one per object.
    ("fetch.unpackLimit", "1"),
    ("fastimport.unpackLimit", "1"),
    ("fetch.writeCommitGraph", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("transfer.bundleURI", "false"),
    ("advice.detachedHead", "false"),
];

/// A bare repository, and the empty folder that its processes use as their home.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) dir: PathBuf,
    pub(super) home: PathBuf,
}

impl Repository {
    /// A git command on this repository. `settings` are added to [`SETTINGS`] and, like them, exist
    /// only in the environment of this process.
    pub(super) fn command(&self, settings: &[(String, String)]) -> Command {
        let mut command = Command::new("git");
        command
            .env_clear()
            .kill_on_drop(true)
            .current_dir(&self.home);
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", &self.home)
            .env("XDG_CONFIG_HOME", &self.home)
            .env("GIT_DIR", &self.dir)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_ALLOW_PROTOCOL", "")
            .env("LC_ALL", "C");
        let own = settings
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let mut count = 0;
        for (key, value) in SETTINGS.into_iter().chain(own) {
            command.env(format!("GIT_CONFIG_KEY_{count}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Creates the repository if it does not exist. Writes its four small files directly, which is
    /// faster than a process.
    pub(super) async fn ensure(&self, sha256: bool) -> Result<(), SourceError> {
        if tokio::fs::try_exists(self.dir.join("HEAD"))
            .await
            .unwrap_or(false)
        {
            return Ok(());
        }
        let doing = || format!("create the mirror {}", self.dir.display());
        for folder in ["objects/pack", "objects/info", "refs/heads", "refs/dayfly"] {
            let folder = self.dir.join(folder);
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(SourceError::io(doing()))?;
        }
        let config = if sha256 { CONFIG_SHA256 } else { CONFIG };
        // HEAD last: the check above looks for it.
        for (name, text) in [("config", config), ("HEAD", "ref: refs/heads/none\n")] {
            replace(&self.dir.join(name), text)
                .await
                .map_err(SourceError::io(doing()))?;
        }
        Ok(())
    }
}

/// The `config` of a mirror whose folder has this name.
pub(super) fn config_of_mirror(folder: &str) -> &'static str {
    match folder.ends_with(".sha256.git") {
        true => CONFIG_SHA256,
        false => CONFIG,
    }
}

/// Whether a mirror's `config` is one that Dayfly wrote: others may name programs.
pub fn is_config_of_mirror(text: &str) -> bool {
    [CONFIG, CONFIG_SHA256].contains(&text)
}

/// Writes a file atomically.
pub(super) async fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    tokio::fs::write(&beside, text).await?;
    tokio::fs::rename(&beside, path).await
}

/// Reads a process's messages to the end and keeps the last ones.
pub(super) async fn last_words(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stderr) = stderr else {
        return String::new();
    };
    let mut kept: Vec<u8> = Vec::new();
    let mut piece = [0_u8; 4096];
    while let Ok(length) = stderr.read(&mut piece).await {
        if length == 0 {
            break;
        }
        kept.extend_from_slice(&piece[..length]);
        if kept.len() > SAID_BYTES_MAX {
            kept.drain(..kept.len() - SAID_BYTES_MAX / 2);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The error of a git process that failed unexpectedly.
pub(super) fn unforeseen(doing: &'static str, stderr: &str) -> SourceError {
    SourceError::Git {
        doing,
        message: said::clean(stderr, &[]),
    }
}
