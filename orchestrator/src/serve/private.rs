//! Checks that a folder and its files are private, so that no other user of this host controls what
//! the server opens there.
//!
//! A folder that someone else owns, or that others may write to, is refused with the command that
//! fixes it. So is a file of the server that is a link, has a second hard link, or belongs to
//! another user. Other files in the folder are ignored.

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

/// Write permission for a folder's group and for everyone.
const WRITTEN_BY_OTHERS: u32 = 0o022;
/// In such a folder everyone may create files, and only their owners may remove them.
const STICKY: u32 = 0o1000;
/// How many links are followed on the way to a folder.
const LINKS_MAX: usize = 40;

/// The server's files in a data directory.
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
/// The server's folders in it. The proxy's folder belongs to the proxy.
const FOLDERS: [&str; 4] = ["pool", "mirrors", "logs", "builds"];
/// The server's socket in it.
const SOCKET: &str = "api.sock";

/// Creates a data directory (mode 0700), or takes the existing one, and checks that no one else can
/// change it.
///
/// # Errors
/// Where someone else can: what is wrong, and the command that fixes it.
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
            "{} is not a socket; move it away, then start again",
            path.display()
        );
    }
    Ok(())
}

/// Checks a data directory without a change to it; a missing directory is fine.
///
/// # Errors
/// Where someone else can change it: what is wrong, and the command that fixes it.
pub fn check_data(data: &Path) -> anyhow::Result<()> {
    check(data, "name another directory with --data")
}

/// Creates a folder (mode 0700), or takes the existing one.
pub(super) fn claim(folder: &Path, else_do: &str) -> anyhow::Result<()> {
    check(folder, else_do)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot create the directory {}", folder.display()))?;
    // In a shared parent folder, another user may have created it first.
    check(folder, else_do)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
        .with_context(|| format!("cannot make {} private (mode 0700)", folder.display()))
}

/// Opens a file of the server. Refuses links, files of others, and anything that is not a file.
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
            "{shown} is a link, and the server follows no links to its files; replace it with the \
             file, or move the link away"
        );
    }
    anyhow::ensure!(found.is_file(), "{shown} is not a file; move it away");
    if found.uid() != geteuid().as_raw() {
        anyhow::bail!(foreign(path, found));
    }
    anyhow::ensure!(
        found.nlink() == 1,
        "{shown} has a second hard link, through which others may change it; to remove that link, \
         run `cp {shown} {shown}.copy` and `mv {shown}.copy {shown}`"
    );
    Ok(())
}

/// The error about a file of another user in the data directory. The file may hold data of the
/// server, so the advice is never to remove it.
fn foreign(path: &Path, found: &Metadata) -> String {
    let (owner, us) = (name_of(found.uid()), name_of(geteuid().as_raw()));
    let shown = path.display();
    format!(
        "{shown} belongs to {owner}, not to {us}; if your server created it, run \
         `chown --no-dereference {us} {shown}`, otherwise move it away"
    )
}

/// Walks the path name by name, as the kernel does, and checks each folder that exists.
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
            anyhow::ensure!(
                links <= LINKS_MAX,
                "{} is a loop of links",
                folder.display()
            );
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
        anyhow::ensure!(found.is_dir(), "{} is not a directory", next.display());
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
        "{shown} belongs to {}, not to {}; run `chown {} {shown}`, or {else_do}",
        name_of(found.uid()),
        name_of(us.as_raw()),
        name_of(us.as_raw()),
    );
    let shared = found.mode() & WRITTEN_BY_OTHERS != 0;
    // A folder such as /tmp has to stay shared.
    anyhow::ensure!(
        !shared || found.mode() & STICKY == 0,
        "{shown} is writable by everyone; {else_do}"
    );
    anyhow::ensure!(
        !shared,
        "{shown} is writable by others; run `chmod 700 {shown}`, or {else_do}"
    );
    Ok(())
}

/// Checks a parent folder: a user who can rename its entries can replace everything below it.
fn refuse_parent(path: &Path, found: &Metadata, else_do: &str) -> anyhow::Result<()> {
    refuse_owner(path, found, else_do)?;
    let shown = path.display();
    anyhow::ensure!(
        found.mode() & WRITTEN_BY_OTHERS == 0 || found.mode() & STICKY != 0,
        "{shown} is writable by others, who could replace its content; run `chmod go-w {shown}`, \
         or {else_do}"
    );
    Ok(())
}

fn refuse_owner(path: &Path, found: &Metadata, else_do: &str) -> anyhow::Result<()> {
    let us = geteuid().as_raw();
    anyhow::ensure!(
        found.uid() == 0 || found.uid() == us,
        "{shown} belongs to {}, who could replace its content; {else_do}, or, if only Dayfly uses \
         {shown}, run `chown --no-dereference {} {shown}`",
        name_of(found.uid()),
        name_of(us),
        shown = path.display(),
    );
    Ok(())
}

/// The metadata of the path itself, without following a link; none where it is missing.
fn look(path: &Path) -> anyhow::Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other
            .map(Some)
            .with_context(|| format!("cannot read the metadata of {}", path.display())),
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
