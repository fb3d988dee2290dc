//! Checks of the engine and the host, each with advice.

use std::{process::Stdio, time::Duration};

use bollard::models::{SystemInfo, SystemInfoCgroupVersionEnum, SystemVersion};
use tokio::process::Command;

use super::{
    check::Check,
    shared_counters::shared_counters,
    versions::{Version, is_distributions, runc_holes},
};
use crate::{
    docker::{CeilingState, Docker, FirewallStatus, container::seccomp::ENGINE_COMPARED},
    engine::EngineError,
};

/// The oldest fully supported engine, and the oldest with best-effort support.
const ENGINE_MAJOR_SUPPORTED: u32 = 23;
const ENGINE_MAJOR_TRIED: u32 = 20;

/// The first version of the engine's API that offers BuildKit.
const BUILDKIT_API: Version = Version::release(1, 39);

/// Recommended minimum memory; with less, only one or two previews fit.
const MEMORY_BYTES_ENOUGH: i64 = 2 << 30;

/// How long `git --version` may take.
const GIT_MAX: Duration = Duration::from_secs(5);

impl Docker {
    /// Checks everything that previews depend on. Never an error: a failed check is a finding.
    pub async fn check(&self) -> Vec<Check> {
        let (version, info, firewall, git) = tokio::join!(
            self.call("the engine's version", self.api().version()),
            self.call("the engine's facts", self.api().info()),
            self.firewall_status(),
            git(),
        );
        let running = info.as_ref().ok().and_then(|info| info.containers_running);
        let running = running.unwrap_or_default();
        let mut checks = match (version, info) {
            (Ok(version), Ok(info)) => engine_checks(&version, &info),
            (Err(error), _) | (_, Err(error)) => vec![self.no_engine(&error)],
        };
        checks.push(ceiling_check(self.ensure_build_ceiling()));
        checks.push(firewall_check(self.config().firewall, firewall));
        checks.extend(shared_counters(running));
        checks.push(git);
        checks
    }

    fn no_engine(&self, error: &EngineError) -> Check {
        let socket = self.config().socket.display();
        Check::bad(
            "engine",
            error.to_string(),
            format!("start Docker, and let this user open {socket}"),
        )
    }
}

fn engine_checks(version: &SystemVersion, info: &SystemInfo) -> Vec<Check> {
    let mut checks = vec![engine(version), api(version)];
    checks.extend(runc(version));
    checks.extend([
        storage(info),
        cgroups(info),
        seccomp(version, info),
        size(info),
    ]);
    checks
}

fn engine(version: &SystemVersion) -> Check {
    let found = version
        .version
        .clone()
        .unwrap_or_else(|| "unknown".to_owned());
    match Version::parse(&found).map(|version| version.major) {
        Some(major) if major >= ENGINE_MAJOR_SUPPORTED => Check::good("engine", found),
        Some(major) if major >= ENGINE_MAJOR_TRIED => Check::warning(
            "engine",
            found,
            format!(
                "upgrade to Docker {ENGINE_MAJOR_SUPPORTED} or newer: Dayfly supports older \
                 versions only in part"
            ),
        ),
        Some(_) => {
            let advice = format!("upgrade to Docker {ENGINE_MAJOR_SUPPORTED} or newer");
            Check::bad("engine", found, advice)
        }
        None => Check::warning(
            "engine",
            found,
            "Dayfly does not know this version: use Docker Engine 23 or newer",
        ),
    }
}

/// The engine's API offers BuildKit since 1.39; it needs no activation.
fn api(version: &SystemVersion) -> Check {
    let found = version.api_version.clone().unwrap_or_default();
    let linux = version.os.as_deref() == Some("linux");
    match Version::parse(&found) {
        Some(api) if linux && api >= BUILDKIT_API => {
            Check::good("builder", format!("BuildKit, API {found}"))
        }
        _ => Check::bad(
            "builder",
            format!("API {found} does not offer BuildKit"),
            "use a Docker Engine for Linux containers, 23 or newer",
        ),
    }
}

fn runc(version: &SystemVersion) -> Option<Check> {
    let components = version.components.as_ref()?;
    let found = components
        .iter()
        .find(|component| component.name == "runc")?
        .version
        .clone();
    let holes = runc_holes(&found);
    if holes.is_empty() {
        return Some(Check::good("runc", found));
    }
    let told: Vec<String> = holes
        .iter()
        .map(|(cve, harm)| format!("{harm} ({cve})"))
        .collect();
    let told = format!("{found}: {}", told.join("; "));
    Some(if is_distributions(&found) {
        let advice =
            "check whether your distribution has fixed these in its package, or upgrade runc";
        Check::warning("runc", told, advice)
    } else {
        Check::bad(
            "runc",
            told,
            "upgrade runc, or the containerd package that ships it",
        )
    })
}

fn storage(info: &SystemInfo) -> Check {
    let found = info.driver.clone().unwrap_or_else(|| "unknown".to_owned());
    match found.as_str() {
        "overlay2" | "overlayfs" | "btrfs" | "zfs" => Check::good("storage", found),
        _ => Check::warning(
            "storage",
            found,
            "builds are slow with this driver; use overlay2",
        ),
    }
}

fn cgroups(info: &SystemInfo) -> Check {
    let limits = [
        ("memory", info.memory_limit),
        ("processors", info.cpu_cfs_quota),
        ("processes", info.pids_limit),
    ];
    let missing: Vec<&str> = limits
        .iter()
        .filter(|(_, there)| *there != Some(true))
        .map(|(name, _)| *name)
        .collect();
    if !missing.is_empty() {
        let found = format!("Docker cannot limit {}", missing.join(", "));
        let advice = match missing.contains(&"memory") {
            true => "add cgroup_enable=memory to the kernel's boot options and restart the host",
            false => "enable the kernel's control groups for these limits",
        };
        return Check::bad("limits", found, advice);
    }
    match info.cgroup_version {
        Some(SystemInfoCgroupVersionEnum::_2) => Check::good("limits", "cgroup v2"),
        _ => Check::warning(
            "limits",
            "cgroup v1",
            "works now; Docker plans to remove cgroup v1: switch this host to cgroup v2 (boot \
             option systemd.unified_cgroup_hierarchy=1)",
        ),
    }
}

/// Containers run under Dayfly's filter; a newer engine's own filter may refuse more calls.
fn seccomp(version: &SystemVersion, info: &SystemInfo) -> Check {
    const NAME: &str = "system calls";
    let options = info.security_options.clone().unwrap_or_default();
    if !options.iter().any(|option| option.contains("name=seccomp")) {
        let advice =
            "use a Docker with seccomp: without seccomp, containers may make any system call";
        return Check::bad(NAME, "not filtered", advice);
    }
    let engine = version.version.as_deref().and_then(Version::parse);
    match engine.map(|engine| engine.major) {
        Some(major) if major > ENGINE_COMPARED => Check::warning(
            NAME,
            format!(
                "Dayfly's filter equals that of Docker {ENGINE_COMPARED}; this is Docker {major}"
            ),
            "update Dayfly: Docker's newer filter may deny calls that Dayfly's filter allows",
        ),
        _ => Check::good(NAME, "filtered by Dayfly, the same on every engine"),
    }
}

fn size(info: &SystemInfo) -> Check {
    let (memory, processors) = (info.mem_total.unwrap_or(0), info.ncpu.unwrap_or(0));
    let found = format!("{} MiB of memory, {processors} processors", memory >> 20);
    if memory >= MEMORY_BYTES_ENOUGH {
        Check::good("size", found)
    } else {
        Check::warning(
            "size",
            found,
            "only one or two previews fit: give this host more memory",
        )
    }
}

/// The ceiling for builds: without it, some engines run RUN steps without limits.
fn ceiling_check(state: CeilingState) -> Check {
    const NAME: &str = "builds";
    match state {
        CeilingState::Holds(ceiling) => Check::good(
            NAME,
            format!(
                "all builds of the engine together may use {} MiB and {} % of a processor",
                ceiling.memory_mib, ceiling.cpu_percent
            ),
        ),
        CeilingState::NotWanted => Check::warning(
            NAME,
            "a build may use all memory and processors of the host",
            "set limits.build_memory_mib_max in the server's configuration; the limit then applies \
             to all builds of this Docker, including builds that Dayfly did not start",
        ),
        CeilingState::CannotSet(why) => Check::warning(
            NAME,
            format!("cannot limit the memory and processors of builds: {why}"),
            "run `dayfly serve` as root on Docker's host",
        ),
    }
}

fn firewall_check(wanted: bool, status: FirewallStatus) -> Check {
    let open = "previews can reach this host and private addresses";
    let advice = "run `dayfly serve` as root on a host with iptables";
    match status {
        _ if !wanted => Check::warning("firewall", format!("turned off: {open}"), advice),
        FirewallStatus::Set => Check::good("firewall", "rules are in place"),
        FirewallStatus::Missing => {
            Check::good("firewall", "rules can be set; a running server sets them")
        }
        FirewallStatus::CannotSet(reason) => {
            Check::warning("firewall", format!("{open}: {reason}"), advice)
        }
    }
}

async fn git() -> Check {
    let mut program = Command::new("git");
    let run = program
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(GIT_MAX, run).await {
        Ok(Ok(output)) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            Check::good(
                "git",
                said.trim().trim_start_matches("git version ").to_owned(),
            )
        }
        _ => Check::bad("git", "git does not run", "install git"),
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::SystemVersionComponents;

    use super::*;
    use crate::docker::CheckState;

    fn version(engine: &str, runc: &str) -> SystemVersion {
        SystemVersion {
            version: Some(engine.to_owned()),
            api_version: Some("1.41".to_owned()),
            os: Some("linux".to_owned()),
            components: Some(vec![SystemVersionComponents {
                name: "runc".to_owned(),
                version: runc.to_owned(),
                details: None,
            }]),
            ..SystemVersion::default()
        }
    }

    #[test]
    fn engines_are_good_tried_or_too_old() {
        let state = |engine| super::engine(&version(engine, "1.4.0")).state;
        assert_eq!(state("28.2.2"), CheckState::Good);
        assert_eq!(state("23.0.0"), CheckState::Good);
        assert_eq!(state("20.10.24+dfsg1"), CheckState::Warning);
        assert_eq!(state("19.03.15"), CheckState::Bad);
    }

    #[test]
    fn a_runc_with_holes_is_bad_unless_a_distribution_may_have_closed_them() {
        let check = |version: &SystemVersion| super::runc(version).unwrap();
        assert_eq!(check(&version("28", "1.4.0")).state, CheckState::Good);
        let bad = check(&version("28", "1.1.5"));
        assert_eq!(bad.state, CheckState::Bad);
        assert!(bad.found.contains("CVE-2024-21626"), "{}", bad.found);
        assert_eq!(
            check(&version("20.10", "1.1.5+ds1")).state,
            CheckState::Warning
        );
    }

    #[test]
    fn everything_that_is_not_good_says_what_to_do() {
        let checks = engine_checks(&SystemVersion::default(), &SystemInfo::default());
        for check in checks {
            assert_eq!(
                check.state == CheckState::Good,
                check.advice.is_none(),
                "{check:?}"
            );
        }
    }
}
