//! Networks that the host's firewall isolates: ours and, if configured, the build bridge. Also
//! decides whether builds may start.

use bollard::query_parameters::InspectNetworkOptions;

use crate::{
    docker::{Docker, FirewallStatus},
    engine::EngineError,
};

/// The engine's default network, which its builder also uses.
const DEFAULT_NETWORK: &str = "bridge";

/// The network option that names its interface on the host.
const INTERFACE: &str = "com.docker.network.bridge.name";

/// The default name of the engine's interface.
const INTERFACE_DEFAULT: &str = "docker0";

/// The bridge on which the steps of a Dockerfile run.
#[derive(Debug)]
struct BuildsBridge {
    interface: String,
    /// Whether it has IPv6; our rules only cover IPv4.
    ipv6: bool,
}

impl Docker {
    /// Sets the rules of the host's firewall unless they are set.
    pub async fn ensure_firewall(&self) -> FirewallStatus {
        match self.builds_bridge().await {
            Ok(bridge) => {
                let interface = interface(bridge.as_ref());
                self.remember_builds_bridge(interface);
                self.firewall().ensure(interface).await
            }
            // An unreachable engine does not change the required rules.
            Err(error) => match self.last_builds_bridge() {
                Some(bridge) => self.firewall().ensure(bridge.as_deref()).await,
                None => FirewallStatus::CannotSet(error.to_string()),
            },
        }
    }

    /// The state of the rules; changes nothing.
    pub(crate) async fn firewall_status(&self) -> FirewallStatus {
        match self.isolated_bridge().await {
            Ok(bridge) => self.firewall().status(interface(bridge.as_ref())).await,
            Err(why) => FirewallStatus::CannotSet(why),
        }
    }

    /// Why builds are not isolated although they should be. This first tries to set the rules: the
    /// server may have just started, or another program may have flushed them.
    pub(crate) async fn missing_isolation(&self) -> Option<String> {
        if !self.config().isolate_builds {
            return None;
        }
        let status = match self.isolated_bridge().await {
            Ok(bridge) => self.firewall().ensure(interface(bridge.as_ref())).await,
            Err(why) => FirewallStatus::CannotSet(why),
        };
        let why = match status {
            FirewallStatus::Set => return None,
            FirewallStatus::Missing => "other rules come first".to_owned(),
            FirewallStatus::CannotSet(why) => why,
        };
        Some(format!(
            "firewall: the rules that isolate builds are not in place ({why}); \
             `engine.isolate_builds = false` builds without them"
        ))
    }

    /// The build bridge, or why it cannot be isolated.
    async fn isolated_bridge(&self) -> Result<Option<BuildsBridge>, String> {
        let bridge = self.builds_bridge().await;
        let bridge = bridge.map_err(|error| error.to_string())?;
        if let Some(BuildsBridge {
            interface,
            ipv6: true,
        }) = &bridge
        {
            return Err(format!(
                "the engine's bridge {interface} has IPv6, which our rules do not cover; \
                 remove `ipv6` from the engine's daemon.json"
            ));
        }
        Ok(bridge)
    }

    /// The build bridge, if builds must be isolated. Also `None` for an engine without one, whose
    /// builds have no network at all.
    async fn builds_bridge(&self) -> Result<Option<BuildsBridge>, EngineError> {
        if !self.config().isolate_builds {
            return Ok(None);
        }
        let inspect = self
            .api()
            .inspect_network(DEFAULT_NETWORK, None::<InspectNetworkOptions>);
        let network = self.find("the engine's own bridge", inspect).await?;
        Ok(network.map(|network| BuildsBridge {
            interface: network
                .options
                .and_then(|mut options| options.remove(INTERFACE))
                .unwrap_or_else(|| INTERFACE_DEFAULT.to_owned()),
            ipv6: network.enable_ipv6 == Some(true),
        }))
    }
}

fn interface(bridge: Option<&BuildsBridge>) -> Option<&str> {
    bridge.map(|bridge| bridge.interface.as_str())
}
