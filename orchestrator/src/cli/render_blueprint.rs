//! How a blueprint looks on a terminal. Pure: a blueprint in, text out.

use deploy::blueprint::{Blueprint, Database, Health, ImageSource, OnPush, SeedSource, Service};

use super::{output::Output, units::bytes};
use crate::text;

/// The services and databases of a blueprint, each with its facts and the reasons for its defaults.
pub(super) fn tree(blueprint: &Blueprint, output: Output) -> String {
    let mut notes: Vec<&str> = blueprint.notes.iter().map(String::as_str).collect();
    let mut lines = vec![format!("read from {}", text::plain(&blueprint.origin))];
    for service in &blueprint.services {
        lines.push(String::new());
        lines.push(heading("service", service.name.as_str(), output));
        lines.extend(service_facts(service).into_iter().map(fact));
        let prefix = format!("service {}: ", service.name);
        lines.extend(reasons(&mut notes, &prefix, output));
    }
    for database in &blueprint.databases {
        lines.push(String::new());
        lines.push(heading("database", database.name.as_str(), output));
        lines.extend(database_facts(database).into_iter().map(fact));
        let prefix = format!("database {}: ", database.name);
        lines.extend(reasons(&mut notes, &prefix, output));
    }
    if !notes.is_empty() || !blueprint.missing.is_empty() {
        lines.push(String::new());
    }
    let rest = notes
        .into_iter()
        .chain(blueprint.missing.iter().map(String::as_str));
    lines.extend(rest.map(|note| format!("note: {}", text::plain(note))));
    lines.push(String::new());
    lines.push(verdict(blueprint));
    lines.join("\n")
}

fn verdict(blueprint: &Blueprint) -> String {
    let public = blueprint.services.iter().filter(|service| service.public);
    format!(
        "Dayfly can preview this: {}, {}, {}.",
        counted(blueprint.services.len(), "service"),
        counted(public.count(), "URL"),
        counted(blueprint.databases.len(), "database")
    )
}

fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn heading(kind: &str, name: &str, output: Output) -> String {
    format!("{kind} {}", output.strong(name))
}

fn fact((name, value): (&str, String)) -> String {
    format!("  {name:<9}{}", text::plain(&value))
}

/// Takes the notes about one service or database, and shows them without its name.
fn reasons(notes: &mut Vec<&str>, prefix: &str, output: Output) -> Vec<String> {
    let mut taken = Vec::new();
    notes.retain(|note| match note.strip_prefix(prefix) {
        Some(note) => {
            taken.push(output.faint(&format!("  - {}", text::plain(note))));
            false
        }
        None => true,
    });
    taken
}

fn service_facts(service: &Service) -> Vec<(&'static str, String)> {
    let mut facts = vec![("image", image(&service.image))];
    facts.push((
        "url",
        match (service.public, service.main) {
            (false, _) => "none: only the preview's own services reach it".to_owned(),
            (true, true) => "the preview's own URL".to_owned(),
            (true, false) => format!("its own, with {} in its name", service.name),
        },
    ));
    facts.push(("port", port(service)));
    facts.push(("ready", health(&service.health)));
    if let Some(command) = &service.command {
        facts.push(("command", command.0.join(" ")));
    }
    if !service.env.is_empty() {
        let names: Vec<&str> = service.env.keys().map(String::as_str).collect();
        facts.push(("env", names.join(", ")));
    }
    facts.push((
        "limits",
        format!(
            "{} of memory, {}",
            memory(service.memory_bytes),
            cpus(service.cpu_milli)
        ),
    ));
    facts
}

fn port(service: &Service) -> String {
    match service.port_is_default {
        true => format!("{}, unless its image exposes another", service.port),
        false => service.port.to_string(),
    }
}

fn image(image: &ImageSource) -> String {
    match image {
        ImageSource::Reference(reference) => reference.clone(),
        ImageSource::Build {
            context,
            dockerfile,
            target,
            ..
        } => {
            let stage = target.as_ref();
            let stage = stage.map_or_else(String::new, |stage| format!(", stage {stage}"));
            let folder = if context.is_empty() { "." } else { context };
            format!("built from {folder} with {dockerfile}{stage}")
        }
    }
}

fn health(health: &Health) -> String {
    match health {
        Health::Path(path) => format!("when GET {path} answers 200 to 399"),
        Health::Default => "when GET / answers below 500".to_owned(),
        Health::Tcp => "when it accepts connections".to_owned(),
        Health::Running => "when it runs".to_owned(),
        Health::Check(check) => format!("when its health check succeeds: {}", check.run.join(" ")),
    }
}

/// Whole sizes without a fraction.
fn memory(count: u64) -> String {
    bytes(count).replace(".0 ", " ")
}

/// Thousandths of a processor as a number without trailing zeros.
fn cpus(milli: u64) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    let number = text.trim_end_matches('0').trim_end_matches('.');
    format!("{number} CPU{}", if number == "1" { "" } else { "s" })
}

fn database_facts(database: &Database) -> Vec<(&'static str, String)> {
    let mut facts = vec![("image", database.image.clone())];
    facts.push((
        "seed",
        database
            .seed
            .as_ref()
            .map_or_else(|| "none: it starts empty".to_owned(), seed),
    ));
    if let Some(migrate) = &database.migrate {
        let command = migrate.run.0.join(" ");
        facts.push((
            "migrate",
            format!("{command} (in the image of {})", migrate.service),
        ));
    }
    facts.push((
        "push",
        match database.on_push {
            OnPush::Keep => "keeps the data",
            OnPush::Reset => "recreates the data from the seed",
            OnPush::ResetIfMigrationsChanged => "recreates the data if a migration changed",
        }
        .to_owned(),
    ));
    facts.push((
        "address",
        format!("in the variable {}", database.url_variable),
    ));
    facts.push((
        "limits",
        format!("{} of memory", memory(database.memory_bytes)),
    ));
    facts
}

fn seed(seed: &SeedSource) -> String {
    match seed {
        SeedSource::Sql { paths, .. } => match paths.as_slice() {
            [first, .., last] => format!("{} files, from {first} to {last}", paths.len()),
            paths => paths.concat(),
        },
        SeedSource::PgCustom { path } | SeedSource::Rdb { path } => path.clone(),
        SeedSource::PgDirectory { path, .. } => format!("the folder {path} of pg_dump"),
        SeedSource::Run { run, service } => {
            format!("{} (in the image of {service})", run.0.join(" "))
        }
        SeedSource::Snapshot { name } => format!("the snapshot {name} of the server"),
    }
}
