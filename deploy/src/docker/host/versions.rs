//! Vulnerable versions of `runc`, and comparison of versions.

/// The releases of `runc` that fix a vulnerability.
struct Fix {
    /// The vulnerability.
    cve: &'static str,
    /// Its effect.
    harm: &'static str,
    /// The first fixed release of each release line, oldest line first. Earlier lines are
    /// vulnerable, later lines are fixed.
    releases: &'static [&'static str],
}

const RUNC_FIXES: [Fix; 4] = [
    Fix {
        cve: "CVE-2025-31133",
        harm: "an image can write to the host's kernel settings",
        releases: &["1.2.8", "1.3.3", "1.4.0-rc.3"],
    },
    Fix {
        cve: "CVE-2024-21626",
        harm: "an image can reach the host's files",
        releases: &["1.1.12"],
    },
    Fix {
        cve: "CVE-2021-30465",
        harm: "an image can mount the host's files",
        releases: &["1.0.0-rc95"],
    },
    Fix {
        cve: "CVE-2019-5736",
        harm: "a container can replace the host's runc",
        releases: &["1.0.0-rc7"],
    },
];

/// The vulnerabilities of this release of `runc` by its number, each with its effect.
pub(crate) fn runc_holes(version: &str) -> Vec<(&'static str, &'static str)> {
    let Some(version) = Version::parse(version) else {
        return Vec::new();
    };
    RUNC_FIXES
        .iter()
        .filter(|fix| !is_fixed(&version, fix.releases))
        .map(|fix| (fix.cve, fix.harm))
        .collect()
}

fn is_fixed(version: &Version, releases: &[&str]) -> bool {
    let releases: Vec<Version> = releases.iter().filter_map(|r| Version::parse(r)).collect();
    match releases.iter().find(|fix| fix.line() == version.line()) {
        Some(fix) => version >= fix,
        None => releases.last().is_some_and(|last| version > last),
    }
}

/// A version as three numbers and a release candidate number; a final release sorts after its
/// candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    minor: u32,
    patch: u32,
    candidate: u32,
}

impl Version {
    /// The first release of a release line.
    pub(crate) const fn release(major: u32, minor: u32) -> Self {
        Self {
            major,
            minor,
            patch: 0,
            candidate: u32::MAX,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let mut numbers = numbers.split('.').map(str::parse::<u32>);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next().and_then(Result::ok).unwrap_or_default();
        let patch = numbers.next().and_then(Result::ok).unwrap_or_default();
        let candidate = rest
            .trim_start_matches(['-', '~'])
            .strip_prefix("rc")
            .map(|rest| {
                let digits = rest.trim_start_matches('.');
                let end = digits
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(digits.len());
                digits[..end].parse().unwrap_or_default()
            });
        Some(Self {
            major,
            minor,
            patch,
            candidate: candidate.unwrap_or(u32::MAX),
        })
    }

    fn line(&self) -> (u32, u32) {
        (self.major, self.minor)
    }
}

/// Whether a distribution built this version, and may have backported fixes.
pub(crate) fn is_distributions(version: &str) -> bool {
    ["+ds", "+dfsg", "deb", "ubuntu", ".el", ".fc", "-0ubuntu"]
        .iter()
        .any(|w| version.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cves(version: &str) -> Vec<&'static str> {
        runc_holes(version)
            .into_iter()
            .map(|(cve, _)| cve)
            .collect()
    }

    #[test]
    fn versions_compare_with_their_candidates() {
        let of = |text| Version::parse(text).unwrap();
        assert!(of("1.4.0-rc.3") < of("1.4.0"));
        assert!(of("1.4.0-rc.2") < of("1.4.0-rc.3"));
        assert!(of("1.0.0~rc93") < of("1.0.0-rc95"));
        assert!(of("20.10.24+dfsg1") < of("23.0.0"));
        assert!(of("v1.1.9") < of("1.1.12"));
        assert_eq!(Version::parse("unknown"), None);
    }

    #[test]
    fn each_hole_is_closed_by_its_release_on_each_line() {
        assert_eq!(cves("1.1.11"), ["CVE-2025-31133", "CVE-2024-21626"]);
        assert_eq!(cves("1.1.12"), ["CVE-2025-31133"]);
        assert_eq!(cves("1.2.7"), ["CVE-2025-31133"]);
        assert_eq!(cves("1.3.2"), ["CVE-2025-31133"]);
        assert_eq!(cves("1.4.0-rc.2"), ["CVE-2025-31133"]);
        for good in ["1.2.8", "1.3.3", "1.4.0-rc.3", "1.4.0", "1.5.0", "2.0.0"] {
            assert!(cves(good).is_empty(), "{good}");
        }
        assert_eq!(cves("1.0.0-rc6").len(), 4);
    }
}
