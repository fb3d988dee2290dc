//! The user that a proxy runs as: a separate one, so that nothing else on the host has its
//! permissions.
//!
//! A user that the operator created comes first. Otherwise it is an id for this instance alone,
//! from a range that distributions, systemd and directory services do not assign, and that is free
//! on this host.

use std::path::Path;

use deploy::names::Instance;
use nix::unistd::{Gid, Group, Uid, User, geteuid};

/// The user that an operator can create for the proxy.
const MADE: &str = "dayfly-proxy";
/// The user that other programs share.
const SHARED: &str = "nobody";

/// The range of users without a name: below what systemd keeps for itself, above what `sssd` maps to.
const FIRST: u32 = 0x7800_0000;
const COUNT: u32 = 0x07fe_0000;
/// How many of them are tried.
const TRIES: u32 = 16;

/// Which users and groups this process may become, according to the kernel.
const MAPS: [&str; 2] = ["/proc/self/uid_map", "/proc/self/gid_map"];
/// Which users and groups are delegated to containers of other users.
const DELEGATED: [&str; 2] = ["/etc/subuid", "/etc/subgid"];

/// User and group for the proxy; none where the server does not run as root.
pub(super) fn proxy_user(instance: &Instance) -> anyhow::Result<Option<(u32, u32)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    if let Some(user) = User::from_name(MADE)? {
        return Ok(Some((user.uid.as_raw(), user.gid.as_raw())));
    }
    if let Some(number) = candidates(instance).find(|number| is_free(*number)) {
        return Ok(Some((number, number)));
    }
    if let Some(user) = User::from_name(SHARED)? {
        tracing::warn!("no user id is free for the proxy; it shares {SHARED} with other programs");
        return Ok(Some((user.uid.as_raw(), user.gid.as_raw())));
    }
    anyhow::bail!("this host has no user for the proxy; create a user called {MADE}")
}

/// The ids to try: the same for each start of an instance.
fn candidates(instance: &Instance) -> impl Iterator<Item = u32> {
    let own = u32::from_str_radix(instance.as_str(), 16).unwrap_or_default() % COUNT;
    (0..TRIES).map(move |next| FIRST + (own + next) % COUNT)
}

fn is_free(number: u32) -> bool {
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
    let named = !matches!(User::from_uid(Uid::from_raw(number)), Ok(None))
        || !matches!(Group::from_gid(Gid::from_raw(number)), Ok(None));
    !named
        && MAPS.iter().all(|map| is_mapped(&read(map), number))
        && !DELEGATED
            .iter()
            .any(|file| is_delegated(&read(file), number))
}

/// `first-inside first-outside count` on each line.
fn is_mapped(map: &str, number: u32) -> bool {
    map.lines().any(|line| {
        let mut words = line.split_ascii_whitespace().map(str::parse);
        let (Some(Ok(first)), _, Some(Ok(count))) = (words.next(), words.next(), words.next())
        else {
            return false;
        };
        holds(first, count, number)
    })
}

/// `owner:first:count` on each line.
fn is_delegated(file: &str, number: u32) -> bool {
    file.lines().any(|line| {
        let mut words = line.split(':').skip(1).map(|word| word.trim().parse());
        matches!((words.next(), words.next()), (Some(Ok(first)), Some(Ok(count)))
            if holds(first, count, number))
    })
}

fn holds(first: u64, count: u64, number: u32) -> bool {
    let number = u64::from(number);
    first <= number && number < first.saturating_add(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_has_a_number_of_its_own_from_the_range() {
        let of = |id: &str| candidates(&Instance::parse(id).unwrap()).next().unwrap();
        let all = ["00000000", "0a1b2c3d", "ffffffff", "07fdffff"].map(of);
        for number in all {
            assert!((FIRST..FIRST + COUNT).contains(&number), "{number}");
        }
        let last = Instance::parse("07fdffff").unwrap();
        let next: Vec<u32> = candidates(&last).take(2).collect();
        assert_eq!(next, [FIRST + COUNT - 1, FIRST]);
        assert_ne!(all[0], all[1]);
        assert_eq!(of("0a1b2c3d"), of("0a1b2c3d"));
    }

    #[test]
    fn numbers_that_cannot_be_had_or_are_of_others_are_known() {
        assert!(is_mapped("         0          0 4294967295\n", FIRST));
        assert!(!is_mapped("0 100000 65536\n", FIRST));
        assert!(!is_mapped("", FIRST));
        let file = "ada:100000:65536\nbob:2013265920:10\nbroken\n";
        assert!(is_delegated(file, 2_013_265_929));
        assert!(!is_delegated(file, 2_013_265_930));
        assert!(!is_free(0));
    }
}
