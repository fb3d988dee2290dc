//! The modelled engine: the preview's objects, and what the model alone knows about them.
//!
//! The objects, their effects and their observation are the fake engine's
//! ([`deploy::fake::Objects`]). The model adds who asked for each, what each migration works on,
//! and when somebody else changed something.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use deploy::{
    engine::Observation,
    fake::{DatabaseAt, Objects, Run},
    names::{Generation, RevisionNumber},
};
use orchestrator::lifecycle::Observed;

use super::words;

/// The mark of every object: who asked for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin {
    /// The life of the preview in which it was asked for.
    pub(super) life: u32,
    /// Whether it appeared after whoever asked for it had gone.
    pub(super) late: bool,
}

/// What a migration's container does.
#[derive(Clone, Debug)]
pub(super) struct Migration {
    /// On which database.
    pub(super) database: DatabaseAt,
    /// When it ends, while it runs.
    pub(super) ends_at: Option<u64>,
}

/// All that there is.
#[derive(Debug, Default)]
pub(super) struct Engine {
    /// The preview's objects.
    pub(super) objects: Objects<Origin>,
    /// What the containers of commands do, also after their removal.
    pub(super) migrations: BTreeMap<u64, Migration>,
    /// Databases whose server was once seen to answer with the password of this preview.
    pub(super) answering: BTreeSet<DatabaseAt>,
    /// Generations of which somebody deleted data.
    pub(super) damaged: BTreeSet<Generation>,
    /// Until when it does not answer.
    pub(super) away_until: u64,
    /// When somebody else last changed something, or something appeared late.
    pub(super) outside_at: u64,
    /// Numbers for images, runs and addresses.
    pub(super) counter: u64,
}

impl Engine {
    /// A number that was never given before.
    pub(super) fn fresh_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// An address in a revision's network.
    pub(super) fn address(revision: RevisionNumber, host: u64) -> SocketAddr {
        let part = |value: u64| u8::try_from(value % 250).unwrap_or(0);
        let ip = Ipv4Addr::new(
            10,
            part(u64::from(revision.0)),
            part(host / 250),
            part(host),
        );
        SocketAddr::new(IpAddr::V4(ip), 8080)
    }

    /// The container of a migration, and what it does.
    pub(super) fn run(&self, id: u64) -> Option<(&Run<Origin>, &Migration)> {
        Some((self.objects.runs.get(&id)?, self.migrations.get(&id)?))
    }

    /// Databases with data or a server.
    pub(super) fn databases(&self) -> impl Iterator<Item = &DatabaseAt> {
        let data = self.objects.data.keys();
        data.chain(self.objects.servers.keys())
    }

    /// What a look shows.
    pub(super) fn show(&self, observed: &mut Observed) {
        let mut seen = Observation::default();
        self.objects.observe(&words::preview(), &mut seen);
        observed.see(&seen);
    }
}
