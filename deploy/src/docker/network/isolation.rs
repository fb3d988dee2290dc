//! What the host's firewall isolates: our networks, and the bridge of builds where the operator asks
//! for it; and whether builds may begin.

use bollard::query_parameters::InspectNetworkOptions;

use crate::{
    docker::{Docker, FirewallStatus},
    engine::EngineError,
};

/// The engine's network for whoever names none, its builder too.
const DEFAULT_NETWORK: &str = "bridge";

/// The option of a network that names its interface on the host.
const INTERFACE: &str = "com.docker.network.bridge.name";

/// What an engine's interface is called that nobody named.
const INTERFACE_DEFAULT: &str = "docker0";

/// Where the steps of a Dockerfile run.
#[derive(Debug)]
struct BuildsBridge {
    interface: String,
    /// Our rules are for IPv4.
    ipv6: bool,
}

impl Docker {
    /// Puts the rules of the host's firewall in place unless they are.
    pub async fn ensure_firewall(&self) -> FirewallStatus {
        match self.builds_bridge().await {
            Ok(bridge) => {
                let interface = interface(bridge.as_ref());
                self.remember_builds_bridge(interface);
                self.firewall().ensure(interface).await
            }
            // An engine that is away changes nothing about what the rules have to be.
            Err(error) => match self.last_builds_bridge() {
                Some(bridge) => self.firewall().ensure(bridge.as_deref()).await,
                None => FirewallStatus::CannotSet(error.to_string()),
            },
        }
    }

    /// Whether the rules are in place; nothing is changed.
    pub(crate) async fn firewall_status(&self) -> FirewallStatus {
        match self.isolated_bridge().await {
            Ok(bridge) => self.firewall().status(interface(bridge.as_ref())).await,
            Err(why) => FirewallStatus::CannotSet(why),
        }
    }

    /// Why builds are not isolated although they should be. The rules are put in place where they can
    /// be: the server
    /// may have just started, or somebody flushed the rules.
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

    /// The bridge of builds, and why it cannot be isolated.
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

    /// The bridge of builds where they are to be isolated. `None` too for an engine without one,
    /// whose builds reach no network at all.
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
