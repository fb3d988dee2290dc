//! The variables and the container specification of a service.

use std::collections::BTreeMap;

use deploy::{
    blueprint::{Blueprint, ImageSource, Service},
    builder::BuildSecret,
    databases,
    engine::{ServiceKey, ServiceSpec},
    names::{Generation, RevisionNumber},
};
use proxy::table::HostName;
use secrecy::SecretString;

use super::names;
use crate::{
    inputs::secrets::{LOCAL, SecretError},
    lifecycle::Wanted,
    store::{DatabaseRow, PreviewRow, StoreError},
    worker::{Ports, PreviewState},
};

/// Maximum number of processes and threads of a service.
const PIDS_MAX: u32 = 256;

/// The host of a preview's main service.
pub fn main_host(ports: &Ports, row: &PreviewRow) -> Option<HostName> {
    names::host(row.subject(), None, &ports.settings.domain).ok()
}

/// The host of a public service.
pub fn service_host(ports: &Ports, row: &PreviewRow, service: &Service) -> Option<HostName> {
    let name = (!service.main).then_some(&service.name);
    names::host(row.subject(), name, &ports.settings.domain).ok()
}

/// The variables that builds and services share. Addresses are known before anything is built.
pub fn common(
    ports: &Ports,
    state: &PreviewState,
    number: RevisionNumber,
) -> BTreeMap<String, String> {
    let row = &state.row;
    let mut env = BTreeMap::new();
    let mut set = |key: &str, value: String| env.insert(key.to_owned(), value);
    set("DAYFLY_PREVIEW", row.id.to_string());
    if let Some(pull) = row.number {
        set("DAYFLY_PR", pull.0.to_string());
    }
    if let Wanted::Serve(head) = &row.desired.wanted {
        set("DAYFLY_BRANCH", head.branch.clone());
    }
    if let Some(host) = main_host(ports, row) {
        set("DAYFLY_URL", ports.settings.url(host.as_str()));
    }
    let Some(facts) = state.observed.revision(number) else {
        return env;
    };
    set("DAYFLY_COMMIT", facts.commit.to_string());
    for service in facts
        .blueprint
        .iter()
        .flat_map(|blueprint| &blueprint.services)
    {
        if let Some(host) = service_host(ports, row, service)
            && service.public
        {
            let name = service.name.as_str().to_ascii_uppercase().replace('-', "_");
            set(
                &format!("DAYFLY_URL_{name}"),
                ports.settings.url(host.as_str()),
            );
        }
    }
    env
}

/// The scope in which builds may share their cache: all pushed commits of one repository, or one
/// local checkout.
pub fn build_scope(row: &PreviewRow) -> String {
    match &row.repository {
        Some(repository) => format!("github-{}/pushed", repository.id.0),
        None => format!("local-{}", row.slug),
    }
}

/// The secrets that a service's build asks for.
///
/// # Errors
/// If the server does not have one of them.
pub fn build_secrets(
    ports: &Ports,
    row: &PreviewRow,
    service: &Service,
) -> Result<BTreeMap<String, BuildSecret>, SecretError> {
    let ImageSource::Build { secrets, .. } = &service.image else {
        return Ok(BTreeMap::new());
    };
    let repository = row.repository.as_ref();
    let repository = repository.map_or(LOCAL.to_owned(), |known| known.name.to_string());
    ports.secrets.get(&repository, secrets)
}

/// Everything the engine needs to start a service.
pub async fn service_spec(
    ports: &Ports,
    state: &PreviewState,
    number: RevisionNumber,
    service: &Service,
) -> Result<ServiceSpec, StoreError> {
    let preview = state.row.id.clone();
    let facts = state.observed.revision(number);
    let image = facts
        .and_then(|facts| facts.images.get(&service.name))
        .cloned();
    let image = image.ok_or_else(|| StoreError::Corrupt {
        what: "no image",
        why: format!(
            "{} of {number} was started before it was built",
            service.name
        ),
    })?;
    let mut env = common(ports, state, number);
    let blueprint = facts.and_then(|facts| facts.blueprint.as_ref());
    let generation = facts.and_then(|facts| facts.generation);
    if let (Some(blueprint), Some(generation)) = (blueprint, generation) {
        let databases = (blueprint, generation);
        add_databases(ports, state, databases, &service.env, &mut env).await?;
    }
    env.insert("PORT".to_owned(), service.port.to_string());
    env.extend(service.env.clone());
    Ok(ServiceSpec {
        key: ServiceKey {
            preview,
            revision: number,
            service: service.name.clone(),
        },
        image,
        command: service.command.clone(),
        process: service.process.clone(),
        env,
        port: service.port,
        data: generation
            .filter(|_| blueprint.is_some_and(|blueprint| !blueprint.databases.is_empty())),
        memory_bytes: service.memory_bytes,
        cpu_milli: service.cpu_milli,
        pids_max: PIDS_MAX,
        init: service.init,
    })
}

/// Adds the URL of each database. Also adds the variables that clients read by default (`PGHOST`
/// and so on), if only one database has them and the service sets none of them.
async fn add_databases(
    ports: &Ports,
    state: &PreviewState,
    (blueprint, generation): (&Blueprint, Generation),
    own: &BTreeMap<String, String>,
    env: &mut BTreeMap<String, String>,
) -> Result<(), StoreError> {
    if blueprint.databases.is_empty() {
        return Ok(());
    }
    let known = ports.store.databases(&state.row.id).await?;
    let mut all = Vec::new();
    for database in &blueprint.databases {
        let of = |row: &&DatabaseRow| row.generation == generation && row.name == database.name;
        if let Some(row) = known.iter().find(of) {
            let password = SecretString::from(row.password.clone());
            let url = databases::url(&database.kind, &database.name, &password, None);
            env.insert(database.url_variable.clone(), url);
            all.push(databases::variables(
                &database.kind,
                &database.name,
                &password,
            ));
        }
    }
    let first = |variables: &[(&'static str, String)]| variables.first().map(|(name, _)| *name);
    for variables in &all {
        let same = |others: &&Vec<_>| first(others) == first(variables);
        let alone = all.iter().filter(same).count() == 1;
        let set = variables.iter().any(|(name, _)| own.contains_key(*name));
        if alone && !set {
            let variables = variables.iter();
            env.extend(variables.map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
    }
    Ok(())
}
