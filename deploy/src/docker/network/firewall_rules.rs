//! The firewall rules: their definition, and a check whether a listing contains them.
//!
//! Rules have exactly the format of `iptables -S`, so that text comparison is enough.
//!
//! They are in the table `mangle`, not in `filter`. Whenever an engine creates a network, it
//! removes and re-adds its jumps in `FORWARD` (`EnsureJumpRule`), including those to `DOCKER-USER`
//! and to its isolation of networks. A preview that keeps trying could connect to a neighbour in
//! that gap, and stay connected. The engine does not use `mangle`, and a packet dropped there never
//! reaches `filter`.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use crate::{
    docker::{Subnet, names::bridge_prefix},
    names::Instance,
};

/// Destinations that previews may not reach: every non-public address. Private networks also use
/// the ranges reserved for tests and examples.
const REFUSED_RANGES: [&str; 15] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    // A cloud platform's internal service, at a public address.
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// Mail ports, refused because a preview's mail would reach real people.
const MAIL_PORTS: &str = "25,465,587,2525";

/// Maximum number of allowed name servers; a resolver uses at most three.
const NAME_SERVERS_MAX: usize = 3;

/// Maximum number of the host's own public networks to refuse.
const OWN_NETWORKS_MAX: usize = 64;

/// A route with a shorter prefix leads to the internet, not to a network of the host.
const OWN_NETWORK_PREFIX_MIN: u8 = 8;

/// The user whose processes may always reach previews.
const ROOT: u32 = 0;

/// The table of the rules.
pub(crate) const TABLE: &str = "mangle";

/// The chains for packets between interfaces, for packets to the host, and for packets from the
/// host.
const FORWARD: &str = "FORWARD";
const INPUT: &str = "INPUT";
const OUTPUT: &str = "OUTPUT";

/// Facts about the host that the rules depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostFacts {
    /// The name servers that previews may query.
    pub(crate) name_servers: Vec<Ipv4Addr>,
    /// The networks that the host is directly connected to.
    pub(crate) networks: Vec<Subnet>,
    /// Users besides root whose processes may connect to previews.
    pub(crate) users: Vec<u32>,
}

/// The rules of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    interfaces: String,
    /// The build bridge, if the same rules apply to its traffic.
    builds: Option<String>,
    forward: String,
    input: String,
    output: String,
    host: HostFacts,
    pool: Subnet,
}

impl Rules {
    pub(crate) fn new(
        instance: &Instance,
        pool: Subnet,
        builds: Option<String>,
        host: HostFacts,
    ) -> Self {
        Self {
            builds,
            interfaces: format!("{}+", bridge_prefix(instance)),
            forward: format!("DAYFLY-{instance}-F"),
            input: format!("DAYFLY-{instance}-I"),
            output: format!("DAYFLY-{instance}-O"),
            host,
            pool,
        }
    }

    /// Whether the listing contains all rules in effective positions.
    pub(crate) fn are_in(&self, listing: &str) -> bool {
        let has = |chain: &str, wanted: &[String]| rules_of(listing, chain).eq(wanted);
        has(&self.forward, &self.forward_rules())
            && has(&self.input, &self.input_rules())
            && has(&self.output, &self.output_rules())
            && self
                .hooks()
                .iter()
                .all(|(chain, hook)| is_early(listing, chain, hook))
            && self.outlived(listing).next().is_none()
    }

    /// Obsolete hooks of a build bridge from an earlier configuration.
    fn outlived<'a>(&'a self, listing: &'a str) -> impl Iterator<Item = &'a str> {
        let wanted = self.hooks();
        listing.lines().filter(move |line| {
            let ours = line
                .rsplit_once(" -j ")
                .is_some_and(|(_, chain)| self.chains().contains(&chain));
            ours && wanted.iter().all(|(_, hook)| hook != line)
        })
    }

    /// The input for `iptables-restore --noflush`, which applies it atomically.
    pub(crate) fn script(&self, listing: &str) -> String {
        let mut script = format!("*{TABLE}\n");
        for chain in self.chains() {
            push_line(&mut script, &format!(":{chain} - [0:0]"));
        }
        for rules in [
            self.forward_rules(),
            self.input_rules(),
            self.output_rules(),
        ] {
            rules.iter().for_each(|rule| push_line(&mut script, rule));
        }
        for hook in self.outlived(listing) {
            push_line(&mut script, &hook.replacen("-A", "-D", 1));
        }
        for (chain, hook) in self.hooks() {
            if is_early(listing, chain, &hook) {
                continue;
            }
            for _ in rules_of(listing, chain).filter(|rule| **rule == hook) {
                push_line(&mut script, &hook.replacen("-A", "-D", 1));
            }
            let (_, rest) = hook.split_at(3 + chain.len());
            push_line(&mut script, &format!("-I {chain} 1{rest}"));
        }
        script.push_str("COMMIT\n");
        script
    }

    /// The input that removes all rules; `None` if there are none.
    pub(crate) fn removal(&self, listing: &str) -> Option<String> {
        let ours = self.chains();
        let there: Vec<&str> = ours
            .into_iter()
            .filter(|chain| has_chain(listing, chain))
            .collect();
        if there.is_empty() {
            return None;
        }
        let mut script = format!("*{TABLE}\n");
        for line in listing.lines() {
            let jumps = ours
                .iter()
                .any(|chain| line.ends_with(&format!(" -j {chain}")));
            if jumps && line.starts_with("-A ") {
                push_line(&mut script, &line.replacen("-A", "-D", 1));
            }
        }
        there
            .iter()
            .for_each(|chain| push_line(&mut script, &format!("-F {chain}")));
        there
            .iter()
            .for_each(|chain| push_line(&mut script, &format!("-X {chain}")));
        script.push_str("COMMIT\n");
        Some(script)
    }

    /// Rules for forwarded packets of our bridges: inside a network everything is allowed (if the
    /// kernel shows such packets to iptables at all), between networks nothing, and into a network
    /// only answers. On the build bridge, containers of other programs are neighbours of builds.
    fn forward_rules(&self) -> Vec<String> {
        let (chain, networks) = (&self.forward, &self.interfaces);
        let mut rules = vec![
            format!("-A {chain} -i {networks} -m physdev --physdev-is-bridged -j RETURN"),
            format!("-A {chain} -i {networks} -o {networks} -j DROP"),
            answers_rule(chain),
            format!("-A {chain} -o {networks} -j DROP"),
        ];
        rules.extend(self.name_server_rules(chain));
        rules.extend(
            self.refused()
                .iter()
                .map(|range| format!("-A {chain} -d {range} -j DROP")),
        );
        rules.push(format!(
            "-A {chain} -p tcp -m multiport --dports {MAIL_PORTS} -j DROP"
        ));
        rules.push(format!("-A {chain} -j RETURN"));
        rules
    }

    /// Destinations that previews may not reach: non-public addresses, our own networks, and the
    /// public networks of the host, whose other machines may trust it.
    fn refused(&self) -> Vec<String> {
        let fixed = REFUSED_RANGES.iter().filter_map(|range| range.parse().ok());
        let fixed: Vec<Subnet> = fixed.collect();
        let mut refused: Vec<String> = REFUSED_RANGES.map(str::to_owned).to_vec();
        if !fixed.iter().any(|range| range.overlaps(self.pool)) {
            refused.push(self.pool.to_string());
        }
        let is_new = |network: &&Subnet| {
            network.prefix() >= OWN_NETWORK_PREFIX_MIN
                && !network.overlaps(self.pool)
                && !fixed.iter().any(|range| range.contains(**network))
        };
        let own: BTreeSet<&Subnet> = self.host.networks.iter().filter(is_new).collect();
        let own = own.into_iter().take(OWN_NETWORKS_MAX);
        refused.extend(own.map(ToString::to_string));
        refused
    }

    /// Rules for packets from our bridges to the host: answers, and queries to its name server.
    fn input_rules(&self) -> Vec<String> {
        let chain = &self.input;
        let mut rules = vec![answers_rule(chain)];
        rules.extend(self.name_server_rules(chain));
        rules.push(format!("-A {chain} -j DROP"));
        rules
    }

    /// Rules for packets from the host to our bridges: answers, and packets of root and of the
    /// allowed users. The rules check each packet of a program, so that a connection from before
    /// the rules cannot continue. A packet without a socket ends a connection whose program is
    /// gone.
    fn output_rules(&self) -> Vec<String> {
        let chain = &self.output;
        let mut rules = vec![answers_rule(chain)];
        let users = std::iter::once(&ROOT).chain(&self.host.users);
        rules.extend(users.map(|uid| format!("-A {chain} -m owner --uid-owner {uid} -j RETURN")));
        rules.extend([
            format!("-A {chain} -m owner --socket-exists -j DROP"),
            format!("-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"),
            format!("-A {chain} -j DROP"),
        ]);
        rules
    }

    fn name_server_rules(&self, chain: &str) -> Vec<String> {
        let rule = |server: &Ipv4Addr, protocol: &str| {
            format!("-A {chain} -d {server}/32 -p {protocol} -m {protocol} --dport 53 -j RETURN")
        };
        self.host
            .name_servers
            .iter()
            .take(NAME_SERVERS_MAX)
            .flat_map(|server| [rule(server, "udp"), rule(server, "tcp")])
            .collect()
    }

    fn chains(&self) -> [&str; 3] {
        [&self.forward, &self.input, &self.output]
    }

    /// The kernel's chains, each with the rule that hooks ours into it.
    fn hooks(&self) -> Vec<(&'static str, String)> {
        let hook = |way: &str, interface: &str, chain: &'static str, ours: &str| {
            let rule = format!("-A {chain} {way} {interface} -j {ours}");
            (chain, rule)
        };
        let networks = self.interfaces.as_str();
        let mut hooks = vec![
            hook("-o", networks, FORWARD, &self.forward),
            hook("-o", networks, OUTPUT, &self.output),
        ];
        for from in self.builds.as_deref().into_iter().chain([networks]) {
            hooks.push(hook("-i", from, FORWARD, &self.forward));
            hooks.push(hook("-i", from, INPUT, &self.input));
        }
        hooks
    }
}

/// The host's name servers from a resolver's configuration, except those on the loopback, which
/// only the engine queries.
pub(crate) fn name_servers(resolv_conf: &str) -> Vec<Ipv4Addr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        if words.next()? != "nameserver" {
            return None;
        }
        match words.next()?.parse().ok()? {
            IpAddr::V4(address) if !address.is_loopback() => Some(address),
            _ => None,
        }
    };
    resolv_conf
        .lines()
        .filter_map(address)
        .take(NAME_SERVERS_MAX)
        .collect()
}

/// Allows answers. The rules check each packet of a connection that a preview opened, so that a
/// connection from before the rules cannot continue.
fn answers_rule(chain: &str) -> String {
    format!("-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -j RETURN")
}

fn has_chain(listing: &str, chain: &str) -> bool {
    listing
        .lines()
        .filter_map(|line| {
            line.strip_prefix("-N ")
                .or_else(|| line.strip_prefix("-P "))
        })
        .any(|rest| rest.split(' ').next() == Some(chain))
}

fn rules_of<'a>(listing: &'a str, chain: &'a str) -> impl Iterator<Item = &'a str> {
    listing.lines().filter(move |line| {
        line.strip_prefix("-A ")
            .and_then(|rest| rest.split(' ').next())
            == Some(chain)
    })
}

/// Whether only equal rules of other instances precede the rule.
fn is_early(listing: &str, chain: &str, rule: &str) -> bool {
    rules_of(listing, chain)
        .find(|other| *other == rule || !other.contains(" -j DAYFLY-"))
        .is_some_and(|first| first == rule)
}

fn push_line(script: &mut String, line: &str) {
    script.push_str(line);
    script.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P FORWARD ACCEPT\n\
        -P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n";

    fn rules() -> Rules {
        let instance = Instance::parse("0a1b2c3d").unwrap();
        Rules::new(
            &instance,
            Subnet::DEFAULT_POOL,
            None,
            HostFacts {
                name_servers: vec![Ipv4Addr::new(192, 0, 2, 53)],
                users: vec![4242],
                ..HostFacts::default()
            },
        )
    }

    /// The listing after a script of ours ran on it.
    fn applied(listing: &str, script: &str) -> String {
        let mut lines: Vec<String> = listing.lines().map(str::to_owned).collect();
        for line in script.lines() {
            let chain = line.split(' ').nth(1).unwrap_or_default();
            if let Some(rest) = line.strip_prefix(':') {
                let chain = rest.split(' ').next().unwrap();
                lines.retain(|l| !l.starts_with(&format!("-A {chain} ")));
                if !lines.contains(&format!("-N {chain}")) {
                    lines.push(format!("-N {chain}"));
                }
            } else if line.starts_with("-A ") {
                lines.push(line.to_owned());
            } else if line.starts_with("-I ") {
                let rule = line.replacen("-I", "-A", 1).replacen(" 1 ", " ", 1);
                let at = lines
                    .iter()
                    .position(|l| l.starts_with(&format!("-A {chain} ")));
                lines.insert(at.unwrap_or(lines.len()), rule);
            } else if let Some(rest) = line.strip_prefix("-D ") {
                let at = lines
                    .iter()
                    .position(|l| *l == format!("-A {rest}"))
                    .unwrap();
                lines.remove(at);
            } else if line.starts_with("-F ") {
                lines.retain(|l| !l.starts_with(&format!("-A {chain} ")));
            } else if line.starts_with("-X ") {
                lines.retain(|l| *l != format!("-N {chain}"));
            }
        }
        lines.join("\n") + "\n"
    }

    #[test]
    fn what_was_applied_is_found_and_what_was_removed_leaves_nothing() {
        let rules = rules();
        assert!(!rules.are_in(EMPTY));
        let after = applied(EMPTY, &rules.script(EMPTY));
        assert!(rules.are_in(&after), "{after}");
        let gone = applied(&after, &rules.removal(&after).unwrap());
        assert_eq!(gone, EMPTY);
        assert_eq!(rules.removal(EMPTY), None);
    }

    #[test]
    fn a_flushed_chain_or_a_rule_before_ours_is_noticed_and_mended() {
        let rules = rules();
        let after = applied(EMPTY, &rules.script(EMPTY));
        let flushed: String = after
            .lines()
            .filter(|line| !line.starts_with("-A DAYFLY-0a1b2c3d-I"))
            .map(|line| format!("{line}\n"))
            .collect();
        let shadowed = after.replacen("-A INPUT", "-A INPUT -j ACCEPT\n-A INPUT", 1);
        let unhooked = after.replacen("-A FORWARD -i df0a1b+ -j DAYFLY-0a1b2c3d-F\n", "", 1);
        for broken in [flushed, shadowed, unhooked] {
            assert!(!rules.are_in(&broken), "{broken}");
            let mended = applied(&broken, &rules.script(&broken));
            assert!(rules.are_in(&mended), "{mended}");
            let hooks = mended
                .lines()
                .filter(|l| l.ends_with("-j DAYFLY-0a1b2c3d-I"))
                .count();
            assert_eq!(hooks, 1, "{mended}");
        }
    }

    #[test]
    fn builds_are_isolated_on_their_bridge_when_it_is_asked_for_and_no_longer_when_it_is_not() {
        let open = rules();
        let isolated = Rules {
            builds: Some("docker0".to_owned()),
            ..rules()
        };
        let elsewhere = Rules {
            builds: Some("br-builds".to_owned()),
            ..rules()
        };
        let listing = applied(EMPTY, &open.script(EMPTY));
        assert!(!isolated.are_in(&listing));
        let listing = applied(&listing, &isolated.script(&listing));
        assert!(isolated.are_in(&listing), "{listing}");
        assert!(
            listing.contains("-A INPUT -i docker0 -j DAYFLY-0a1b2c3d-I\n"),
            "{listing}"
        );
        assert!(!elsewhere.are_in(&listing));
        let listing = applied(&listing, &elsewhere.script(&listing));
        assert!(elsewhere.are_in(&listing), "{listing}");
        assert!(!listing.contains("docker0"), "{listing}");
        assert!(!open.are_in(&listing));
        let listing = applied(&listing, &open.script(&listing));
        assert!(open.are_in(&listing), "{listing}");
        let gone = applied(&listing, &open.removal(&listing).unwrap());
        assert_eq!(gone, EMPTY);
    }

    #[test]
    fn two_instances_do_not_push_each_other_aside() {
        let first = rules();
        let other = Instance::parse("ffff0000").unwrap();
        let second = Rules::new(&other, Subnet::DEFAULT_POOL, None, HostFacts::default());
        let both = applied(EMPTY, &first.script(EMPTY));
        let both = applied(&both, &second.script(&both));
        assert!(first.are_in(&both) && second.are_in(&both), "{both}");
        let left = applied(&both, &first.removal(&both).unwrap());
        assert!(second.are_in(&left), "{left}");
    }

    #[test]
    fn nothing_passes_between_networks_whatever_was_let_through_before() {
        let script = rules().script(EMPTY);
        let at = |rule: &str| {
            script
                .find(rule)
                .unwrap_or_else(|| panic!("{rule}: {script}"))
        };
        assert!(
            at("-i df0a1b+ -o df0a1b+ -j DROP") < at("--ctstate RELATED,ESTABLISHED"),
            "{script}"
        );
        assert!(script.starts_with("*mangle\n"), "{script}");
    }

    #[test]
    fn a_public_pool_is_refused_as_a_destination_too() {
        let instance = Instance::parse("0a1b2c3d").unwrap();
        let pool = "8.8.8.0/24".parse().unwrap();
        let host = HostFacts {
            networks: vec!["8.8.8.16/28".parse().unwrap()],
            ..HostFacts::default()
        };
        let text = Rules::new(&instance, pool, None, host).script(EMPTY);
        assert!(text.contains("-d 8.8.8.0/24 -j DROP"), "{text}");
        assert!(!text.contains("8.8.8.16"), "a network of ours: {text}");
    }

    #[test]
    fn reserved_ranges_and_the_hosts_own_public_networks_are_refused() {
        let networks = [
            "172.17.0.0/16",
            "192.0.2.0/24",
            "9.9.9.0/24",
            "9.9.9.0/24",
            "11.22.33.44/32",
            "8.0.0.0/6",
        ];
        let host = HostFacts {
            networks: networks.map(|range| range.parse().unwrap()).to_vec(),
            ..HostFacts::default()
        };
        let rules = Rules { host, ..rules() };
        let refused = rules.forward_rules();
        let count = |range: &str| {
            let rule = format!("-A DAYFLY-0a1b2c3d-F -d {range} -j DROP");
            refused.iter().filter(|line| **line == rule).count()
        };
        for range in [
            "192.0.2.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "198.18.0.0/15",
            "240.0.0.0/4",
            "9.9.9.0/24",
            "11.22.33.44/32",
        ] {
            assert_eq!(count(range), 1, "{range}: {refused:?}");
        }
        for range in ["172.17.0.0/16", "8.0.0.0/6"] {
            assert_eq!(count(range), 0, "{range}: {refused:?}");
        }
    }

    #[test]
    fn of_the_host_only_root_and_the_users_that_may_connect_reach_previews() {
        let script = rules().script(EMPTY);
        let chain: Vec<&str> = script
            .lines()
            .filter_map(|line| line.strip_prefix("-A DAYFLY-0a1b2c3d-O "))
            .collect();
        let expected = [
            "-m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -j RETURN",
            "-m owner --uid-owner 0 -j RETURN",
            "-m owner --uid-owner 4242 -j RETURN",
            "-m owner --socket-exists -j DROP",
            "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
            "-j DROP",
        ];
        assert_eq!(chain, expected);
        let hook = "-I OUTPUT 1 -o df0a1b+ -j DAYFLY-0a1b2c3d-O\n";
        assert!(script.contains(hook), "{script}");
    }

    #[test]
    fn name_servers_on_the_loopback_are_not_let_through() {
        let text = "# x\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver ::1\n\
            options edns0\nnameserver evil; reboot\nnameserver 192.0.2.2 # second\n";
        let expected = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
        assert_eq!(name_servers(text), expected);
    }
}
