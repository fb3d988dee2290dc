//! Checks the paths of a source.

use super::limits::PATH_BYTES_MAX;

/// Checks a path of a source: relative, with plain components, and no name that git reserves.
pub(super) fn check(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("a file needs a name");
    }
    if path.len() > PATH_BYTES_MAX {
        return Err("the path is longer than 4096 bytes");
    }
    if path.starts_with('/') {
        return Err("the path is absolute");
    }
    if path.contains('\0') {
        return Err("the path contains a NUL");
    }
    for component in path.split('/') {
        match component {
            "" | "." => return Err("the path has an empty component"),
            ".." => return Err("the path leaves its folder"),
            name if name.len() > 255 => return Err("a component is longer than 255 bytes"),
            name if is_git_own(name) => return Err("the name is reserved for git"),
            _ => {}
        }
    }
    Ok(())
}

/// Normalises a relative path that users wrote, such as `./app/` or `.`, to a path of the tree; the
/// tree's root is empty. `None` if it is absolute or leaves the tree.
pub(crate) fn tidy(path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains(['\0', '\\']) || path.len() > PATH_BYTES_MAX {
        return None;
    }
    let mut components = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => return None,
            name => components.push(name),
        }
    }
    Some(components.join("/"))
}

/// The folder that contains a path; empty for the root.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path for a message: control characters and text-reordering characters are made visible.
pub(super) fn shown(path: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut text = String::new();
    for c in path.chars().take(300) {
        if hidden(c) {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}

/// `.git` in any form that some file system treats as `.git`: other case, characters that HFS+
/// ignores, trailing dots and spaces on Windows, NTFS streams and short names.
fn is_git_own(name: &str) -> bool {
    let ignored_by_hfs = |c: &char| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let plain: String = name
        .chars()
        .filter(ignored_by_hfs)
        .collect::<String>()
        .to_lowercase();
    plain.split('\\').any(|part| {
        let stem = part.split(':').next().unwrap_or_default();
        matches!(stem.trim_end_matches(['.', ' ']), ".git" | "git~1")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_that_leaves_its_folder_is_refused() {
        for evil in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "./a",
            "a/",
            "a/./b",
            "a\0b",
        ] {
            assert!(check(evil).is_err(), "{evil:?}");
        }
        for fine in [
            "a",
            "a/b",
            "...",
            "a/..b",
            "--upload-pack=x",
            "-",
            ".gitignore",
            "a b",
            "é",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine:?}");
        }
    }

    #[test]
    fn every_spelling_of_the_git_folder_is_refused() {
        for evil in [
            ".git",
            ".GIT",
            ".gIt/config",
            "a/.git",
            "a/.Git/hooks/post-checkout",
            ".git.",
            ".git ",
            ".git. .",
            "git~1",
            "GIT~1/x",
            ".git::$INDEX_ALLOCATION",
            ".g\u{200c}it",
            "\u{feff}.git",
            ".git\\config",
            "a\\.git",
        ] {
            assert!(check(evil).is_err(), "{evil:?}");
        }
        for fine in [
            ".github/workflows/ci.yml",
            ".gitattributes",
            "git",
            "a.git",
            "git~10",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine:?}");
        }
    }

    #[test]
    fn what_people_write_becomes_a_path_of_the_tree() {
        assert_eq!(tidy("."), Some(String::new()));
        assert_eq!(tidy("./app//src/"), Some("app/src".into()));
        for evil in ["/", "/app", "..", "app/../x", "a\\b"] {
            assert_eq!(tidy(evil), None, "{evil:?}");
        }
    }

    #[test]
    fn text_that_reorders_a_message_is_made_visible() {
        assert_eq!(shown("a\u{202e}b\n"), "a\\u{202e}b\\u{a}");
    }

    proptest! {
        #[test]
        fn an_accepted_path_stays_below_its_folder(path in "[a./\\\\~gitGIT1: -]{0,12}") {
            if check(&path).is_ok() {
                let joined = std::path::Path::new("/base").join(&path);
                let mut depth = 0_i32;
                for component in joined.components().skip(2) {
                    prop_assert!(matches!(component, std::path::Component::Normal(_)));
                    depth += 1;
                }
                prop_assert!(depth > 0);
                prop_assert!(!path.split('/').any(|c| c.eq_ignore_ascii_case(".git")));
            }
        }
    }
}
