//! The host's firewall: Dayfly's own chains, hooked into the kernel's, if Dayfly may set rules.
//!
//! Previews can reach public addresses, but neither the host, nor its neighbours, nor each other.
//! On the host, only programs of root and of the proxy's user can reach previews.
//!
//! The next `ensure` restores flushed rules; the server calls it every second. A check is one run
//! of `iptables`, about 2 ms of one processor. nf_tables could report changes, but the older tables
//! of `iptables-legacy` cannot, and a host may use either.

use std::{process::Stdio, sync::Arc, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command, sync::Mutex};

use super::{
    firewall_rules::{HostFacts, Rules, TABLE, name_servers},
    subnet::on_link,
};
use crate::{docker::Subnet, names::Instance};

/// Time limit for one run of `iptables`, including the wait for its lock.
const PROGRAM_MAX: Duration = Duration::from_secs(10);

/// Options that make the program wait for that lock, in seconds.
const WAIT_FOR_LOCK: [&str; 2] = ["--wait", "5"];

/// The program that lists the rules, and the one that changes them atomically.
const LIST: &str = "iptables";
const RESTORE: &str = "iptables-restore";

/// Resolver configurations; the second has the real name servers if the first names a stub.
const RESOLV_CONF: &str = "/etc/resolv.conf";
const RESOLV_CONF_BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";

/// Where the kernel lists the host's IPv4 routes.
const ROUTES: &str = "/proc/net/route";

/// The state of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirewallStatus {
    /// All rules are in effective positions.
    Set,
    /// Some rules are missing.
    Missing,
    /// They cannot be set, for this reason.
    CannotSet(String),
}

/// The rules of one instance in the host's firewall. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Firewall {
    instance: Instance,
    pool: Subnet,
    /// Users besides root whose processes may connect to previews.
    users: Vec<u32>,
    /// The last state. The lock serializes updates: nothing may change between reading and writing.
    last: Arc<Mutex<Option<FirewallStatus>>>,
}

impl Firewall {
    /// The firewall for an instance whose networks come from `pool`. On the host, only programs of
    /// root and of these users may connect to previews.
    pub fn new(instance: Instance, pool: Subnet, users: Vec<u32>) -> Self {
        Self {
            instance,
            pool,
            users,
            last: Arc::default(),
        }
    }

    /// Sets the rules unless they are set. If `builds` names the build bridge, the rules also cover
    /// that bridge, including containers of other programs on it.
    pub(crate) async fn ensure(&self, builds: Option<&str>) -> FirewallStatus {
        let mut last = self.last.lock().await;
        let status = told(self.try_ensure(builds).await);
        if let FirewallStatus::CannotSet(reason) = &status
            && last.as_ref() != Some(&status)
        {
            tracing::warn!(%reason, "no firewall rules: previews can reach private addresses");
        }
        *last = Some(status.clone());
        status
    }

    /// Checks the rules without changing anything.
    pub(crate) async fn status(&self, builds: Option<&str>) -> FirewallStatus {
        let status = async {
            let listing = list().await?;
            Ok(if self.rules(builds).await.are_in(&listing) {
                FirewallStatus::Set
            } else {
                FirewallStatus::Missing
            })
        };
        told(status.await)
    }

    /// Removes the rules and their chains, and returns whether there were any.
    ///
    /// # Errors
    /// A message, if the rules cannot be read or changed.
    pub async fn remove(&self) -> Result<bool, String> {
        let _held = self.last.lock().await;
        let listing = list().await?;
        match self.rules(None).await.removal(&listing) {
            Some(script) => restore(&script).await.map(|()| true),
            None => Ok(false),
        }
    }

    async fn try_ensure(&self, builds: Option<&str>) -> Result<FirewallStatus, String> {
        let listing = list().await?;
        let rules = self.rules(builds).await;
        if rules.are_in(&listing) {
            return Ok(FirewallStatus::Set);
        }
        restore(&rules.script(&listing)).await?;
        // Verify once: if the program prints rules differently, every call would rewrite them.
        let listing = list().await?;
        if rules.are_in(&listing) {
            tracing::info!(instance = %self.instance, "set the firewall rules");
            Ok(FirewallStatus::Set)
        } else {
            Ok(FirewallStatus::Missing)
        }
    }

    async fn rules(&self, builds: Option<&str>) -> Rules {
        Rules::new(
            &self.instance,
            self.pool,
            builds.map(str::to_owned),
            HostFacts {
                name_servers: host_name_servers().await,
                networks: on_link(&read(ROUTES).await),
                users: self.users.clone(),
            },
        )
    }
}

fn told(result: Result<FirewallStatus, String>) -> FirewallStatus {
    result.unwrap_or_else(FirewallStatus::CannotSet)
}

async fn read(path: &str) -> String {
    tokio::fs::read_to_string(path).await.unwrap_or_default()
}

async fn host_name_servers() -> Vec<std::net::Ipv4Addr> {
    let servers = name_servers(&read(RESOLV_CONF).await);
    if servers.is_empty() {
        name_servers(&read(RESOLV_CONF_BEHIND_STUB).await)
    } else {
        servers
    }
}

async fn list() -> Result<String, String> {
    let [wait, seconds] = WAIT_FOR_LOCK;
    run(LIST, &[wait, seconds, "-t", TABLE, "-S"], None).await
}

async fn restore(script: &str) -> Result<(), String> {
    let [wait, seconds] = WAIT_FOR_LOCK;
    run(RESTORE, &[wait, seconds, "--noflush"], Some(script))
        .await
        .map(|_| ())
}

/// Runs one of the firewall's programs and returns its output.
async fn run(program: &str, arguments: &[&str], input: Option<&str>) -> Result<String, String> {
    let failed = |why: String| format!("{program} failed: {why}");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("the program {program} is not installed"),
            _ => failed(error.to_string()),
        })?;
    let whole = async {
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            // A program that stopped reading reports the reason when it exits.
            let _stopped = stdin.write_all(text.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(PROGRAM_MAX, whole)
        .await
        .map_err(|_| failed(format!("it did not end within {} s", PROGRAM_MAX.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    Err(failed(line.unwrap_or("it printed no reason").to_owned()))
}
