//! Kernel limits that all containers share. A preview that uses one up takes it from the others
//! and, since containers run as the host's root, from the host's own services.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::check::Check;

const NAME: &str = "shared";

/// Above this share in use, in percent, Dayfly warns.
const PERCENT_ENOUGH: u64 = 50;

/// With fewer inotify instances, one file watcher in a preview can use up all of them.
const INSTANCES_ENOUGH: u64 = 1_024;

/// One shared limit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Counter {
    /// The limited resource, in the plural.
    what: &'static str,
    /// Number in use.
    used: u64,
    /// The limit.
    limit: u64,
    /// The `sysctl` setting that raises the limit.
    sysctl: &'static str,
}

/// One check for each scarce resource, or one that all is well. `running` containers run.
pub(super) fn shared_counters(running: i64) -> Vec<Check> {
    let counters = counters(Path::new("/proc"));
    let scarce: Vec<Check> = counters
        .iter()
        .filter_map(|counter| scarce(counter, running))
        .collect();
    match scarce.is_empty() {
        false => scarce,
        true => {
            let all: Vec<String> = counters
                .iter()
                .map(|counter| format!("{} {} of {}", counter.what, counter.used, counter.limit))
                .collect();
            vec![Check::good(NAME, all.join(", "))]
        }
    }
}

fn scarce(counter: &Counter, running: i64) -> Option<Check> {
    let Counter {
        what,
        used,
        limit,
        sysctl,
    } = counter;
    let few = *what == INSTANCES && *limit < INSTANCES_ENOUGH;
    let much = used.saturating_mul(100) >= limit.saturating_mul(PERCENT_ENOUGH);
    let more = limit
        .saturating_mul(2)
        .max(if few { INSTANCES_ENOUGH * 8 } else { 0 });
    (few || much).then(|| {
        Check::warning(
            NAME,
            format!(
                "the host allows {limit} {what}; the host and {running} containers use {used}. One \
                 preview can use all of the rest"
            ),
            format!("run `sysctl -w {sysctl}={more}`, and add it to /etc/sysctl.d to keep it"),
        )
    })
}

const INSTANCES: &str = "inotify instances";

/// All limits that `/proc` shows; it omits those that this kernel does not count.
fn counters(proc: &Path) -> Vec<Counter> {
    let number = |path: &str| first_number(&proc.join(path));
    let of = |what, used: Option<u64>, limit: Option<u64>, sysctl| {
        Some(Counter {
            what,
            used: used?,
            limit: limit?,
            sysctl,
        })
    };
    let (instances, watches) = inotify(proc);
    let max_user = |kind: &str| number(&format!("sys/fs/inotify/max_user_{kind}"));
    let conntrack = |what: &str| number(&format!("sys/net/netfilter/nf_conntrack_{what}"));
    let (keys, keys_max) = keys(proc).unzip();
    let threads = number("sys/kernel/threads-max").zip(number("sys/kernel/pid_max"));
    [
        of(
            INSTANCES,
            Some(instances),
            max_user("instances"),
            "fs.inotify.max_user_instances",
        ),
        of(
            "inotify watches",
            Some(watches),
            max_user("watches"),
            "fs.inotify.max_user_watches",
        ),
        of(
            "AIO requests",
            number("sys/fs/aio-nr"),
            number("sys/fs/aio-max-nr"),
            "fs.aio-max-nr",
        ),
        of("keys of root", keys, keys_max, "kernel.keys.root_maxkeys"),
        of(
            "connections",
            conntrack("count"),
            conntrack("max"),
            "net.netfilter.nf_conntrack_max",
        ),
        of(
            "threads",
            threads_there(proc),
            threads.map(|(all, ids)| all.min(ids)),
            "kernel.pid_max",
        ),
        of(
            "open files",
            number("sys/fs/file-nr"),
            number("sys/fs/file-max"),
            "fs.file-max",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn first_number(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// All threads of the host: the second number of "running/all".
fn threads_there(proc: &Path) -> Option<u64> {
    let text = fs::read_to_string(proc.join("loadavg")).ok()?;
    let (_, all) = text.split_ascii_whitespace().nth(3)?.split_once('/')?;
    all.parse().ok()
}

/// Used keys of root and their limit: "0: usage keys/instantiated quota/limit bytes/limit".
fn keys(proc: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(proc.join("key-users")).ok()?;
    let root = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("0:"))?;
    let (used, limit) = root.split_ascii_whitespace().nth(2)?.split_once('/')?;
    Some((used.parse().ok()?, limit.parse().ok()?))
}

/// Instances and watches of the user with the most of each. A descriptor shared by a fork counts
/// twice, so this may exceed the kernel's count.
fn inotify(proc: &Path) -> (u64, u64) {
    let mut taken: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for process in folders(proc) {
        let Ok(owner) = fs::metadata(&process) else {
            continue;
        };
        for descriptor in entries(&process.join("fd")) {
            let leads = fs::read_link(&descriptor).unwrap_or_default();
            if leads.as_os_str() != "anon_inode:inotify" {
                continue;
            }
            let name = descriptor.file_name().unwrap_or_default();
            let info = fs::read_to_string(process.join("fdinfo").join(name));
            let watches = info.unwrap_or_default();
            let watches = watches
                .lines()
                .filter(|line| line.starts_with("inotify wd:"));
            let (instances, all) = taken.entry(owner.uid()).or_default();
            *instances += 1;
            *all += u64::try_from(watches.count()).unwrap_or(u64::MAX);
        }
    }
    let most = |of: fn(&(u64, u64)) -> u64| taken.values().map(of).max().unwrap_or(0);
    (most(|taken| taken.0), most(|taken| taken.1))
}

/// The folders of all processes.
fn folders(proc: &Path) -> impl Iterator<Item = PathBuf> {
    let is_process = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        name.first().is_some_and(u8::is_ascii_digit)
    };
    entries(proc).filter(is_process)
}

/// The entries of a folder; empty if it is unreadable or gone.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use rustix::fs::inotify;

    use super::*;
    use crate::docker::CheckState;

    #[test]
    fn what_this_host_shares_is_measured() {
        let before = counters(Path::new("/proc"));
        let of = |counters: &[Counter], what: &str| {
            let counter = counters.iter().find(|counter| counter.what == what);
            counter.map(|counter| counter.used)
        };
        let limits = [
            "inotify instances",
            "inotify watches",
            "threads",
            "open files",
        ];
        for what in limits {
            assert!(of(&before, what).is_some(), "{what}");
        }
        let held: Vec<_> = (0..4)
            .map(|_| inotify::init(inotify::CreateFlags::empty()).unwrap())
            .collect();
        for one in &held {
            inotify::add_watch(one, "/", inotify::WatchFlags::CREATE).unwrap();
        }
        let during = counters(Path::new("/proc"));
        assert!(of(&during, INSTANCES) >= Some(4), "{during:?}");
        assert!(of(&during, "inotify watches") >= Some(4), "{during:?}");
        drop(held);
    }

    #[test]
    fn what_is_scarce_is_told_with_what_raises_it() {
        let counter = |what, used, limit| Counter {
            what,
            used,
            limit,
            sysctl: "fs.x",
        };
        let told = |counter: &Counter| scarce(counter, 3).map(|check| (check.state, check.advice));
        assert_eq!(told(&counter("AIO requests", 49, 100)), None);
        let (state, advice) = told(&counter("AIO requests", 50, 100)).unwrap();
        assert_eq!(state, CheckState::Warning);
        assert!(advice.unwrap().starts_with("run `sysctl -w fs.x=200`"));
        let (_, advice) = told(&counter(INSTANCES, 1, 128)).unwrap();
        assert!(advice.unwrap().starts_with("run `sysctl -w fs.x=8192`"));
        assert_eq!(told(&counter(INSTANCES, 1, 8_192)), None);
    }
}
