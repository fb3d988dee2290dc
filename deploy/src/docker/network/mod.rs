//! The networks of previews, their addresses, and the rules of the host that keep them apart.

mod bridge;
pub(super) mod firewall;
mod firewall_rules;
mod isolation;
pub(super) mod subnet;
