//! What servers keep on the disk without a name: files that are deleted, and still open or mapped.
//!
//! The size of a folder does not show them. Whose they are is told by the processes that hold them,
//! by the container that those belong to. A handle that is under way from one process to another is
//! nobody's in that time, and not seen.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// More handles than this of one server are not looked at: it would take seconds.
const HANDLES_MAX: usize = 200_000;
/// How long what servers hide is taken for what it was: telling that asks every process of theirs.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;
/// What the kernel writes behind the name of what has none any more.
const DELETED: &str = " (deleted)";

/// What one server keeps that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// So many bytes of blocks.
    Bytes(u64),
    /// It holds more than can be looked at.
    TooMany,
}

/// What servers kept without a name, and when that was told.
pub(super) struct HiddenLook {
    at: Instant,
    hidden: HashMap<String, Hidden>,
}

impl HiddenLook {
    /// Looks at servers, by their containers and the folders of their data.
    pub(super) async fn of_servers(servers: impl Iterator<Item = (&String, &PathBuf)>) -> Self {
        let at = Instant::now();
        let servers: Vec<_> = servers
            .map(|(id, data)| (id.clone(), data.clone()))
            .collect();
        let told = tokio::task::spawn_blocking(move || hidden_by(&servers)).await;
        Self {
            at,
            hidden: told.unwrap_or_default(),
        }
    }

    /// Itself, while it may be taken for what is.
    pub(super) fn while_it_is_fresh(self) -> Option<Self> {
        (self.at.elapsed() < FRESH_FOR).then_some(self)
    }

    /// What one of them kept.
    pub(super) fn of(&self, container: &str) -> Option<Hidden> {
        self.hidden.get(container).copied()
    }
}

/// What each container keeps on the file system of its data, of those that are given with the folder
/// of their data. Processes that are not ours to look at keep nothing; blocks.
fn hidden_by(servers: &[(String, PathBuf)]) -> HashMap<String, Hidden> {
    let on = |(id, data): &(String, PathBuf)| {
        let files = Files {
            device: fs::metadata(data).ok()?.dev(),
            ..Files::default()
        };
        Some((id.clone(), files))
    };
    let mut found: HashMap<String, Files> = servers.iter().filter_map(on).collect();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let process = process.path();
        // It may end while it is looked at.
        let Ok(groups) = fs::read_to_string(process.join("cgroup")) else {
            continue;
        };
        let of = found
            .iter_mut()
            .find(|(id, _)| groups.contains(id.as_str()));
        if let Some((_, files)) = of {
            files.open_by(&process);
            files.mapped_by(&process);
        }
    }
    let told = |(id, files): (String, Files)| (id, files.hidden());
    found.into_iter().map(told).collect()
}

/// Deleted files of one server. The same one may be held many times.
#[derive(Default)]
struct Files {
    device: u64,
    handles: usize,
    seen: HashSet<u64>,
    bytes: u64,
}

impl Files {
    fn open_by(&mut self, process: &Path) {
        let handles = fs::read_dir(process.join("fd"));
        for handle in handles.into_iter().flatten().flatten() {
            self.add(&handle.path());
        }
    }

    fn mapped_by(&mut self, process: &Path) {
        let maps = fs::read_to_string(process.join("maps")).unwrap_or_default();
        for line in maps.lines().filter(|line| line.ends_with(DELETED)) {
            let range = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'));
            if let Some((from, to)) = range {
                // There, addresses have no zeros in front.
                let plain = |address: &str| address.trim_start_matches('0').to_owned();
                let name = format!("{}-{}", plain(from), plain(to));
                self.add(&process.join("map_files").join(name));
            }
        }
    }

    fn add(&mut self, handle: &Path) {
        self.handles += 1;
        if self.handles > HANDLES_MAX {
            return;
        }
        // Through the handle itself, whatever its name leads to by now.
        let Ok(file) = fs::metadata(handle) else {
            return;
        };
        let is_hidden = file.is_file() && file.nlink() == 0 && file.dev() == self.device;
        if is_hidden && self.seen.insert(file.ino()) {
            self.bytes = self.bytes.saturating_add(file.blocks() * BLOCK_BYTES);
        }
    }

    fn hidden(&self) -> Hidden {
        match self.handles > HANDLES_MAX {
            true => Hidden::TooMany,
            false => Hidden::Bytes(self.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::fd::AsRawFd as _};

    use super::*;

    #[test]
    fn what_is_deleted_counts_once_while_it_is_open_and_what_has_a_name_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files {
            device: fs::metadata(folder.path()).unwrap().dev(),
            ..Files::default()
        };
        let open = |name: &str| {
            let mut file = fs::File::create_new(folder.path().join(name)).unwrap();
            file.write_all(&[7; 1 << 20]).unwrap();
            file.sync_all().unwrap();
            file
        };
        let (named, hidden) = (open("named"), open("hidden"));
        fs::remove_file(folder.path().join("hidden")).unwrap();
        for file in [&named, &hidden, &hidden] {
            files.add(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())));
        }
        let Hidden::Bytes(bytes) = files.hidden() else {
            panic!("too many");
        };
        assert!((1 << 20..1 << 21).contains(&bytes), "{bytes}");
    }
}
