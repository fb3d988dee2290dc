//! Classifies the files of a mirror, for backup and restore.

use std::path::{Component, Path};

/// The class of a file in a mirror, by its path there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorFile {
    /// Part of the repository: commits, their objects, and the few files that mark it as a
    /// repository.
    Known,
    /// Git would act on it or take objects from its target: settings, hooks, attributes,
    /// alternates.
    Obeyed,
    /// Anything else, such as a leftover of a killed git process. No mirror needs it.
    Unknown,
}

impl MirrorFile {
    /// The class of the file at this path in a mirror. A path that leads out of the mirror counts
    /// as `Obeyed`.
    pub fn of(path: &Path) -> Self {
        let mut parts = Vec::new();
        for part in path.components() {
            match part {
                // A name that is not UTF-8 is neither Dayfly's nor git's.
                Component::Normal(name) => parts.push(name.to_str().unwrap_or_default()),
                _ => return Self::Obeyed,
            }
        }
        let known = match parts.as_slice() {
            ["HEAD" | "config" | "packed-refs" | "shallow"] => true,
            ["refs", "dayfly", commit] => is_id(commit),
            ["objects", "pack", name] => is_pack(name),
            ["hooks" | "info", ..]
            | ["config.worktree"]
            | ["objects", "info", "alternates" | "http-alternates"] => return Self::Obeyed,
            ["objects", folder, name] => {
                folder.len() == 2 && is_hex(folder) && is_id(&format!("{folder}{name}"))
            }
            _ => false,
        };
        if known { Self::Known } else { Self::Unknown }
    }
}

/// Whether this is the name of a git object.
fn is_id(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && is_hex(name)
}

fn is_hex(text: &str) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.bytes().all(is_digit)
}

fn is_pack(name: &str) -> bool {
    let id = name.strip_prefix("pack-").and_then(|rest| {
        let (id, kind) = rest.split_once('.')?;
        ["pack", "idx", "rev"].contains(&kind).then_some(id)
    });
    id.is_some_and(is_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_has_its_commits_and_nothing_that_a_death_left_or_git_would_obey() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let known = [
            "HEAD".to_owned(),
            "config".to_owned(),
            "shallow".to_owned(),
            "packed-refs".to_owned(),
            format!("refs/dayfly/{id}"),
            format!("refs/dayfly/{id}{}", &id[..24]),
            format!("objects/{}/{}", &id[..2], &id[2..]),
            format!("objects/pack/pack-{id}.pack"),
            format!("objects/pack/pack-{id}.idx"),
            format!("objects/pack/pack-{id}.rev"),
        ];
        let unknown = [
            "fast_import_crash_4711".to_owned(),
            "shallow.lock".to_owned(),
            "HEAD.new".to_owned(),
            "HEAD/x".to_owned(),
            "config.lock".to_owned(),
            "FETCH_HEAD".to_owned(),
            "refs/dayfly-incoming".to_owned(),
            format!("refs/dayfly/{id}.lock"),
            format!("refs/dayfly/{id}.new"),
            format!("refs/heads/{id}"),
            format!("objects/pack/pack-{id}.keep"),
            format!("objects/pack/pack-{id}.idx.lock"),
            "objects/pack/tmp_pack_x".to_owned(),
            format!("objects/{}/tmp_obj_x", &id[..2]),
            format!("objects/xy/{}", &id[2..]),
            "objects/info/commit-graph".to_owned(),
            String::new(),
        ];
        let obeyed = [
            "hooks/post-update",
            "info/attributes",
            "config.worktree",
            "objects/info/alternates",
            "objects/info/http-alternates",
            "../HEAD",
            "/HEAD",
            "refs/../config",
        ];
        for path in &known {
            assert_eq!(MirrorFile::of(Path::new(path)), MirrorFile::Known, "{path}");
        }
        for path in &unknown {
            assert_eq!(
                MirrorFile::of(Path::new(path)),
                MirrorFile::Unknown,
                "{path}"
            );
        }
        for path in obeyed {
            assert_eq!(
                MirrorFile::of(Path::new(path)),
                MirrorFile::Obeyed,
                "{path}"
            );
        }
    }
}
