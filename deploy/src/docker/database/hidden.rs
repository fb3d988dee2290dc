//! Measures deleted files of servers that are still open or mapped, and so still take space.
//!
//! The size of a folder does not include them. Dayfly attributes them to a container by the
//! processes that hold them. Space held by file descriptors in transit between processes
//! (`SCM_RIGHTS`) is not counted.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Maximum number of handles to inspect per server; more would take seconds.
const HANDLES_MAX: usize = 200_000;
/// How long a measurement stays valid: a new one must inspect every process of the servers.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;
/// The suffix that the kernel adds to the path of a deleted file.
const DELETED: &str = " (deleted)";

/// Deleted open files of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// Size of their blocks, in bytes.
    Bytes(u64),
    /// It has too many handles to inspect.
    TooMany,
}

/// Deleted open files of servers, and when they were measured.
pub(super) struct HiddenLook {
    at: Instant,
    hidden: HashMap<String, Hidden>,
}

impl HiddenLook {
    /// Inspects servers, by their containers and data folders.
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

    /// This measurement, if it is still valid.
    pub(super) fn while_it_is_fresh(self) -> Option<Self> {
        (self.at.elapsed() < FRESH_FOR).then_some(self)
    }

    /// The result for one server.
    pub(super) fn of(&self, container: &str) -> Option<Hidden> {
        self.hidden.get(container).copied()
    }
}

/// Deleted open files of each given container on the file system of its data folder. Processes
/// that Dayfly may not inspect count as zero. This blocks.
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
        // The process may exit meanwhile.
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

/// Deleted files of one server; several handles may hold the same file.
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
                // Addresses in that folder have no leading zeros.
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
        // Through the handle itself, because its path may name another file now.
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
