//! What becomes of every key of a compose file: it is read, passed over with a note, or refused.

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It has an effect, or its value is checked.
    Read,
    /// It has no effect in a preview, and nothing is lost by that.
    Silent,
    /// It has no effect in a preview; the text says why, after "`key`".
    Noted(&'static str),
    /// It cannot be used; the text says why, after "`key`".
    Refused(&'static str),
}

use Decision::{Noted, Read, Refused, Silent};

/// The keys of one kind of mapping.
pub(super) type Keys = &'static [(&'static str, Decision)];

const HOST: &str = "is not allowed: it reaches outside the container";
const NOT_YET: &str = "is not supported yet";
const LIMITS: &str = "has no effect: a preview's limits are its memory and CPUs";
const OWN_PACE: &str = "has no effect: Dayfly repeats the check twice a second until it succeeds";
const NETWORK: &str = "has no effect: all services of a preview share one network of their own";

/// Keys of the whole file.
pub(super) const FILE: Keys = &[
    ("configs", Read),
    ("include", Read),
    ("models", Noted("has no effect: a preview has no models")),
    ("name", Silent),
    ("networks", Read),
    ("secrets", Read),
    ("services", Read),
    ("version", Silent),
    ("volumes", Read),
];

/// Keys of a service.
pub(super) const SERVICE: Keys = &[
    ("annotations", Silent),
    ("attach", Silent),
    ("blkio_config", Noted(LIMITS)),
    ("build", Read),
    ("cap_add", Refused(HOST)),
    (
        "cap_drop",
        Noted("has no effect: a preview's containers have few capabilities anyway"),
    ),
    ("cgroup", Refused(HOST)),
    ("cgroup_parent", Refused(HOST)),
    ("command", Read),
    ("configs", Refused(NOT_YET)),
    (
        "container_name",
        Noted("has no effect: each preview names its own containers"),
    ),
    ("cpu_count", Noted(LIMITS)),
    ("cpu_percent", Noted(LIMITS)),
    ("cpu_period", Noted(LIMITS)),
    ("cpu_quota", Noted(LIMITS)),
    ("cpu_rt_period", Refused(HOST)),
    ("cpu_rt_runtime", Refused(HOST)),
    ("cpu_shares", Noted(LIMITS)),
    ("cpus", Read),
    ("cpuset", Noted(LIMITS)),
    ("credential_spec", Refused(HOST)),
    ("depends_on", Read),
    ("deploy", Read),
    ("develop", Silent),
    ("device_cgroup_rules", Refused(HOST)),
    ("devices", Refused(HOST)),
    ("dns", Noted(NETWORK)),
    ("dns_opt", Noted(NETWORK)),
    ("dns_search", Noted(NETWORK)),
    ("domainname", Noted(NETWORK)),
    ("entrypoint", Read),
    ("env_file", Read),
    ("environment", Read),
    ("expose", Read),
    ("extends", Read),
    (
        "external_links",
        Refused("is not allowed: it reaches a container outside the preview"),
    ),
    ("extra_hosts", Noted(NETWORK)),
    ("gpus", Refused(HOST)),
    (
        "group_add",
        Noted("has no effect: a container runs with the groups of its image"),
    ),
    ("healthcheck", Read),
    (
        "hostname",
        Noted("has no effect: a container's host name is the service's name"),
    ),
    ("image", Read),
    ("init", Read),
    ("ipc", Refused(HOST)),
    ("isolation", Refused(HOST)),
    ("label_file", Silent),
    ("labels", Read),
    (
        "links",
        Noted("has no effect: services reach each other by their names"),
    ),
    (
        "logging",
        Noted("has no effect: `dayfly logs` shows the output"),
    ),
    ("mac_address", Noted(NETWORK)),
    ("mem_limit", Read),
    ("mem_reservation", Noted(LIMITS)),
    ("mem_swappiness", Noted(LIMITS)),
    ("memswap_limit", Noted(LIMITS)),
    ("models", Noted("has no effect: a preview has no models")),
    ("network_mode", Read),
    ("networks", Read),
    ("oom_kill_disable", Refused(HOST)),
    ("oom_score_adj", Noted(LIMITS)),
    ("pid", Refused(HOST)),
    (
        "pids_limit",
        Noted("has no effect: each service may have 256 processes"),
    ),
    (
        "platform",
        Noted("has no effect: images are built and run for this host's processor"),
    ),
    ("ports", Read),
    ("post_start", Refused(NOT_YET)),
    ("pre_start", Refused(NOT_YET)),
    (
        "pre_stop",
        Noted("has no effect: a service is stopped by its signal alone"),
    ),
    ("privileged", Read),
    ("profiles", Read),
    (
        "provider",
        Refused("is not allowed: it runs a program of the host"),
    ),
    (
        "pull_policy",
        Noted("has no effect: an image is pulled when the host lacks it"),
    ),
    ("pull_refresh_after", Silent),
    (
        "read_only",
        Noted("has no effect: the container's own files can be written"),
    ),
    ("restart", Read),
    ("runtime", Refused(HOST)),
    ("scale", Noted("has no effect: each service runs once")),
    ("secrets", Refused(NOT_YET)),
    ("security_opt", Read),
    (
        "shm_size",
        Noted("has no effect: a service has 64 MiB of shared memory"),
    ),
    ("stdin_open", Silent),
    (
        "stop_grace_period",
        Noted("has no effect: a service has ten seconds to stop"),
    ),
    (
        "stop_signal",
        Noted("has no effect: the image's own signal stops it"),
    ),
    ("storage_opt", Noted(LIMITS)),
    ("sysctls", Refused(HOST)),
    (
        "tmpfs",
        Noted("has no effect: the folder is an ordinary one"),
    ),
    ("tty", Silent),
    ("ulimits", Noted(LIMITS)),
    ("use_api_socket", Refused(HOST)),
    ("user", Read),
    ("userns_mode", Refused(HOST)),
    ("uts", Refused(HOST)),
    ("volumes", Read),
    ("volumes_from", Refused(NOT_YET)),
    ("working_dir", Read),
];

/// Keys of `build`.
pub(super) const BUILD: Keys = &[
    ("additional_contexts", Refused(NOT_YET)),
    ("args", Read),
    ("cache_from", Silent),
    ("cache_to", Silent),
    ("context", Read),
    ("dockerfile", Read),
    ("dockerfile_inline", Refused(NOT_YET)),
    ("entitlements", Refused(HOST)),
    (
        "extra_hosts",
        Refused("is not allowed: it would lead a build to another host"),
    ),
    ("isolation", Refused(HOST)),
    ("labels", Silent),
    (
        "network",
        Refused("is not allowed: it would choose the network of a build"),
    ),
    ("no_cache", Silent),
    ("no_cache_filter", Silent),
    (
        "platforms",
        Noted("has no effect: images are built for this host's processor"),
    ),
    ("privileged", Refused(HOST)),
    ("provenance", Silent),
    ("pull", Silent),
    ("sbom", Silent),
    ("secrets", Refused(NOT_YET)),
    ("shm_size", Silent),
    (
        "ssh",
        Refused("is not allowed: it would lend a key of the host to the build"),
    ),
    ("tags", Silent),
    ("target", Read),
    ("ulimits", Silent),
];

/// Keys of `deploy`.
pub(super) const DEPLOY: Keys = &[
    ("endpoint_mode", Silent),
    ("labels", Silent),
    ("mode", Silent),
    ("placement", Silent),
    ("replicas", Noted("has no effect: each service runs once")),
    ("resources", Read),
    ("restart_policy", Silent),
    ("rollback_config", Silent),
    ("update_config", Silent),
];

/// Keys of `healthcheck`.
pub(super) const HEALTHCHECK: Keys = &[
    ("disable", Read),
    ("interval", Noted(OWN_PACE)),
    ("retries", Noted(OWN_PACE)),
    ("start_interval", Noted(OWN_PACE)),
    ("start_period", Noted(OWN_PACE)),
    ("test", Read),
    ("timeout", Read),
];

/// Keys of an entry of `networks`.
pub(super) const NETWORK_ENTRY: Keys = &[
    ("attachable", Silent),
    ("driver", Read),
    ("driver_opts", Read),
    ("enable_ipv4", Silent),
    ("enable_ipv6", Silent),
    ("external", Read),
    ("internal", Noted(NETWORK)),
    ("ipam", Noted(NETWORK)),
    ("labels", Silent),
    ("name", Silent),
];

/// Keys of an entry of `volumes`.
pub(super) const VOLUME_ENTRY: Keys = &[
    ("driver", Read),
    ("driver_opts", Read),
    ("external", Read),
    ("labels", Silent),
    ("name", Silent),
];

/// Keys of an entry of `secrets` and of `configs`: no service can use one yet.
pub(super) const SECRET_ENTRY: Keys = &[
    ("content", Silent),
    ("driver", Silent),
    ("driver_opts", Silent),
    ("environment", Silent),
    ("external", Silent),
    ("file", Silent),
    ("labels", Silent),
    ("name", Silent),
    ("template_driver", Silent),
];

/// Keys of an entry of `include`.
pub(super) const INCLUDE_ENTRY: Keys = &[
    ("env_file", Refused(NOT_YET)),
    ("path", Read),
    ("project_directory", Refused(NOT_YET)),
];

/// All mappings: what stands before their keys in the documentation, and the keys.
#[cfg(test)]
pub(super) const ALL: [(&str, Keys); 9] = [
    ("", FILE),
    ("services.NAME.", SERVICE),
    ("services.NAME.build.", BUILD),
    ("services.NAME.deploy.", DEPLOY),
    ("services.NAME.healthcheck.", HEALTHCHECK),
    ("networks.NAME.", NETWORK_ENTRY),
    ("volumes.NAME.", VOLUME_ENTRY),
    ("secrets.NAME.", SECRET_ENTRY),
    ("include.", INCLUDE_ENTRY),
];

/// The decision about a key; keys that begin with `x-` belong to the author.
pub(super) fn decision(keys: Keys, key: &str) -> Option<Decision> {
    if key.starts_with("x-") {
        return Some(Silent);
    }
    let at = keys.binary_search_by(|(known, _)| (*known).cmp(key)).ok()?;
    keys.get(at).map(|(_, decision)| *decision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted() {
        for (_, keys) in ALL {
            assert!(keys.is_sorted_by(|(a, _), (b, _)| a < b));
        }
        assert_eq!(decision(SERVICE, "x-mine"), Some(Silent));
        assert_eq!(decision(SERVICE, "pid"), Some(Refused(HOST)));
        assert_eq!(decision(SERVICE, "comand"), None);
    }

    /// The row of a key in the documentation.
    fn row(prefix: &str, key: &str, decision: Decision) -> String {
        let what = match decision {
            Read => "read".to_owned(),
            Silent => "passed over".to_owned(),
            Noted(why) => format!("noted: {why}"),
            Refused(why) => format!("refused: {why}"),
        };
        format!("| `{prefix}{key}` | {what} |")
    }

    #[test]
    fn the_page_about_compose_files_has_every_key_with_what_becomes_of_it() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compose.md");
        let page = std::fs::read_to_string(page).unwrap();
        let shown: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let wanted: Vec<String> = ALL
            .iter()
            .flat_map(|(prefix, keys)| keys.iter().map(|(key, what)| row(prefix, key, *what)))
            .collect();
        assert_eq!(shown, wanted, "write these rows:\n{}", wanted.join("\n"));
    }

    /// Whether the schema that others keep names a key that no table has.
    #[test]
    fn every_key_of_the_schema_of_compose_is_decided() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../shared/compose/compose-spec.schema.json"
        );
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("not compared: there is no schema at {path}");
            return;
        };
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        let definitions = &schema["$defs"];
        let named = |value: &serde_json::Value| {
            let keys = value["properties"].as_object().unwrap().keys();
            keys.cloned().collect::<Vec<_>>()
        };
        let build = &definitions["service"]["properties"]["build"]["oneOf"][1];
        let include = &definitions["include"]["oneOf"][1];
        for (value, keys) in [
            (&schema, FILE),
            (&definitions["service"], SERVICE),
            (build, BUILD),
            (&definitions["deployment"], DEPLOY),
            (&definitions["healthcheck"], HEALTHCHECK),
            (&definitions["network"], NETWORK_ENTRY),
            (&definitions["volume"], VOLUME_ENTRY),
            (&definitions["secret"], SECRET_ENTRY),
            (&definitions["config"], SECRET_ENTRY),
            (include, INCLUDE_ENTRY),
        ] {
            for key in named(value) {
                assert!(decision(keys, &key).is_some(), "{key} is not decided");
            }
        }
    }
}
