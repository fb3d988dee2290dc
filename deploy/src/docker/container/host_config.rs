//! The hardened configuration of every container, and the only code that creates containers.
//!
//! A repository chooses the program in a container, but cannot influence anything decided here.

use std::collections::{BTreeMap, HashMap};

use bollard::{
    models::{
        ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig,
        HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, NetworkingConfig, RestartPolicy,
        RestartPolicyNameEnum,
    },
    query_parameters::CreateContainerOptionsBuilder,
};
use serde::Serialize;

use super::{
    mount::{BindMount, bind_mount, volume_mount},
    seccomp,
};
use crate::{
    docker::{
        Docker,
        client::Means,
        error::{classify, status},
        image_facts::{ImageFacts, is_root},
        names::{Names, digest},
    },
    engine::{EngineError, STOP_GRACE},
    labels::{Kind, Mark},
    names::{Generation, ImageId, PreviewId, RevisionNumber},
};

/// Capabilities that entrypoints of official images need to change file owners and to drop root.
/// Images that do not start as root get none of them.
const CAPABILITIES: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];

/// Further capabilities of services: a root process signals its workers, a server binds port 80, a
/// daemon uses chroot. A process of a non-root user holds none of them. But without them in its
/// bounding set, it could not even execute a file that asks for one.
const SERVICE_CAPABILITIES: [&str; 4] = ["FSETID", "KILL", "NET_BIND_SERVICE", "SYS_CHROOT"];

/// Maximum size of a container's log file, and the number of files kept.
const LOG_FILE_SIZE: &str = "10m";
const LOG_FILES: &str = "2";

/// Maximum number of volumes that an image may declare.
const VOLUMES_MAX: usize = 16;

/// Minimum memory that the engine accepts for a container, in bytes.
const MEMORY_BYTES_MIN: u64 = 6 * 1024 * 1024;

/// Period of a container's CPU quota, in microseconds: a container that used up its quota stops for
/// the rest of the period. A short period is less noticeable to visitors and delays a pause less.
/// The kernel accepts no quota below [`CPU_QUOTA_MIN`], so small shares use the kernel's default
/// period.
const CPU_PERIOD: u64 = 20_000;
const CPU_PERIOD_OF_SMALL_SHARES: u64 = 100_000;
const CPU_QUOTA_MIN: u64 = 1_000;

/// The spec of a container. Its digest is the spec label: any change of a serialized field
/// recreates the container.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plan {
    /// Its name in the engine.
    pub(crate) container: String,
    #[serde(skip)]
    pub(crate) kind: Kind,
    #[serde(skip)]
    pub(crate) preview: PreviewId,
    #[serde(skip)]
    pub(crate) revision: Option<RevisionNumber>,
    /// A database's own generation, or the one that a service uses.
    pub(crate) generation: Option<Generation>,
    /// The service's or database's name; also its host name.
    pub(crate) name: String,
    /// The prefix of its volumes' names.
    pub(crate) volume_owner: String,
    pub(crate) port: Option<u16>,
    pub(crate) image: ImageId,
    /// Replaces the image's command.
    pub(crate) command: Option<Vec<String>>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_milli: u64,
    pub(crate) pids_max: u32,
    /// Whether the engine restarts it after an exit with an error.
    pub(crate) starts_again: bool,
    pub(crate) shm_bytes: Option<u64>,
    /// A directory of the pool, and its path in the container.
    pub(crate) data: Option<BindMount>,
    /// A second directory, from which a seed run reads its script.
    #[serde(skip)]
    pub(crate) script: Option<BindMount>,
    /// Whether the engine's small init runs as process 1, with the image's command as its child.
    /// Supervisors must be process 1 themselves. Databases run without an init: a root init may not
    /// signal a server that dropped root, so every stop would become a kill.
    pub(crate) init: bool,
    /// Replaces the image's user.
    pub(crate) user: Option<String>,
    /// Replaces the image's entrypoint; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entrypoint: Option<Vec<String>>,
    /// Replaces the image's working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) working_dir: Option<String>,
    /// Whether other containers of its network can resolve its name.
    pub(crate) named: bool,
    /// Its first network. Excluded from the digest: recreating the network must not recreate the
    /// container.
    #[serde(skip)]
    pub(crate) network: String,
}

/// The result of a create.
pub(crate) enum Created {
    /// The container's id.
    New(String),
    /// Another container has its name.
    NameTaken,
}

impl Plan {
    /// The spec label.
    pub(crate) fn spec(&self) -> String {
        // A struct of strings and numbers always serializes.
        digest(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The labels of the container.
    pub(crate) fn mark(&self, docker: &Docker) -> Mark {
        Mark {
            instance: docker.config().instance.clone(),
            preview: self.preview.clone(),
            revision: self.revision,
            generation: self.generation.filter(|_| self.revision.is_none()),
            kind: self.kind,
            name: self.name.clone(),
            spec: self.spec(),
            port: self.port,
        }
    }

    /// The volume paths that the image declares, except the one in the pool.
    fn volume_paths(&self, facts: &ImageFacts) -> Vec<String> {
        let in_pool = |path: &&String| self.data.as_ref().is_some_and(|data| data.path == **path);
        facts
            .volumes
            .iter()
            .filter(|path| !in_pool(path))
            .cloned()
            .collect()
    }

    /// The volumes with their mount paths.
    fn volumes(&self, facts: &ImageFacts, mark: &Mark) -> Vec<(String, Mark)> {
        let volume = |path: String| {
            let mark = Mark {
                kind: Kind::Data,
                spec: digest(format!("{}\0{path}", self.container).as_bytes()),
                port: None,
                ..mark.clone()
            };
            (path, mark)
        };
        self.volume_paths(facts).into_iter().map(volume).collect()
    }
}

impl Docker {
    /// Creates the container. This is the only caller of the engine's create.
    pub(crate) async fn create(&self, plan: &Plan) -> Result<Created, EngineError> {
        let created = self.create_from_image(plan).await;
        if let Err(EngineError::Missing(_)) = created {
            // Somebody removed the image, and not every engine tells of that.
            self.image_list().changed();
        }
        created
    }

    async fn create_from_image(&self, plan: &Plan) -> Result<Created, EngineError> {
        let facts = self.image_facts(&plan.image).await?;
        let mark = plan.mark(self);
        let volumes = plan.volumes(&facts, &mark);
        self.check_volumes(plan, &volumes).await?;
        let body = body(plan, &facts, &mark, &volumes, self.means().await?);
        let options = CreateContainerOptionsBuilder::new()
            .name(&plan.container)
            .build();
        let what = format!("container {}", plan.container);
        self.change(&what, async {
            match self.api().create_container(Some(options), body).await {
                Ok(made) => Ok(Ok(Created::New(made.id))),
                Err(error) if status(&error) == Some(409) => Ok(Ok(Created::NameTaken)),
                Err(error) => Ok(Err(classify(&what, error))),
            }
        })
        .await?
    }

    /// Removes the volumes that were created with the container.
    pub(crate) async fn remove_volumes_of(&self, plan: &Plan) -> Result<(), EngineError> {
        let facts = self.image_facts(&plan.image).await?;
        for (_, mark) in plan.volumes(&facts, &plan.mark(self)) {
            self.remove_volume(&Names::volume(&plan.volume_owner, &mark.spec))
                .await?;
        }
        Ok(())
    }

    /// Refuses foreign volumes. When the engine creates the container, it creates missing volumes
    /// with our labels, but it would silently mount a foreign volume of the same name.
    async fn check_volumes(
        &self,
        plan: &Plan,
        volumes: &[(String, Mark)],
    ) -> Result<(), EngineError> {
        let refused = |why: String| {
            Err(EngineError::Refused {
                what: format!("container {}", plan.container),
                why,
            })
        };
        if volumes.len() > VOLUMES_MAX {
            return refused(format!(
                "its image declares {} volumes, more than {VOLUMES_MAX}",
                volumes.len()
            ));
        }
        for (_, mark) in volumes {
            let name = Names::volume(&plan.volume_owner, &mark.spec);
            let there = self
                .find("a volume", self.api().inspect_volume(&name))
                .await?;
            if there.is_some_and(|volume| Mark::read(&volume.labels).as_ref() != Some(mark)) {
                return refused(format!("volume {name} is not Dayfly's; remove it"));
            }
        }
        Ok(())
    }
}

/// The complete create request.
fn body(
    plan: &Plan,
    facts: &ImageFacts,
    mark: &Mark,
    volumes: &[(String, Mark)],
    means: Means,
) -> ContainerCreateBody {
    let volumes = volumes
        .iter()
        .map(|(path, mark)| volume_mount(&plan.volume_owner, path, mark));
    let binds = plan.data.iter().chain(&plan.script).map(bind_mount);
    let mounts = volumes.chain(binds).collect();
    ContainerCreateBody {
        hostname: Some(plan.name.clone()),
        image: Some(plan.image.to_string()),
        user: plan.user.clone(),
        cmd: plan.command.clone(),
        entrypoint: plan.entrypoint.clone().map(entrypoint),
        working_dir: plan.working_dir.clone(),
        env: Some(
            plan.env
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        ),
        labels: Some(mark.to_labels()),
        stop_timeout: i64::try_from(STOP_GRACE.as_secs()).ok(),
        // Dayfly probes from outside; the image's own check would only waste time.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        host_config: Some(host_config(plan, facts, mounts, means)),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(plan.network.clone(), endpoint(plan))])),
        }),
        ..ContainerCreateBody::default()
    }
}

/// The container's access to the host. The engine disables everything that is not listed here.
fn host_config(plan: &Plan, facts: &ImageFacts, mounts: Vec<Mount>, means: Means) -> HostConfig {
    let memory = i64::try_from(plan.memory_bytes.max(MEMORY_BYTES_MIN)).unwrap_or(i64::MAX);
    let (cpu_period, cpu_quota) = processor_time(plan.cpu_milli, means.processors);
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(capabilities(plan, facts)),
        security_opt: Some(security(means)),
        privileged: Some(false),
        memory: Some(memory),
        memory_swap: Some(memory),
        cpu_period: Some(cpu_period),
        cpu_quota: Some(cpu_quota),
        pids_limit: Some(i64::from(plan.pids_max.max(1))),
        init: Some(plan.init),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        shm_size: plan.shm_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
        restart_policy: Some(restarts(plan.starts_again)),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), LOG_FILE_SIZE.to_owned()),
                ("max-file".to_owned(), LOG_FILES.to_owned()),
            ])),
        }),
        network_mode: Some(plan.network.clone()),
        publish_all_ports: Some(false),
        mounts: Some(mounts),
        ..HostConfig::default()
    }
}

/// The period and the quota of CPU time, both in microseconds.
fn processor_time(cpu_milli: u64, processors: u64) -> (i64, i64) {
    let milli = cpu_milli.clamp(10, processors * 1000);
    let quota = |period: u64| period / 1000 * milli;
    let period = match quota(CPU_PERIOD) {
        CPU_QUOTA_MIN.. => CPU_PERIOD,
        _ => CPU_PERIOD_OF_SMALL_SHARES,
    };
    let micros = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    (micros(period), micros(quota(period)))
}

/// An engine without seccomp would refuse a filter; `doctor` reports the missing support.
fn security(means: Means) -> Vec<String> {
    let filter = means
        .seccomp
        .then(|| format!("seccomp={}", seccomp::profile()));
    let privileges = "no-new-privileges:true".to_owned();
    std::iter::once(privileges).chain(filter).collect()
}

fn capabilities(plan: &Plan, facts: &ImageFacts) -> Vec<String> {
    let of_root = CAPABILITIES.iter();
    let as_root = match &plan.user {
        None => facts.starts_as_root,
        // A database that runs as another user needs to change no owner.
        Some(user) => plan.kind != Kind::Database && is_root(user),
    };
    let of_root = of_root.filter(|_| as_root);
    let of_services = SERVICE_CAPABILITIES.iter();
    let of_services = of_services.filter(|_| plan.kind != Kind::Database);
    of_root.chain(of_services).map(|&c| c.to_owned()).collect()
}

/// For the engine, an empty word is no entrypoint, and an empty list is the image's own.
fn entrypoint(words: Vec<String>) -> Vec<String> {
    match words.is_empty() {
        true => vec![String::new()],
        false => words,
    }
}

/// Unlimited restarts: the engine's pauses grow from a tenth of a second to a minute, and reset
/// once the container has run for ten seconds.
fn restarts(starts_again: bool) -> RestartPolicy {
    let name = match starts_again {
        true => RestartPolicyNameEnum::ON_FAILURE,
        false => RestartPolicyNameEnum::NO,
    };
    RestartPolicy {
        name: Some(name),
        maximum_retry_count: None,
    }
}

fn endpoint(plan: &Plan) -> EndpointSettings {
    EndpointSettings {
        aliases: plan.named.then(|| vec![plan.name.clone()]),
        ..EndpointSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bollard::models::MountType;
    use proptest::prelude::*;

    use super::*;
    use crate::names::Instance;

    fn plan() -> Plan {
        Plan {
            container: "dayfly-0a1b2c3d-shop-1--r1--web".to_owned(),
            kind: Kind::Service,
            preview: PreviewId::parse("shop-1").unwrap(),
            revision: Some(RevisionNumber(1)),
            generation: None,
            name: "web".to_owned(),
            volume_owner: "dayfly-0a1b2c3d-shop-1--r1--web".to_owned(),
            port: Some(8080),
            image: ImageId::parse(&format!("sha256:{}", "0".repeat(64))).unwrap(),
            command: None,
            env: BTreeMap::new(),
            memory_bytes: 512 << 20,
            cpu_milli: 1000,
            pids_max: 256,
            starts_again: true,
            shm_bytes: None,
            data: None,
            script: None,
            init: false,
            user: None,
            entrypoint: None,
            working_dir: None,
            named: true,
            network: "net".to_owned(),
        }
    }

    fn mark_of(plan: &Plan) -> Mark {
        Mark {
            instance: Instance::parse("0a1b2c3d").unwrap(),
            preview: plan.preview.clone(),
            revision: plan.revision,
            generation: None,
            kind: plan.kind,
            name: plan.name.clone(),
            spec: plan.spec(),
            port: plan.port,
        }
    }

    fn body_of(plan: &Plan, facts: &ImageFacts) -> ContainerCreateBody {
        let mark = mark_of(plan);
        let means = Means {
            processors: 2,
            seccomp: true,
        };
        body(plan, facts, &mark, &plan.volumes(facts, &mark), means)
    }

    fn bind(path: &str) -> BindMount {
        BindMount {
            path: path.to_owned(),
            source: PathBuf::from("/pool/x/data"),
            read_only: false,
        }
    }

    /// A changed digest would recreate every container at its first start after an upgrade.
    #[test]
    fn the_spec_of_a_container_is_the_same_in_every_version() {
        assert_eq!(
            plan().spec(),
            "841c0df9ff4cb56dffcc0b3050bf1538dd1cbb4af4ad53f8ebd02a6a881835b1"
        );
        let mounted = Plan {
            data: Some(bind("/srv/data")),
            ..plan()
        };
        assert_eq!(
            mounted.spec(),
            "8994ea7551177c7924df16533060e3de1b00fed0f1acdbe2c9fb93701c4b330e"
        );
    }

    #[test]
    fn another_network_of_the_same_meaning_is_no_other_spec() {
        let other = Plan {
            network: "other".to_owned(),
            ..plan()
        };
        assert_eq!(plan().spec(), other.spec());
        let other = Plan {
            memory_bytes: 1 << 30,
            ..plan()
        };
        assert_ne!(plan().spec(), other.spec());
    }

    #[test]
    fn the_directory_in_the_pool_takes_the_place_of_the_volume() {
        let facts = ImageFacts {
            volumes: vec!["/var/lib/pg".to_owned()],
            ..ImageFacts::default()
        };
        let at = |data: &str| {
            Plan {
                data: Some(bind(data)),
                ..plan()
            }
            .volume_paths(&facts)
        };
        assert!(at("/var/lib/pg").is_empty());
        assert_eq!(at("/var/lib/pg/18/docker"), ["/var/lib/pg"]);
    }

    #[test]
    fn processors_are_at_most_those_that_there_are() {
        let plan = Plan {
            cpu_milli: 64_000,
            ..plan()
        };
        let host = body_of(&plan, &ImageFacts::default()).host_config.unwrap();
        assert_eq!(
            (host.cpu_period, host.cpu_quota),
            (Some(20_000), Some(40_000))
        );
    }

    #[test]
    fn a_small_share_of_a_processor_is_counted_over_a_longer_span() {
        assert_eq!(processor_time(1_000, 2), (20_000, 20_000));
        assert_eq!(processor_time(50, 2), (20_000, 1_000));
        assert_eq!(processor_time(49, 2), (100_000, 4_900));
        assert_eq!(processor_time(0, 2), (100_000, 1_000));
    }

    proptest! {
        #[test]
        fn no_plan_gets_power_over_the_host(
            command in proptest::option::of(proptest::collection::vec(".{0,20}", 0..4)),
            env in proptest::collection::btree_map(".{0,10}", ".{0,10}", 0..4),
            memory_bytes: u64,
            cpu_milli: u64,
            pids_max: u32,
            starts_again: bool,
            init: bool,
            database: bool,
            starts_as_root: bool,
            volumes in proptest::collection::vec("/[a-z./]{1,12}", 0..4),
            data in proptest::option::of("/[a-z/]{1,12}"),
            script: bool,
        ) {
            let data = data.map(|path| bind(&path));
            let pipe = script.then(|| BindMount { read_only: true, ..bind("/pipe") });
            let plan = Plan {
                kind: if database { Kind::Database } else { Kind::Service },
                command, env, memory_bytes, cpu_milli, pids_max, starts_again, init, data,
                script: pipe, ..plan()
            };
            let facts = ImageFacts { starts_as_root, volumes, ..ImageFacts::default() };
            let body = body_of(&plan, &facts);
            let labels = body.labels.clone().unwrap();
            for key in crate::labels::KEYS {
                prop_assert!(labels.contains_key(key));
            }
            prop_assert!(body.user.is_none() && body.entrypoint.is_none());
            prop_assert!(body.volumes.is_none());
            let host = body.host_config.unwrap();
            prop_assert_eq!(host.cap_drop.unwrap(), ["ALL"]);
            let added = host.cap_add.unwrap();
            let mut wanted = Vec::new();
            if starts_as_root {
                wanted.extend(["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]);
            }
            if !database {
                wanted.extend(["FSETID", "KILL", "NET_BIND_SERVICE", "SYS_CHROOT"]);
            }
            prop_assert_eq!(added, wanted);
            let filter = format!("seccomp={}", seccomp::profile());
            prop_assert_eq!(host.security_opt.unwrap(), ["no-new-privileges:true", filter.as_str()]);
            prop_assert_eq!(host.privileged, Some(false));
            prop_assert_eq!(host.memory, host.memory_swap);
            prop_assert!(host.memory.unwrap() > 0);
            prop_assert!((1_000..=100_000).contains(&host.cpu_period.unwrap()));
            prop_assert!((1_000..=2 * host.cpu_period.unwrap()).contains(&host.cpu_quota.unwrap()));
            prop_assert!(host.pids_limit.unwrap() > 0);
            prop_assert_eq!(host.init, Some(init));
            prop_assert!(host.binds.is_none() && host.volumes_from.is_none());
            prop_assert!(host.devices.is_none() && host.device_requests.is_none());
            prop_assert!(host.device_cgroup_rules.is_none() && host.sysctls.is_none());
            prop_assert!(host.pid_mode.is_none() && host.uts_mode.is_none());
            prop_assert!(host.userns_mode.is_none() && host.port_bindings.is_none());
            prop_assert_eq!(host.ipc_mode.as_deref(), Some("private"));
            prop_assert_eq!(host.network_mode.as_deref(), Some("net"));
            for mount in host.mounts.unwrap() {
                if mount.typ == Some(MountType::BIND) && mount.target.as_deref() == Some("/pipe") {
                    prop_assert_eq!(mount.read_only, Some(true));
                    prop_assert!(script);
                    continue;
                }
                if mount.typ == Some(MountType::BIND) {
                    prop_assert_eq!(mount.source.as_deref(), Some("/pool/x/data"));
                    prop_assert_eq!(mount.target.as_ref(), plan.data.as_ref().map(|data| &data.path));
                    prop_assert!(plan.data.is_some());
                    continue;
                }
                prop_assert_eq!(mount.typ, Some(MountType::VOLUME));
                prop_assert!(mount.source.unwrap().starts_with(&plan.volume_owner));
                let labels = mount.volume_options.unwrap().labels.unwrap();
                prop_assert_eq!(Mark::read(&labels).unwrap().kind, Kind::Data);
            }
        }
    }
}
