//! Names of our objects in the engine.
//!
//! Fields are joined by `--`, which no field contains, so that no two objects can share a name.
//! Inside a preview's networks these names do not resolve: there, services and databases have their
//! plain names from the blueprint.

use sha2::{Digest, Sha256};

use crate::{
    engine::Network,
    labels::{Kind, Mark},
    names::{DatabaseName, Generation, Instance, PreviewId, RevisionNumber, ServiceName},
};

/// The longest name that Linux accepts for a network interface.
const INTERFACE_NAME_MAX: usize = 15;

/// Maximum length of a task's word in a container name; longer words are hashed.
const TASK_WORD_MAX: usize = 30;

/// Names of one preview's objects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub(super) instance: &'a Instance,
    pub(super) preview: &'a PreviewId,
}

impl Names<'_> {
    fn base(self) -> String {
        format!("dayfly-{}-{}", self.instance, self.preview)
    }

    /// A service's container.
    pub(super) fn service(self, revision: RevisionNumber, service: &ServiceName) -> String {
        format!("{}--{revision}--{service}", self.base())
    }

    /// A task's container.
    pub(super) fn task(
        self,
        revision: RevisionNumber,
        service: &ServiceName,
        task: &str,
    ) -> String {
        format!("{}--{}", self.service(revision, service), task_word(task))
    }

    /// A database's container.
    pub(super) fn database(self, generation: Generation, name: &DatabaseName) -> String {
        format!("{}--{generation}--{name}", self.base())
    }

    /// A database's container before databases had generations.
    fn database_without_generation(self, name: &DatabaseName) -> String {
        format!("{}--db--{name}", self.base())
    }

    /// The name of a network.
    pub(super) fn network(self, network: &Network) -> String {
        match network {
            Network::Revision(revision) => format!("{}--{revision}", self.base()),
            Network::Data(generation) => format!("{}--{generation}", self.base()),
        }
    }

    /// A volume of the container called `owner`, distinguished by its digest.
    pub(super) fn volume(owner: &str, spec: &str) -> String {
        format!("{owner}--v{}", spec.get(..8).unwrap_or(spec))
    }

    /// Everything before the tag of an image built for this preview.
    fn repository(self) -> String {
        format!("dayfly-{}/{}", self.instance, self.preview)
    }

    /// The tag of an image built for a service; `secret` makes it unique and unguessable.
    pub(super) fn image(
        self,
        revision: RevisionNumber,
        service: &ServiceName,
        secret: &str,
    ) -> String {
        format!("{}:{revision}-{service}.{secret}", self.repository())
    }

    /// The bridge interface of the network called `network`.
    pub(super) fn bridge(self, network: &str) -> String {
        let name = format!(
            "{}{}",
            bridge_prefix(self.instance),
            &digest(network.as_bytes())[..8]
        );
        debug_assert!(name.len() <= INTERFACE_NAME_MAX, "{name} is too long");
        name
    }
}

/// The prefix of all our bridges' names; the firewall matches it.
pub(super) fn bridge_prefix(instance: &Instance) -> String {
    format!("df{}", &instance.as_str()[..4])
}

/// Whether an object with these labels has this name.
pub(super) fn leads_to(mark: &Mark, name: &str) -> bool {
    let names = Names {
        instance: &mark.instance,
        preview: &mark.preview,
    };
    let service = ServiceName::parse(&mark.name).ok();
    let database = DatabaseName::parse(&mark.name).ok();
    let database = database.map(|database| match mark.generation {
        Some(generation) => names.database(generation, &database),
        None => names.database_without_generation(&database),
    });
    match (mark.kind, mark.revision) {
        (Kind::Service, Some(revision)) => {
            service.is_some_and(|service| names.service(revision, &service) == name)
        }
        (Kind::Task, Some(revision)) => service.is_some_and(|service| {
            let prefix = names.service(revision, &service);
            name.strip_prefix(&prefix)
                .and_then(|rest| rest.strip_prefix("--"))
                .is_some_and(|word| task_word(word) == word)
        }),
        (Kind::Database, None) => database.is_some_and(|database| database == name),
        (Kind::Network, Some(revision)) => names.network(&Network::Revision(revision)) == name,
        (Kind::DataNetwork, None) => match mark.generation {
            Some(generation) => names.network(&Network::Data(generation)) == name,
            None => format!("{}--data", names.base()) == name,
        },
        (Kind::Data, Some(revision)) => service.is_some_and(|service| {
            Names::volume(&names.service(revision, &service), &mark.spec) == name
        }),
        (Kind::Data, None) => {
            database.is_some_and(|database| Names::volume(&database, &mark.spec) == name)
        }
        _ => false,
    }
}

/// The preview, service and revision of an image, from its name. An image may have several names,
/// one for each preview that shares it; only Dayfly can create such a name.
pub(super) fn image_of(
    instance: &Instance,
    name: &str,
) -> Option<(PreviewId, RevisionNumber, ServiceName)> {
    let rest = name.strip_prefix(&format!("dayfly-{instance}/"))?;
    let (preview, tag) = rest.split_once(':')?;
    let (tag, secret) = tag.rsplit_once('.')?;
    let (revision, service) = tag.strip_prefix('r')?.split_once('-')?;
    let preview = PreviewId::parse(preview).ok()?;
    let revision = RevisionNumber(revision.parse().ok()?);
    let service = ServiceName::parse(service).ok()?;
    let names = Names {
        instance,
        preview: &preview,
    };
    (names.image(revision, &service, secret) == name).then_some((preview, revision, service))
}

/// Whether an image reference is a name that only Dayfly creates, in any instance.
pub(super) fn is_built_reference(reference: &str) -> bool {
    reference.strip_prefix("dayfly-").is_some_and(|rest| {
        rest.split_once('/')
            .is_some_and(|(instance, _)| Instance::parse(instance).is_ok())
    })
}

/// SHA-256 in hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Keeps a short slug; replaces any other word by its digest.
fn task_word(task: &str) -> String {
    match ServiceName::parse(task) {
        Ok(_) if task.len() <= TASK_WORD_MAX => task.to_owned(),
        _ => format!("t{}", &digest(task.as_bytes())[..8]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn instance() -> Instance {
        Instance::parse("0a1b2c3d").unwrap()
    }

    #[test]
    fn names_are_what_they_should_be() {
        let (instance, preview) = (instance(), PreviewId::parse("shop-1").unwrap());
        let names = Names {
            instance: &instance,
            preview: &preview,
        };
        let web = ServiceName::parse("web").unwrap();
        let revision = RevisionNumber(3);
        assert_eq!(
            names.service(revision, &web),
            "dayfly-0a1b2c3d-shop-1--r3--web"
        );
        assert_eq!(
            names.image(revision, &web, "00ff"),
            "dayfly-0a1b2c3d/shop-1:r3-web.00ff"
        );
        assert_eq!(
            names.network(&Network::Data(Generation(2))),
            "dayfly-0a1b2c3d-shop-1--g2"
        );
        assert_eq!(
            names.task(revision, &web, "migrate"),
            "dayfly-0a1b2c3d-shop-1--r3--web--migrate"
        );
        assert!(is_built_reference("dayfly-0a1b2c3d/shop-1:r3-web"));
        assert!(!is_built_reference("dayfly-web/shop"));
    }

    #[test]
    fn a_word_that_is_no_slug_is_replaced() {
        let evil = task_word("../../etc --rm `id`");
        assert!(evil.bytes().all(|b| b.is_ascii_alphanumeric()), "{evil}");
        assert_eq!(task_word(&evil), evil);
    }

    fn slug() -> impl Strategy<Value = String> {
        "[a-z][a-z0-9]{0,4}(-[a-z0-9]{1,4}){0,3}"
    }

    proptest! {
        #[test]
        fn no_two_objects_share_a_name(
            all in proptest::collection::vec((slug(), 1u32..4, slug(), slug()), 2..12),
        ) {
            let instance = instance();
            let mut seen: HashMap<String, String> = HashMap::new();
            for (preview, revision, service, task) in all {
                let preview = PreviewId::parse(&preview).unwrap();
                let names = Names { instance: &instance, preview: &preview };
                let revision = RevisionNumber(revision);
                let service = ServiceName::parse(&service).unwrap();
                let database = DatabaseName::parse(service.as_str()).unwrap();
                let made = [
                    (names.service(revision, &service), format!("{preview} {revision} {service}")),
                    (
                        names.task(revision, &service, &task),
                        format!("{preview} {revision} {service} {task}"),
                    ),
                    (
                        names.database(Generation(revision.0), &database),
                        format!("{preview} {revision} db {database}"),
                    ),
                ];
                for (name, what) in made {
                    let before = seen.insert(name.clone(), what.clone());
                    prop_assert!(before.is_none_or(|b| b == what), "{name}");
                }
                prop_assert!(names.bridge("any").len() <= INTERFACE_NAME_MAX);
            }
        }

        #[test]
        fn labels_lead_to_the_name(preview in slug(), service in slug(), task in ".{0,40}") {
            let (instance, preview) = (instance(), PreviewId::parse(&preview).unwrap());
            let names = Names { instance: &instance, preview: &preview };
            let service = ServiceName::parse(&service).unwrap();
            let mut mark = Mark {
                instance: instance.clone(),
                preview: preview.clone(),
                revision: Some(RevisionNumber(1)),
                generation: None,
                kind: Kind::Service,
                name: service.to_string(),
                spec: digest(b"x"),
                port: None,
            };
            let name = names.service(RevisionNumber(1), &service);
            prop_assert!(leads_to(&mark, &name));
            prop_assert!(!leads_to(&mark, "somebody"));
            mark.kind = Kind::Data;
            prop_assert!(leads_to(&mark, &Names::volume(&name, &mark.spec)));
            mark.kind = Kind::Task;
            prop_assert!(!leads_to(&mark, &name));
            let name = names.task(RevisionNumber(1), &service, &task);
            prop_assert!(leads_to(&mark, &name), "{name}");
            let name = names.image(RevisionNumber(1), &service, "00ff");
            let whose = (preview.clone(), RevisionNumber(1), service.clone());
            prop_assert_eq!(image_of(&instance, &name), Some(whose));
        }
    }
}
