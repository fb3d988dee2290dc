//! The networks of previews, their addresses, and the firewall rules that isolate them.

mod bridge;
pub(super) mod firewall;
mod firewall_rules;
mod isolation;
pub(super) mod subnet;
