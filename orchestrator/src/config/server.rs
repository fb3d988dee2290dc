//! The configuration of a server, checked, with every default filled in.

use std::{
    net::SocketAddr,
    num::NonZeroU16,
    path::{Path, PathBuf},
    str::FromStr,
};

use deploy::docker::{Registries, host_memory_mib};
use proxy::table::HostName;

use super::{
    BackupSchedule, Limits,
    backups::backups,
    data_dir::data_dir,
    doubts::{Doubt, doubts},
    file::{ConfigError, Keys, wrong},
    github::{GitHubSettings, github},
    limits::limits,
};
use crate::inputs::secrets::SecretsFile;

/// The engine's usual socket.
const SOCKET_DEFAULT: &str = "/var/run/docker.sock";
/// Out of the way of the engine's own pools (172.17.0.0/12, 192.168.0.0/16).
const SUBNET_POOL_DEFAULT: &str = "10.213.0.0/16";

/// Everything a server is started with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The domain under which previews live.
    pub domain: String,
    /// The host of webhook and health.
    pub control_host: String,
    /// `http` or `https`, as visitors see it.
    pub public_scheme: String,
    /// The port as visitors see it; the proxy's own where none was given.
    pub public_port: Option<u16>,
    /// Where the proxy listens.
    pub listen: Vec<SocketAddr>,
    /// The data directory.
    pub data: PathBuf,
    /// GitHub; none where the server has local previews only.
    pub github: Option<GitHubSettings>,
    /// The engine's socket.
    pub engine_socket: PathBuf,
    /// The address range for the networks of previews.
    pub subnet_pool: String,
    /// Whether builds are isolated from the host and from private addresses.
    pub isolate_builds: bool,
    /// The logins to registries.
    pub registries: Registries,
    /// Secrets for builds.
    pub secrets: SecretsFile,
    /// The schedule of backups, where the operator configured one.
    pub backups: Option<BackupSchedule>,
    /// Limits.
    pub limits: Limits,
    /// Warnings about settings that are probably a mistake.
    pub doubts: Vec<Doubt>,
}

impl ServerConfig {
    /// Reads file and environment. `data` is the directory named on the command line.
    pub fn read(file: Option<&Path>, data: Option<PathBuf>) -> anyhow::Result<Self> {
        let keys = Keys::read(file, |name| std::env::var(name).ok())?;
        let mut config = Self::from_keys(&keys, data)?;
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        config.doubts = doubts(&keys, config.github.as_ref(), names);
        Ok(config)
    }

    fn from_keys(keys: &Keys, data: Option<PathBuf>) -> anyhow::Result<Self> {
        let domain = host(keys, "domain")?.unwrap_or_else(|| "localhost".to_owned());
        let control_host =
            host(keys, "control_host")?.unwrap_or_else(|| format!("dayfly.{domain}"));
        let scheme = keys.parse::<Scheme>("public_scheme", "http or https")?;
        let named = keys.parse::<PathBuf>("data", "a path")?;
        let exclusive = keys
            .parse("engine.exclusive", "true or false")?
            .unwrap_or(false);
        let mut limits = limits(keys)?;
        if exclusive && limits.build_memory_mib_max.is_none() {
            limits.build_memory_mib_max = host_memory_mib().map(builds_share_mib);
        }
        Ok(Self {
            domain,
            control_host,
            public_scheme: scheme.map_or_else(|| "http".to_owned(), |Scheme(scheme)| scheme),
            public_port: keys
                .parse("public_port", "a port between 1 and 65535")?
                .map(NonZeroU16::get),
            listen: listen(keys)?,
            data: data_dir(data.or(named))?,
            github: if keys.has_section("github") {
                Some(github(keys)?)
            } else {
                None
            },
            engine_socket: keys
                .parse("engine.socket", "a path")?
                .unwrap_or_else(|| PathBuf::from(SOCKET_DEFAULT)),
            subnet_pool: keys
                .parse("engine.subnet_pool", "a network such as 10.213.0.0/16")?
                .unwrap_or_else(|| SUBNET_POOL_DEFAULT.to_owned()),
            isolate_builds: keys
                .parse("engine.isolate_builds", "true or false")?
                .unwrap_or(exclusive),
            registries: registries(keys)?,
            secrets: secrets(keys)?,
            backups: backups(keys)?,
            limits,
            doubts: Vec::new(),
        })
    }
}

/// `http` or `https`.
struct Scheme(String);

impl FromStr for Scheme {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "http" | "https" => Ok(Self(text.to_owned())),
            _ => Err(()),
        }
    }
}

/// The memory limit of builds on a host where only Dayfly uses the engine: half of the host's
/// memory.
fn builds_share_mib(host_mib: u64) -> u64 {
    (host_mib / 2).max(1)
}

fn host(keys: &Keys, key: &'static str) -> Result<Option<String>, ConfigError> {
    let Some(given) = keys.get(key) else {
        return Ok(None);
    };
    let [value] = given.values.as_slice() else {
        return Err(wrong(given, format!("{key} takes one host name")));
    };
    match HostName::parse(value) {
        Ok(host) => Ok(Some(host.to_string())),
        Err(error) => Err(wrong(given, format!("{key}: {error}"))),
    }
}

fn listen(keys: &Keys) -> Result<Vec<SocketAddr>, ConfigError> {
    let form = "an address and a port such as 0.0.0.0:80";
    match keys.get("listen") {
        None => Ok(vec![SocketAddr::from(([127, 0, 0, 1], 8080))]),
        Some(given) if given.values.is_empty() => {
            Err(wrong(given, format!("listen is empty; name {form}")))
        }
        Some(_) => keys.list("listen", form),
    }
}

fn registries(keys: &Keys) -> Result<Registries, ConfigError> {
    let key = "engine.registry_auth_file";
    let Some((given, path)) = keys.get(key).zip(keys.parse::<PathBuf>(key, "a path")?) else {
        return Ok(Registries::default());
    };
    let unusable = |why: String| {
        wrong(
            given,
            format!("{key}: cannot use {}: {why}", path.display()),
        )
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unusable(error.to_string()))?;
    Registries::from_docker_config(&text).map_err(|error| unusable(error.to_string()))
}

fn secrets(keys: &Keys) -> Result<SecretsFile, ConfigError> {
    let key = "secrets_file";
    let file = SecretsFile::new(keys.parse(key, "a path")?);
    match (file.check(), keys.get(key)) {
        (Err(error), Some(given)) => Err(wrong(given, format!("{key}: {error}"))),
        _ => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<ServerConfig, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, v)| (*v).to_owned())
        };
        let keys = Keys::read(Some(file.path()), variable).map_err(|e| e.to_string())?;
        ServerConfig::from_keys(&keys, Some("/data".into())).map_err(|e| e.to_string())
    }

    #[test]
    fn an_unknown_key_names_file_line_and_the_nearest_known_key() {
        let error = read("domain = \"localhost\"\n[github]\ntokne = \"x\"\n", &[]).unwrap_err();
        assert!(
            error.contains(":3: unknown key \"github.tokne\""),
            "{error}"
        );
        assert!(error.contains("did you mean \"github.token\"?"), "{error}");
    }

    #[test]
    fn a_variable_stands_above_the_file() {
        let config = read("domain = \"a.example\"", &[("DAYFLY_DOMAIN", "b.example")]).unwrap();
        assert_eq!(config.domain, "b.example");
        assert_eq!(config.control_host, "dayfly.b.example");
    }

    #[test]
    fn a_comma_in_a_variable_separates_only_where_a_list_is_taken() {
        let variables = [
            ("DAYFLY_SECRETS_FILE", "/a,b"),
            ("DAYFLY_LISTEN", "127.0.0.1:1, 127.0.0.1:2"),
        ];
        let error = read("", &variables[..1]).unwrap_err();
        assert!(error.contains("/a,b"), "{error}");
        assert_eq!(read("", &variables[1..]).unwrap().listen.len(), 2);
    }

    #[test]
    fn an_old_name_of_a_key_still_works_and_is_refused_beside_the_new_one() {
        let (old, new) = (
            "[engine]\nfence_builds = true",
            "[engine]\nisolate_builds = true",
        );
        for text in [old, new] {
            assert!(read(text, &[]).unwrap().isolate_builds, "{text}");
        }
        let variables = ["FENCE", "ISOLATE"].map(|word| format!("DAYFLY_ENGINE_{word}_BUILDS"));
        for variable in &variables {
            let config = read(old, &[(variable, "false")]).unwrap();
            assert!(!config.isolate_builds, "{variable}");
        }
        let both = read(&format!("{new}\nfence_builds = false"), &[]).unwrap_err();
        assert!(
            both.contains("engine.isolate_builds is given twice"),
            "{both}"
        );
        let both = [(&*variables[0], "true"), (&*variables[1], "true")];
        let both = read("", &both).unwrap_err();
        assert!(
            both.contains("engine.isolate_builds is given twice"),
            "{both}"
        );
    }

    #[test]
    fn a_bad_value_names_its_place_and_what_it_has_to_be() {
        for (text, wanted) in [
            ("listen = \"x\"", "an address and a port"),
            ("domain = \"a b\"", "is not a host name"),
            ("public_port = 70000", "a port between 1 and 65535"),
            ("public_port = 0", "a port between 1 and 65535"),
            ("listen = []", ":1: listen is empty"),
            ("data = \"\"", ":1: data is empty"),
            ("public_scheme = \"ftp\"", ":1: public_scheme is \"ftp\""),
            ("[gihtub]", ":1: unknown section [gihtub]"),
            ("engine = true", "engine is a section"),
            ("token = \"x\"", "token belongs in the section [github]"),
            (
                "[github]\ndomain = \"localhost\"",
                ":2: unknown key \"github.domain\"; domain belongs above all sections",
            ),
            ("[limits]\nbuilds_max = 0", "from 1 to 4294967295"),
            ("[limits]\nbuild_memory_mib_max = 0", "from 1 to"),
            ("[limits]\nbuild_disk_percent_max = 0x65", "from 1 to 100"),
            (
                "[limits]\nstart_seconds_max = 9223372036854775807",
                "from 1 to 4294967295",
            ),
            (
                "[github]\ntoken = \"x\"\npoll_seconds = 9223372036854775808",
                "up to 4294967295",
            ),
            (
                "[engine]\nbuilder = \"direct\"",
                "unknown key \"engine.builder\"",
            ),
            ("[limits]\nbuild_disk_percent_max = 180", "from 1 to 100"),
            (
                "[engine]\nregistry_auth_file = \"/nonexistent\"",
                ":2: engine.registry_auth_file: cannot use /nonexistent",
            ),
            ("secrets_file = \"/nonexistent\"", ":1: secrets_file: "),
            ("[github]\napp_id = 1", "needs both"),
            ("[backup]\nevery = \"24h\"", "needs both"),
            (
                "[backup]\nevery = \"1s\"\ndirectory = \"/b\"",
                "from one minute to a year",
            ),
            ("[backup]\nkeep = 0", "from 1 to 65535"),
            (
                "[github]\ntoken = \"x\"\nrepositories = [\"nope\"]",
                "owner/name",
            ),
            (
                "[github]\ntoken = \"x\"\nsubmodules = [\"acme/shop\"]",
                "owner/name:owner/name",
            ),
            ("domain = ", "dayfly"),
        ] {
            match read(text, &[]) {
                Err(error) => assert!(
                    error.contains(wanted) || text == "domain = ",
                    "{text:?} gave {error:?}"
                ),
                Ok(_) => panic!("{text:?} was accepted"),
            }
        }
    }

    #[test]
    fn builds_are_isolated_and_bounded_where_the_engine_is_dayflys_alone() {
        let given = |text: &str| {
            let config = read(text, &[]).unwrap();
            (config.isolate_builds, config.limits.build_memory_mib_max)
        };
        assert_eq!(given(""), (false, None));
        let (isolated, ceiling) = given("[engine]\nexclusive = true");
        let host = host_memory_mib().unwrap();
        assert!(
            isolated && ceiling == Some(host / 2),
            "{ceiling:?} of {host}"
        );
        let said = "[engine]\nexclusive = true\nisolate_builds = false\n\
                    [limits]\nbuild_memory_mib_max = 512";
        assert_eq!(given(said), (false, Some(512)));
    }

    /// The warnings about a file.
    fn doubtful(text: &str) -> Vec<Doubt> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let keys = Keys::read(Some(file.path()), |_| None).unwrap();
        let config = ServerConfig::from_keys(&keys, Some("/data".into())).unwrap();
        doubts(&keys, config.github.as_ref(), std::iter::empty())
    }

    #[test]
    fn what_is_probably_not_meant_is_told_with_what_to_do() {
        use std::os::unix::fs::PermissionsExt as _;
        let token = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(token.path(), "t").unwrap();
        let path = token.path().display();
        let set = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(token.path(), mode).unwrap();
        };
        let text = format!("[github]\ntoken_file = \"{path}\"\nrepositories = [\"acme/shop\"]");
        set(0o600);
        assert_eq!(doubtful(&text), []);
        set(0o640);
        let told = doubtful(&text);
        assert!(told[0].found.contains("mode 640"), "{told:?}");
        assert_eq!(told[0].advice, format!("`chmod 600 {path}`"));
        // The file that `doubtful` writes is closed to others.
        let told = doubtful("[github]\ntoken = \"x\"\npoll_seconds = 1");
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].advice.contains("repositories = "), "{told:?}");
        assert!(told[1].found.contains("poll_seconds is 1"), "{told:?}");
    }

    #[test]
    fn a_secret_in_the_place_of_a_path_is_refused_and_not_repeated() {
        for (key, value) in [
            ("token_file", "ghp_0123456789"),
            ("private_key_file", "-----BEGIN KEY-----\\nabc"),
        ] {
            let error = read(&format!("[github]\n{key} = \"{value}\""), &[]).unwrap_err();
            assert!(
                error.contains(&format!("github.{key} takes the path")),
                "{error}"
            );
            assert!(
                !error.contains("0123456789") && !error.contains("abc"),
                "{error}"
            );
        }
        let error = read("[github]\ntoken = \" \"", &[]).unwrap_err();
        assert!(error.contains("github.token is empty"), "{error}");
        let error = read("[github]\ntoken_file = \"/no/such\"", &[]).unwrap_err();
        assert!(
            error.contains("github.token_file: cannot read /no/such"),
            "{error}"
        );
    }

    #[test]
    fn nothing_at_all_is_a_server_for_this_machine() {
        let config = read("", &[]).unwrap();
        assert_eq!(config.domain, "localhost");
        assert!(config.github.is_none());
        assert!(
            config
                .listen
                .iter()
                .all(|address| address.ip().is_loopback())
        );
    }
}
