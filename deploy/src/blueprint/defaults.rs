//! Turns a draft into a blueprint: checks it against the commit, and notes every default it chose.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Blueprint, BlueprintError, BlueprintVersion, Health, ImageSource, Service,
    databases::resolve_databases,
    dockerfile,
    draft::{Draft, Place, ServiceDraft},
    port::port_by_default,
};
use crate::{names::ServiceName, source::Tree};

const MEMORY_BYTES_DEFAULT: u64 = 512 << 20;
const CPU_MILLI_DEFAULT: u64 = 1000;
/// Names of services that probably are the main one.
const MAIN_NAMES: [&str; 3] = ["web", "app", "main"];

/// Fills in the defaults of the draft.
pub(super) async fn resolve(tree: &Tree, draft: Draft) -> Result<Blueprint, BlueprintError> {
    let Draft {
        top,
        mut services,
        databases,
        mut notes,
    } = draft;
    if services.is_empty() {
        // A file that only has databases is combined with the Dockerfile at the root.
        let web = ServiceName::parse("web").map_err(|wrong| top.error(wrong.to_string()))?;
        notes.push("service web: added, since no service is given.".to_owned());
        services.push(ServiceDraft::bare(web, top.clone()));
    }
    let main = main(&top, &services, &mut notes)?;
    let mut resolved = Vec::with_capacity(services.len());
    for (at, service) in services.iter().enumerate() {
        resolved.push(resolve_service(tree, service, at == main, &mut notes).await?);
    }
    let databases = resolve_databases(tree, databases, &services, &mut notes).await?;
    let origin = top.file.as_ref().to_owned();
    Ok(Blueprint {
        version: BlueprintVersion::default(),
        origin,
        services: resolved,
        databases,
        notes,
        missing: Vec::new(),
    })
}

/// The service that the preview's own URL leads to.
fn main(
    top: &Place,
    services: &[ServiceDraft],
    notes: &mut Vec<String>,
) -> Result<usize, BlueprintError> {
    let chosen = |service: &ServiceDraft| service.main.as_ref().is_some_and(|(main, _)| *main);
    let mut marked = services
        .iter()
        .enumerate()
        .filter(|(_, service)| chosen(service));
    if let Some((at, first)) = marked.next() {
        if let Some((_, second)) = marked.next() {
            let place = second.main.as_ref().map_or(top, |(_, at)| at);
            let message = format!(
                "services {} and {} are both `main`; a preview's URL leads to one",
                first.name, second.name
            );
            return Err(place.error(message));
        }
        return Ok(at);
    }
    let may = |service: &ServiceDraft| service.public.unwrap_or(true) && service.main.is_none();
    let public: Vec<usize> = (0..services.len())
        .filter(|at| may(&services[*at]))
        .collect();
    let named = public.iter().filter_map(|at| {
        let rank = MAIN_NAMES
            .iter()
            .position(|name| *name == services[*at].name.as_str())?;
        Some((rank, *at))
    });
    let (at, why) = match (public.as_slice(), named.min()) {
        ([], _) => {
            let first = services.first().map_or(top, |service| &service.at);
            let message = "no service is public, so the preview's URL would lead nowhere; set \
                           `public = true` for one, and do not set `main = false` for all";
            return Err(first.error(message));
        }
        ([only], _) => (*only, "it is the only public one"),
        (_, Some((_, at))) => (at, "of its name"),
        ([first, ..], None) => (*first, "it is the first public one"),
    };
    if services.len() > 1 {
        let because = if why == "of its name" {
            "because"
        } else {
            "since"
        };
        let name = &services[at].name;
        notes.push(format!(
            "service {name}: the preview's URL leads to it, {because} {why}."
        ));
    }
    Ok(at)
}

async fn resolve_service(
    tree: &Tree,
    draft: &ServiceDraft,
    main: bool,
    notes: &mut Vec<String>,
) -> Result<Service, BlueprintError> {
    let name = &draft.name;
    let mut note = |text: String| notes.push(format!("service {name}: {text}."));
    let (image, at) = draft.image.clone().unwrap_or_else(|| {
        note(
            "built from the Dockerfile at the root, since neither `build` nor `image` is given"
                .into(),
        );
        let (context, dockerfile) = (String::new(), "Dockerfile".to_owned());
        let build = ImageSource::Build {
            context,
            dockerfile,
            target: None,
            args: BTreeMap::new(),
            secrets: Vec::new(),
        };
        (build, draft.at.clone())
    });
    let exposed = match &image {
        ImageSource::Build { .. } => exposed(tree, draft, &image, &at).await?,
        ImageSource::Reference(_) => BTreeSet::new(),
    };
    let public = draft.public.unwrap_or_else(|| {
        note("it has a URL by default".into());
        true
    });
    let (port, port_is_default) = draft.port.map_or_else(
        || {
            let (port, why, is_open) = port_by_default(&exposed, &image);
            note(format!("port {port}, {why}"));
            (port, is_open)
        },
        |port| (port, false),
    );
    let health = draft.health.clone().unwrap_or_else(|| {
        let (health, text) = health(public, private_port(draft, &exposed));
        note(format!("{text}, by default"));
        health
    });
    let (memory_bytes, cpu_milli) = resources(draft, &mut note);
    let env = variables(draft, &mut note);
    let (name, command) = (name.clone(), draft.command.clone());
    let process = draft.process.clone();
    Ok(Service {
        name,
        image,
        public,
        main,
        port,
        port_is_default,
        health,
        command,
        process,
        env,
        memory_bytes,
        cpu_milli,
        init: draft.init,
    })
}

fn variables(draft: &ServiceDraft, note: &mut impl FnMut(String)) -> BTreeMap<String, String> {
    let env = draft.env.iter();
    env.map(|(variable, (value, _))| {
        if value.contains("{pr}") || value.contains("{commit}") {
            note(format!(
                "`{{pr}}` and `{{commit}}` in {variable} are not replaced yet"
            ));
        }
        (variable.clone(), value.clone())
    })
    .collect()
}

fn resources(draft: &ServiceDraft, note: &mut impl FnMut(String)) -> (u64, u64) {
    let memory_bytes = draft.memory_bytes.unwrap_or_else(|| {
        note("512 MiB of memory by default".into());
        MEMORY_BYTES_DEFAULT
    });
    let cpu_milli = draft.cpu_milli.unwrap_or_else(|| {
        note("one CPU by default".into());
        CPU_MILLI_DEFAULT
    });
    (memory_bytes, cpu_milli)
}

/// The ports that the Dockerfile exposes; the Dockerfile must be in the commit.
async fn exposed(
    tree: &Tree,
    draft: &ServiceDraft,
    image: &ImageSource,
    at: &Place,
) -> Result<BTreeSet<u16>, BlueprintError> {
    let ImageSource::Build {
        context,
        dockerfile,
        target,
        ..
    } = image
    else {
        return Ok(BTreeSet::new());
    };
    let name = &draft.name;
    if !tree.has_folder(context).await? {
        let why = tree.absence(context, "folder");
        let message = format!("service {name} is built from {context}, but {why}");
        return Err(at.error(message));
    }
    let path = if context.is_empty() {
        dockerfile.clone()
    } else {
        format!("{context}/{dockerfile}")
    };
    let Some(text) = tree.read(&path).await? else {
        let why = tree.absence(&path, "file");
        let message = format!("service {name} is built from {path}, but {why}");
        return Err(at.error(message));
    };
    dockerfile::exposed(&String::from_utf8_lossy(&text), target.as_deref()).map_err(|_| {
        let target = target.as_deref().unwrap_or_default();
        at.error(format!("service {name}: {path} has no stage {target:?}"))
    })
}

/// Where a private service's port comes from.
enum PrivatePort {
    /// Its own `port`, or its image's EXPOSE.
    Named,
    /// Only EXPOSE, which describes the image's own command, but the service has another one.
    OfAnotherCommand,
    /// It has no port.
    Unnamed,
}

fn private_port(draft: &ServiceDraft, exposed: &BTreeSet<u16>) -> PrivatePort {
    match (draft.port, exposed.is_empty(), &draft.command) {
        (Some(_), _, _) | (None, false, None) => PrivatePort::Named,
        (None, false, Some(_)) => PrivatePort::OfAnotherCommand,
        (None, true, _) => PrivatePort::Unnamed,
    }
}

fn health(public: bool, port: PrivatePort) -> (Health, &'static str) {
    match (public, port) {
        (true, _) => (
            Health::Default,
            "ready when `GET /` answers anything below 500",
        ),
        (false, PrivatePort::Unnamed) => (
            Health::Running,
            "ready a second after its start, since no port is named",
        ),
        (false, PrivatePort::OfAnotherCommand) => (
            Health::Running,
            "ready a second after its start, since EXPOSE may not apply to its own command",
        ),
        (false, PrivatePort::Named) => (Health::Tcp, "ready when it accepts connections"),
    }
}
