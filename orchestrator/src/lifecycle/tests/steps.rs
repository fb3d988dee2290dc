//! Short names for the steps in the tests.

use deploy::engine::Stray;

use super::*;

pub(super) fn reading(confirms: Option<RevisionNumber>) -> Step {
    Step::ReadPullRequest {
        refresh: 1,
        confirms,
    }
}

pub(super) fn build(revision: RevisionNumber) -> Step {
    let service = web();
    Step::Build { revision, service }
}

pub(super) fn route(revision: RevisionNumber) -> Step {
    Step::Route { revision }
}

pub(super) fn probe(revision: RevisionNumber) -> Step {
    Step::Probe { revision }
}

pub(super) fn start(revision: RevisionNumber) -> Step {
    let service = web();
    Step::StartService { revision, service }
}

pub(super) fn remove_service(revision: RevisionNumber) -> Step {
    let service = web();
    Step::RemoveService { revision, service }
}

pub(super) fn remove_image(image: ImageId) -> Step {
    Step::RemoveImage { image }
}

/// Assigns a revision its own generation.
pub(super) fn assign(
    revision: RevisionNumber,
    generation: Generation,
    from: DataSource,
    reseed: impl IntoIterator<Item = DatabaseName>,
) -> Step {
    Step::AssignData {
        revision,
        generation,
        from,
        reseed: reseed.into_iter().collect(),
    }
}

/// Assigns a revision the unchanged generation of another revision.
pub(super) fn assign_as_is(revision: RevisionNumber, generation: Generation) -> Step {
    assign(revision, generation, DataSource::Generation(generation), [])
}

pub(super) fn is_assign(step: &Step) -> bool {
    matches!(step, Step::AssignData { .. })
}

pub(super) fn fork(
    revision: RevisionNumber,
    generation: Generation,
    from: DataSource,
    names: impl IntoIterator<Item = DatabaseName>,
) -> Step {
    Step::ForkData {
        generation,
        from,
        names: names.into_iter().collect(),
        revision,
    }
}

/// Copies `db` of the first generation into the second.
pub(super) fn copy(revision: RevisionNumber) -> Step {
    fork(revision, NEW, DataSource::Generation(OLD), [db()])
}

pub(super) fn create(revision: RevisionNumber, generation: Generation, name: DatabaseName) -> Step {
    Step::CreateDatabase {
        generation,
        name,
        revision,
    }
}

/// Creates `db` of the first generation.
pub(super) fn create_database(revision: RevisionNumber) -> Step {
    create(revision, OLD, db())
}

pub(super) fn start_database(revision: RevisionNumber, generation: Generation) -> Step {
    Step::StartDatabase {
        generation,
        name: db(),
        revision,
    }
}

pub(super) fn stop_database(generation: Generation) -> Step {
    let name = db();
    Step::StopDatabase { generation, name }
}

pub(super) fn remove_database(generation: Generation) -> Step {
    let name = db();
    Step::RemoveDatabase { generation, name }
}

pub(super) fn migrate(revision: RevisionNumber) -> Step {
    let database = db();
    Step::Migrate { revision, database }
}

pub(super) fn remove_stray(stray: &Stray) -> Step {
    let stray = stray.clone();
    Step::RemoveStray { stray }
}

pub(super) fn remove_network(network: Network) -> Step {
    Step::RemoveNetwork { network }
}

pub(super) fn ensure_network(network: Network) -> Step {
    let members = match network {
        Network::Revision(_) => 4,
        Network::Data(_) => 9,
    };
    Step::EnsureNetwork { network, members }
}

pub(super) fn is_route_change(step: &Step) -> bool {
    step.changes_route()
}

/// Every step that creates objects for a revision on a generation.
pub(super) fn creating(revision: RevisionNumber, generation: Generation) -> [Step; 7] {
    [
        ensure_network(Network::Revision(revision)),
        build(revision),
        create(revision, generation, db()),
        fork(revision, generation, elsewhere_data(), [db()]),
        start_database(revision, generation),
        migrate(revision),
        start(revision),
    ]
}
