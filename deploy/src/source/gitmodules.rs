//! Reads a commit's submodules and resolves their URLs.

use std::collections::HashMap;

use super::{
    SourceError, Tree,
    limits::{COMMAND_DEADLINE, GITMODULES_BYTES_MAX},
    said,
};

const FILE: &str = ".gitmodules";

/// The URL of each submodule by path, as in the commit's `.gitmodules`. Git reads the file as a
/// plain list of values: it executes nothing and includes no other file.
pub(super) async fn addresses(tree: &Tree) -> Result<HashMap<String, String>, SourceError> {
    let Some(file) = tree.resolve(FILE).await? else {
        return Ok(HashMap::new());
    };
    if file.size > GITMODULES_BYTES_MAX {
        return Err(SourceError::unfit(FILE, "it may have at most 64 KiB"));
    }
    let mut command = tree.repository.command(&[]);
    command.args(["config", "--null", "--list", "--blob", &file.id]);
    let output = tokio::time::timeout(COMMAND_DEADLINE, command.output());
    let output = output.await.map_err(|_| SourceError::Timeout {
        doing: "reading .gitmodules",
        limit: COMMAND_DEADLINE,
    })?;
    let output = output.map_err(SourceError::io("run git"))?;
    if !output.status.success() {
        let message = said::clean(&String::from_utf8_lossy(&output.stderr), &[]);
        let why = format!("git cannot read it: {message}");
        return Err(SourceError::unfit(FILE, why));
    }
    Ok(by_path(&String::from_utf8_lossy(&output.stdout)))
}

/// Parses `submodule.<name>.<key>\n<value>\0`; the last value of a key counts.
fn by_path(listed: &str) -> HashMap<String, String> {
    let mut named: HashMap<&str, (Option<&str>, Option<&str>)> = HashMap::new();
    for item in listed.split('\0') {
        let Some((key, value)) = item.split_once('\n') else {
            continue;
        };
        let Some((name, key)) = key
            .strip_prefix("submodule.")
            .and_then(|rest| rest.rsplit_once('.'))
        else {
            continue;
        };
        let (path, url) = named.entry(name).or_default();
        match key {
            "path" => *path = Some(value),
            "url" => *url = Some(value),
            _ => {}
        }
    }
    let pairs = named
        .into_values()
        .filter_map(|(path, url)| Some((path?, url?)));
    pairs
        .map(|(path, url)| (path.trim_end_matches('/').to_owned(), url.to_owned()))
        .collect()
}

/// Resolves `url` in a repository that was fetched from `base`. Relative URLs start at `base`, and
/// SSH URLs of the same host use the scheme of `base`.
pub(super) fn resolve(base: &str, url: &str) -> Result<String, &'static str> {
    let (scheme, rest) = base
        .split_once("://")
        .ok_or("its repository has no address")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let origin = format!("{scheme}://{authority}/");
    if url.starts_with("./") || url.starts_with("../") {
        let mut here: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut ahead = url;
        loop {
            if let Some(rest) = ahead.strip_prefix("./") {
                ahead = rest;
            } else if let Some(rest) = ahead.strip_prefix("../") {
                here.pop().ok_or("its address leaves the forge")?;
                ahead = rest;
            } else {
                break;
            }
        }
        here.push(ahead.trim_end_matches('/'));
        return without_climbing(origin + &here.join("/"));
    }
    let host = authority.split(':').next().unwrap_or_default();
    let path = over_ssh(url).and_then(|(named, path)| (named == host).then_some(path));
    match path {
        Some(path) => without_climbing(origin + path.trim_start_matches('/')),
        None => without_climbing(url.to_owned()),
    }
}

fn without_climbing(url: String) -> Result<String, &'static str> {
    match url.split('/').any(|part| part == "..") {
        true => Err("its address has `..` in the middle"),
        false => Ok(url),
    }
}

/// Host and path of `ssh://git@host/path` and `git@host:path`.
fn over_ssh(url: &str) -> Option<(&str, &str)> {
    let (rest, mark) = match url.strip_prefix("ssh://") {
        Some(rest) => (rest, '/'),
        None if url.contains("://") => return None,
        None => (url, ':'),
    };
    let (authority, path) = rest.split_once(mark)?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    Some((host.split(':').next().unwrap_or(host), path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::Bench;

    #[test]
    fn an_address_is_read_as_git_reads_it() {
        let base = "https://forge.example/acme/shop.git";
        for (url, wanted) in [
            ("../theme.git", "https://forge.example/acme/theme.git"),
            ("../../other/theme", "https://forge.example/other/theme"),
            ("./sub.git", "https://forge.example/acme/shop.git/sub.git"),
            ("../.././x/y/", "https://forge.example/x/y"),
            (
                "git@forge.example:acme/theme.git",
                "https://forge.example/acme/theme.git",
            ),
            (
                "ssh://git@forge.example/acme/theme",
                "https://forge.example/acme/theme",
            ),
            (
                "ssh://git@forge.example:22/a/b",
                "https://forge.example/a/b",
            ),
            ("https://other.example/a/b", "https://other.example/a/b"),
            // These stay unchanged; the URL check refuses them.
            ("git@other.example:a/b", "git@other.example:a/b"),
            ("ext::sh -c id", "ext::sh -c id"),
            ("--upload-pack=x", "--upload-pack=x"),
            ("/srv/secret", "/srv/secret"),
        ] {
            assert_eq!(resolve(base, url).as_deref(), Ok(wanted), "{url}");
        }
        for url in ["../../../x", "../a/../../../x", "https://h/a/../b"] {
            assert!(resolve(base, url).is_err(), "{url}");
        }
        assert_eq!(
            resolve("http://127.0.0.1:80/acme/shop.git", "git@127.0.0.1:a/b").as_deref(),
            Ok("http://127.0.0.1:80/a/b")
        );
    }

    #[tokio::test]
    async fn a_file_of_submodules_is_read_and_nothing_in_it_is_carried_out() {
        let bench = Bench::new();
        let touched = bench.folder.path().join("touched");
        let text = format!(
            "[submodule \"a.b\"]\n\tpath = themes/plain/\n\turl = ../x.git\n\
             [submodule \"no-url\"]\n\tpath = y\n[include]\n\tpath = {0}\n[core]\n\tfsmonitor = touch {0}\n",
            touched.display()
        );
        let tree = bench.put(".gitmodules", text).tree().await;
        let wanted = [("themes/plain".to_owned(), "../x.git".to_owned())];
        assert_eq!(addresses(&tree).await.unwrap(), HashMap::from(wanted));
        assert!(!touched.exists());
        let tree = bench.put(".gitmodules", "[submodule").tree().await;
        let refused = addresses(&tree).await.unwrap_err().to_string();
        assert!(
            refused.starts_with(".gitmodules: git cannot read it"),
            "{refused}"
        );
        // A fetch brings nothing that git would execute or follow.
        bench.put(
            ".gitmodules",
            "[submodule \"a\"]\n\tpath = a\n\tupdate = !touch x\n",
        );
        assert!(bench.fetch(&bench.commit()).await.is_err());
        std::fs::remove_file(bench.work().join(".gitmodules")).unwrap();
        bench.put("real", "").link(".gitmodules", "real");
        assert!(bench.fetch(&bench.commit()).await.is_err());
    }
}
