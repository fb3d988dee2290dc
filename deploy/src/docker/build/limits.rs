//! What builds may take of the host: what has to be free before one begins, and a ceiling for all
//! of them together.
//!
//! The engine's builder runs the steps of a Dockerfile in control groups of its own, below one that
//! belongs to no container. Engine 20.10 takes no limits for them, so the ceiling is written there
//! by us, where we may, and only when the operator asked for it: other people's builds on the same
//! engine are below it too.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use crate::docker::{Ceiling, Docker};

/// Where control groups are, and the builder's below them.
const GROUPS: &str = "/sys/fs/cgroup";
const BUILDERS: &str = "docker/buildkit";

/// In how many microseconds the share of a processor is used up and given anew. Within it builds
/// may take every processor they are let on, so it is short: nobody waits longer for them.
const PERIOD_US: u64 = 10_000;

/// How much a builder's process weighs beside one of a service, of 1024.
const CPU_SHARES: u64 = 128;
const CPU_SHARES_USUAL: u64 = 1_024;

/// What became of the ceiling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CeilingState {
    /// It holds.
    Holds(Ceiling),
    /// Nobody asked for one.
    NotWanted,
    /// It cannot be set, and why.
    CannotSet(String),
}

impl Docker {
    /// Why no build should begin now, for people.
    pub(crate) async fn build_blocker(&self) -> Option<String> {
        if let Some(why) = self.missing_isolation().await {
            return Some(why);
        }
        let limits = &self.config().builds;
        if let Some(mib) = memory_available_mib()
            && mib < limits.memory_free_mib_min
        {
            return Some(format!(
                "memory: {mib} MiB are free, builds begin from {} MiB on",
                limits.memory_free_mib_min
            ));
        }
        if let Some(percent) = memory_pressure_percent()
            && percent > limits.memory_pressure_percent_max
        {
            return Some(format!(
                "memory: processes wait for it {percent} % of the time, builds begin below {} %",
                limits.memory_pressure_percent_max
            ));
        }
        let percent = self.engine_disk_percent().await?;
        (percent > limits.disk_percent_max).then(|| {
            format!(
                "disk: {percent} % of the engine's are in use, builds begin below {} %",
                limits.disk_percent_max
            )
        })
    }

    /// How much of the engine's disk is in use, where it can be seen from here.
    pub(crate) async fn engine_disk_percent(&self) -> Option<u64> {
        let root = self.engine_root().await?;
        let facts = statvfs(&root).ok()?;
        let used = facts.blocks().saturating_sub(facts.blocks_free());
        // As `df` counts: what only root may use is neither used nor there.
        let all = used.saturating_add(facts.blocks_available());
        (all > 0).then(|| used.saturating_mul(100).div_ceil(all))
    }

    /// Puts the ceiling in place, or sees that it is. Asked before every build, for a restart of the
    /// engine takes it away.
    pub fn ensure_build_ceiling(&self) -> CeilingState {
        let Some(ceiling) = self.config().builds.ceiling else {
            return CeilingState::NotWanted;
        };
        match set(Path::new(GROUPS), Some(ceiling)) {
            Ok(()) => CeilingState::Holds(ceiling),
            Err(why) => CeilingState::CannotSet(why),
        }
    }

    /// Takes the ceiling away that we set, so that other people's builds have what they had.
    pub fn lift_build_ceiling(&self) {
        if self.config().builds.ceiling.is_some()
            && let Err(why) = set(Path::new(GROUPS), None)
        {
            tracing::warn!(why, "the ceiling of builds stays");
        }
    }
}

/// Writes the ceiling, or that there is none, in the words of the control groups that are there.
fn set(groups: &Path, ceiling: Option<Ceiling>) -> Result<(), String> {
    let quota = |ceiling: Ceiling| ceiling.cpu_percent.saturating_mul(PERIOD_US / 100);
    let bytes = |ceiling: Ceiling| ceiling.memory_mib.saturating_mul(1024 * 1024);
    let or = |value: Option<u64>, none: &str| value.map_or(none.to_owned(), |n| n.to_string());
    let (bytes, quota) = (ceiling.map(bytes), ceiling.map(quota));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let percent = ceiling.map_or(u64::MAX, |ceiling| ceiling.cpu_percent);
    let cpus = last_processors(percent, processors);
    if groups.join("cgroup.controllers").exists() {
        let group = builders(groups.join(BUILDERS))?;
        write(&group, "memory.max", &or(bytes, "max"))?;
        write(
            &group,
            "memory.swap.max",
            if bytes.is_some() { "0" } else { "max" },
        )?;
        // A group without this controller is bounded by its quota alone.
        let _unpinned = write(&group, "cpuset.cpus", &cpus);
        return write(
            &group,
            "cpu.max",
            &format!("{} {PERIOD_US}", or(quota, "max")),
        );
    }
    let memory = builders(groups.join("memory").join(BUILDERS))?;
    let bytes = or(bytes, "-1");
    // Memory with swap can never be below memory alone, so which comes first depends on what holds.
    let lower = write(&memory, "memory.limit_in_bytes", &bytes);
    write(&memory, "memory.memsw.limit_in_bytes", &bytes)?;
    if lower.is_err() {
        write(&memory, "memory.limit_in_bytes", &bytes)?;
    }
    let cpu = builders(groups.join("cpu").join(BUILDERS))?;
    // Lifted first, since quota and period are held against each other as they change.
    write(&cpu, "cpu.cfs_quota_us", "-1")?;
    write(&cpu, "cpu.cfs_period_us", &PERIOD_US.to_string())?;
    write(&cpu, "cpu.cfs_quota_us", &or(quota, "-1"))?;
    let shares = if ceiling.is_some() {
        CPU_SHARES
    } else {
        CPU_SHARES_USUAL
    };
    write(&cpu, "cpu.shares", &shares.to_string())?;
    let pinned = builders(groups.join("cpuset").join(BUILDERS))?;
    // Steps that run already keep the processors they have; those that begin are pinned.
    let _unpinned = write(&pinned, "cpuset.cpus", &cpus);
    Ok(())
}

/// The last of the host's processors, as many as a share of them needs; the others are left to
/// everybody else.
fn last_processors(percent: u64, processors: usize) -> String {
    let needed = usize::try_from(percent.div_ceil(100)).unwrap_or(processors);
    let first = processors.saturating_sub(needed.max(1));
    format!("{first}-{}", processors.saturating_sub(1))
}

/// The builder's group, made ahead of its first step.
fn builders(group: PathBuf) -> Result<PathBuf, String> {
    std::fs::create_dir_all(&group)
        .map(|()| group.clone())
        .map_err(|error| format!("cannot open {}: {error}", group.display()))
}

fn write(group: &Path, file: &str, value: &str) -> Result<(), String> {
    let path = group.join(file);
    std::fs::write(&path, value)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// The memory of this host, in MiB; none where the kernel does not tell.
pub fn host_memory_mib() -> Option<u64> {
    memory_mib("MemTotal:")
}

fn memory_available_mib() -> Option<u64> {
    memory_mib("MemAvailable:")
}

fn memory_mib(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024)
}

/// Where the kernel counts it.
fn memory_pressure_percent() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/pressure/memory").ok()?;
    let line = text.lines().find(|line| line.starts_with("some "))?;
    let average = line
        .split_whitespace()
        .find_map(|w| w.strip_prefix("avg10="))?;
    average.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILING: Ceiling = Ceiling {
        memory_mib: 512,
        cpu_percent: 150,
    };

    #[test]
    fn a_ceiling_is_written_in_the_words_of_either_kind_of_control_groups() {
        let old = tempfile::tempdir().unwrap();
        set(old.path(), Some(CEILING)).unwrap();
        let read = |path: &str| std::fs::read_to_string(old.path().join(path)).unwrap();
        assert_eq!(
            read("memory/docker/buildkit/memory.limit_in_bytes"),
            "536870912"
        );
        assert_eq!(
            read("memory/docker/buildkit/memory.memsw.limit_in_bytes"),
            "536870912"
        );
        assert_eq!(read("cpu/docker/buildkit/cpu.cfs_quota_us"), "15000");
        set(old.path(), None).unwrap();
        assert_eq!(read("memory/docker/buildkit/memory.limit_in_bytes"), "-1");
        assert_eq!(read("cpu/docker/buildkit/cpu.cfs_quota_us"), "-1");

        let new = tempfile::tempdir().unwrap();
        std::fs::write(new.path().join("cgroup.controllers"), "cpu memory").unwrap();
        set(new.path(), Some(CEILING)).unwrap();
        let read = |path: &str| std::fs::read_to_string(new.path().join(path)).unwrap();
        assert_eq!(read("docker/buildkit/memory.max"), "536870912");
        assert_eq!(read("docker/buildkit/cpu.max"), "15000 10000");
        set(new.path(), None).unwrap();
        assert_eq!(read("docker/buildkit/cpu.max"), "max 10000");
    }

    #[test]
    fn builds_leave_the_first_processors_to_everybody_else() {
        for (percent, processors, cpus) in [
            (100, 2, "1-1"),
            (150, 2, "0-1"),
            (50, 8, "7-7"),
            (400, 8, "4-7"),
            (900, 8, "0-7"),
            (u64::MAX, 8, "0-7"),
            (100, 1, "0-0"),
        ] {
            assert_eq!(last_processors(percent, processors), cpus);
        }
    }

    #[test]
    fn a_ceiling_that_cannot_be_set_says_where_and_why() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let why = set(file.path(), Some(CEILING)).unwrap_err();
        assert!(why.contains("memory/docker/buildkit"), "{why}");
    }

    #[test]
    fn this_hosts_memory_is_seen() {
        assert!(memory_available_mib().is_some_and(|mib| mib > 0));
    }
}
