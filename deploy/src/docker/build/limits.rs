//! Resource limits for builds: the free resources that a build needs to start, and a ceiling for
//! all builds together.
//!
//! The engine runs the steps of a Dockerfile in its own control groups, below a group that belongs
//! to no container. Engine 20.10 offers no limits for them, so Dayfly writes the ceiling to that
//! group if it has permission. It does so only if the operator configures it: the ceiling also
//! applies to other builds on the same engine.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use crate::docker::{Ceiling, Docker};

/// The root of the control groups, and the builder's group below it.
const GROUPS: &str = "/sys/fs/cgroup";
const BUILDERS: &str = "docker/buildkit";

/// Period of the CPU quota, in microseconds. Within a period, builds may use all their processors
/// at once. So it is short: other programs wait at most this long.
const PERIOD_US: u64 = 10_000;

/// CPU weight of builds; a service has 1024.
const CPU_SHARES: u64 = 128;
const CPU_SHARES_USUAL: u64 = 1_024;

/// The state of the ceiling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CeilingState {
    /// It is in effect.
    Holds(Ceiling),
    /// The operator configured none.
    NotWanted,
    /// It cannot be set, for this reason.
    CannotSet(String),
}

impl Docker {
    /// Why no build should start now, for users.
    pub(crate) async fn build_blocker(&self) -> Option<String> {
        if let Some(why) = self.missing_isolation().await {
            return Some(why);
        }
        let limits = &self.config().builds;
        if let Some(mib) = memory_available_mib()
            && mib < limits.memory_free_mib_min
        {
            return Some(format!(
                "memory: {mib} MiB are free; builds start at {} MiB or more",
                limits.memory_free_mib_min
            ));
        }
        if let Some(percent) = memory_pressure_percent()
            && percent > limits.memory_pressure_percent_max
        {
            return Some(format!(
                "memory: processes wait for it {percent} % of the time; builds start below {} %",
                limits.memory_pressure_percent_max
            ));
        }
        let percent = self.engine_disk_percent().await?;
        (percent > limits.disk_percent_max).then(|| {
            format!(
                "disk: {percent} % of the engine's disk is in use; builds start below {} %",
                limits.disk_percent_max
            )
        })
    }

    /// Used share of the engine's disk, in percent; `None` if this host cannot see the disk.
    pub(crate) async fn engine_disk_percent(&self) -> Option<u64> {
        let root = self.engine_root().await?;
        let facts = statvfs(&root).ok()?;
        let used = facts.blocks().saturating_sub(facts.blocks_free());
        // Like `df`: space reserved for root counts as neither used nor available.
        let all = used.saturating_add(facts.blocks_available());
        (all > 0).then(|| used.saturating_mul(100).div_ceil(all))
    }

    /// Sets the ceiling unless it is set. Called before every build, because a restart of the
    /// engine removes it.
    pub fn ensure_build_ceiling(&self) -> CeilingState {
        let Some(ceiling) = self.config().builds.ceiling else {
            return CeilingState::NotWanted;
        };
        match set(Path::new(GROUPS), Some(ceiling)) {
            Ok(()) => CeilingState::Holds(ceiling),
            Err(why) => CeilingState::CannotSet(why),
        }
    }

    /// Removes the ceiling that Dayfly set, so that other builds run without it.
    pub fn lift_build_ceiling(&self) {
        if self.config().builds.ceiling.is_some()
            && let Err(why) = set(Path::new(GROUPS), None)
        {
            tracing::warn!(why, "cannot lift the build ceiling; it stays in place");
        }
    }
}

/// Writes the ceiling, or its absence, in the format of the host's cgroup version.
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
        // Without this controller, only the quota limits the group.
        let _unpinned = write(&group, "cpuset.cpus", &cpus);
        return write(
            &group,
            "cpu.max",
            &format!("{} {PERIOD_US}", or(quota, "max")),
        );
    }
    let memory = builders(groups.join("memory").join(BUILDERS))?;
    let bytes = or(bytes, "-1");
    // The limit with swap must never be below the limit without, so the order depends on the old
    // values.
    let lower = write(&memory, "memory.limit_in_bytes", &bytes);
    write(&memory, "memory.memsw.limit_in_bytes", &bytes)?;
    if lower.is_err() {
        write(&memory, "memory.limit_in_bytes", &bytes)?;
    }
    let cpu = builders(groups.join("cpu").join(BUILDERS))?;
    // Lift the quota first, because the kernel checks quota and period against each other.
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
    // Running steps keep their processors; new steps are pinned.
    let _unpinned = write(&pinned, "cpuset.cpus", &cpus);
    Ok(())
}

/// The last processors of the host, as many as the share needs; the others stay free for other
/// programs.
fn last_processors(percent: u64, processors: usize) -> String {
    let needed = usize::try_from(percent.div_ceil(100)).unwrap_or(processors);
    let first = processors.saturating_sub(needed.max(1));
    format!("{first}-{}", processors.saturating_sub(1))
}

/// The builder's group, created before its first step.
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

/// The memory of this host, in MiB; `None` if the kernel does not report it.
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

/// Memory pressure, if the kernel reports it.
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
