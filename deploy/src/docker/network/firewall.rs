//! The host's firewall, where Dayfly may set rules: chains of our own, hung into the kernel's.
//!
//! Previews reach public addresses, and neither the host nor its neighbours nor each other. Of the host's
//! own programs, those of root and of the proxy's user reach previews.
//!
//! Rules that somebody flushed are put back by the next `ensure`, which the server calls every second. One
//! look is one run of `iptables`, about 2 ms of one processor. nf_tables would tell of its changes; the
//! older tables, which `iptables-legacy` writes, tell nothing, and a host may use either.

use std::{process::Stdio, sync::Arc, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command, sync::Mutex};

use super::{
    firewall_rules::{HostFacts, Rules, TABLE, name_servers},
    subnet::on_link,
};
use crate::{docker::Subnet, names::Instance};

/// How long one run of the firewall's program may take; it waits for a lock of its own.
const PROGRAM_MAX: Duration = Duration::from_secs(10);

/// How long the program itself waits for that lock.
const WAIT_FOR_LOCK: [&str; 2] = ["--wait", "5"];

/// What lists the rules, and what changes them as a whole.
const LIST: &str = "iptables";
const RESTORE: &str = "iptables-restore";

/// Where resolvers are configured; the second holds the real ones where the first names a stub.
const RESOLV_CONF: &str = "/etc/resolv.conf";
const RESOLV_CONF_BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";

/// Where the kernel lists the host's IPv4 routes.
const ROUTES: &str = "/proc/net/route";

/// Whether the rules are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirewallStatus {
    /// All of them, where they work.
    Set,
    /// Not all of them.
    Missing,
    /// They cannot be set, for this reason.
    CannotSet(String),
}

/// The rules of one instance in the host's firewall. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Firewall {
    instance: Instance,
    pool: Subnet,
    /// The users beside root whose processes may connect to previews.
    users: Vec<u32>,
    /// What the last one said. One at a time: what is read must still be so when it is changed.
    last: Arc<Mutex<Option<FirewallStatus>>>,
}

impl Firewall {
    /// The firewall for an instance whose networks come from `pool`. Of the host's own programs, those
    /// of root and of these users may connect to previews.
    pub fn new(instance: Instance, pool: Subnet, users: Vec<u32>) -> Self {
        Self {
            instance,
            pool,
            users,
            last: Arc::default(),
        }
    }

    /// Puts the rules in place unless they are. The bridge of builds is behind them too where it is
    /// given, and with it everything that others run there.
    pub(crate) async fn ensure(&self, builds: Option<&str>) -> FirewallStatus {
        let mut last = self.last.lock().await;
        let status = told(self.try_ensure(builds).await);
        if let FirewallStatus::CannotSet(reason) = &status
            && last.as_ref() != Some(&status)
        {
            tracing::warn!(%reason, "previews can reach private addresses: no firewall rules");
        }
        *last = Some(status.clone());
        status
    }

    /// Looks without changing anything.
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

    /// Takes the rules and their chains away, and answers whether there were any.
    ///
    /// # Errors
    /// In words, where they can be neither seen nor changed.
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
        // A program that prints rules in other words than ours would be fed for ever.
        let listing = list().await?;
        if rules.are_in(&listing) {
            tracing::info!(instance = %self.instance, "firewall rules were put in place");
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

/// Runs one of the firewall's programs and answers what it printed.
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
            // A program that stopped reading says why when it ends.
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
    Err(failed(line.unwrap_or("it gave no reason").to_owned()))
}
