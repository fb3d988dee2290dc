//! Whether a folder and the files in it are ours alone, so that no other user of this host chooses what we
//! open there.
//!
//! A folder that somebody else owns, or that others may write to, is refused with the command that mends it.
//! So is a file of ours that is a link, has a second name, or is another user's. Files that are no names of
//! ours are nobody's concern here.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{DirBuilder, File, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{
        DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
        PermissionsExt as _,
    },
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;
use nix::{
    fcntl::OFlag,
    unistd::{Uid, User, geteuid},
};

/// What others may do that hold a folder's group, and everybody.
const WRITTEN_BY_OTHERS: u32 = 0o022;
/// In such a folder everybody may make names and only an owner may take them away.
const STICKY: u32 = 0o1000;
/// How many links are followed on the way to a folder.
const LINKS_MAX: usize = 40;

/// Files of ours in a data directory.
const FILES: [&str; 10] = [
    "lock",
    "dayfly.db",
    "dayfly.db-wal",
    "dayfly.db-shm",
    "reserve",
    "link.key",
    "link.key.new",
    "server.log",
    "proxy.log",
    "pool.xfs",
];
/// Folders of ours in it. That of the proxy is the proxy's.
const FOLDERS: [&str; 4] = ["pool", "mirrors", "logs", "builds"];
/// Our socket in it.
const SOCKET: &str = "api.sock";

/// Makes a data directory (mode 0700), or takes the one that is there, and sees that nobody else has a hand
/// in it.
///
/// # Errors
/// Where somebody has: what it is, and what mends it.
pub fn claim_data(data: &Path) -> anyhow::Result<()> {
    claim(data, "name another directory with --data")?;
    for name in FILES {
        let path = data.join(name);
        if let Some(found) = look(&path)? {
            refuse_file(&path, &found)?;
        }
    }
    for name in FOLDERS.into_iter().chain([SOCKET]) {
        let path = data.join(name);
        let Some(found) = look(&path)? else { continue };
        if found.uid() != geteuid().as_raw() {
            anyhow::bail!(foreign(&path, &found));
        }
        anyhow::ensure!(
            name != SOCKET || found.file_type().is_socket(),
            "{} is no socket; move it away, then start again",
            path.display()
        );
    }
    Ok(())
}

/// Looks at a data directory and changes nothing; one that is not there yet is fine.
///
/// # Errors
/// Where somebody else has a hand in it: what it is, and what mends it.
pub fn check_data(data: &Path) -> anyhow::Result<()> {
    check(data, "name another directory with --data")
}

/// Makes a folder (mode 0700), or takes the one that is there.
pub(super) fn claim(folder: &Path, else_do: &str) -> anyhow::Result<()> {
    check(folder, else_do)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the directory {}", folder.display()))?;
    // Where others may make names, somebody may have been quicker.
    check(folder, else_do)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
        .with_context(|| format!("cannot close {} to others", folder.display()))
}

/// Opens a file of ours, and nothing else that may stand there.
pub fn open(path: &Path, options: &mut OpenOptions) -> anyhow::Result<File> {
    let file = options
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    refuse_file(path, &file.metadata()?)?;
    Ok(file)
}

fn refuse_file(path: &Path, found: &Metadata) -> anyhow::Result<()> {
    let shown = path.display();
    if found.file_type().is_symlink() {
        anyhow::bail!(
            "{shown} is a link, and no file of the server is opened through one; put the file itself there, \
             or move the link away"
        );
    }
    anyhow::ensure!(found.is_file(), "{shown} is no file; move it away");
    if found.uid() != geteuid().as_raw() {
        anyhow::bail!(foreign(path, found));
    }
    anyhow::ensure!(
        found.nlink() == 1,
        "{shown} has a second name elsewhere, by which others may change it; `cp {shown} {shown}.copy` and \
         `mv {shown}.copy {shown}` make it a file of its own"
    );
    Ok(())
}

/// What is said of something in the data directory that another user made. It may hold what the server has
/// to remember, so nobody is sent to remove it.
fn foreign(path: &Path, found: &Metadata) -> String {
    let (owner, us) = (name_of(found.uid()), name_of(geteuid().as_raw()));
    let shown = path.display();
    format!(
        "{shown} belongs to {owner}, and not to {us}; if a server of yours made it, \
         `chown --no-dereference {us} {shown}` changes that, else move it away"
    )
}

/// Walks to the folder name by name, as the kernel does, and looks at each that is there.
fn check(folder: &Path, else_do: &str) -> anyhow::Result<()> {
    let mut at = PathBuf::from("/");
    let mut names = names_of(folder);
    let mut links = 0;
    while let Some(name) = names.pop_front() {
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&name);
        let Some(found) = look(&next)? else {
            return Ok(());
        };
        if found.file_type().is_symlink() {
            links += 1;
            anyhow::ensure!(links <= LINKS_MAX, "{} leads in a circle", folder.display());
            refuse_owner(&next, &found, else_do)?;
            let target = std::fs::read_link(&next)?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            let mut before = names_of(&target);
            before.append(&mut names);
            names = before;
            continue;
        }
        anyhow::ensure!(found.is_dir(), "{} is no directory", next.display());
        match names.is_empty() {
            true => refuse_folder(&next, &found, else_do)?,
            false => refuse_parent(&next, &found, else_do)?,
        }
        at = next;
    }
    Ok(())
}

fn refuse_folder(path: &Path, found: &Metadata, else_do: &str) -> anyhow::Result<()> {
    let (us, shown) = (geteuid(), path.display());
    anyhow::ensure!(
        found.uid() == us.as_raw(),
        "{shown} belongs to {}, and not to {}; `chown {} {shown}` changes that, or {else_do}",
        name_of(found.uid()),
        name_of(us.as_raw()),
        name_of(us.as_raw()),
    );
    let shared = found.mode() & WRITTEN_BY_OTHERS != 0;
    // A folder for everybody stays one.
    anyhow::ensure!(
        !shared || found.mode() & STICKY == 0,
        "{shown} is for everybody to write to; {else_do}"
    );
    anyhow::ensure!(
        !shared,
        "{shown} can be written to by others; `chmod 700 {shown}` closes it, or {else_do}"
    );
    Ok(())
}

/// Whoever may replace a name on the way may replace all below it.
fn refuse_parent(path: &Path, found: &Metadata, else_do: &str) -> anyhow::Result<()> {
    refuse_owner(path, found, else_do)?;
    let shown = path.display();
    anyhow::ensure!(
        found.mode() & WRITTEN_BY_OTHERS == 0 || found.mode() & STICKY != 0,
        "{shown} can be written to by others, who could replace what is in it; `chmod go-w {shown}` \
         closes it, or {else_do}"
    );
    Ok(())
}

fn refuse_owner(path: &Path, found: &Metadata, else_do: &str) -> anyhow::Result<()> {
    let us = geteuid().as_raw();
    anyhow::ensure!(
        found.uid() == 0 || found.uid() == us,
        "{shown} belongs to {}, who could replace what is in it; {else_do}, or, where {shown} is for nothing \
         else, `chown --no-dereference {} {shown}` changes that",
        name_of(found.uid()),
        name_of(us),
        shown = path.display(),
    );
    Ok(())
}

/// What stands there itself, where something does.
fn look(path: &Path) -> anyhow::Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other
            .map(Some)
            .with_context(|| format!("cannot look at {}", path.display())),
    }
}

fn names_of(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect()
}

fn name_of(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}
