//! A preview as stored, and how its row is read.

use deploy::names::{PreviewId, RevisionNumber};
use rusqlite::{Connection, Row};
use webhook::names::{PullRequestNumber, RepositoryId};

use super::{
    repositories::{self, RepositoryRow},
    writer::{StoreError, from_json, parse_stored},
};
use crate::{
    config::LinkKey,
    lifecycle::{Desired, Origin},
    preview::{names::Subject, start_path::StartPath},
};

/// A preview as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewRow {
    /// Its id.
    pub id: PreviewId,
    /// Its repository; none for a local checkout.
    pub repository: Option<RepositoryRow>,
    /// Its pull request; none for a local checkout.
    pub number: Option<PullRequestNumber>,
    /// The part of its host names that identifies its repository or checkout.
    pub slug: String,
    /// Its desired state.
    pub desired: Desired,
    /// The last report to the forge.
    pub reported: Option<String>,
    /// Whether deployment records may exist on the forge.
    pub records: bool,
    /// The highest generation of databases so far.
    pub last_generation: u32,
    /// The note that a user gave to a fork or a capture.
    pub note: Option<String>,
    /// The path in the application that its link opens; none is the root.
    pub path: Option<StartPath>,
    /// When it expires, where that was set; milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
    /// When its link expires, if before the preview; milliseconds since 1970.
    pub link_expires_at_ms: Option<u64>,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// Milliseconds since 1970.
    pub updated_at_ms: u64,
    /// When its head last changed.
    pub pushed_at_ms: u64,
    /// When a visitor last opened it.
    pub visited_at_ms: Option<u64>,
    /// When everything of it was removed.
    pub gone_at_ms: Option<u64>,
}

impl PreviewRow {
    /// The token of its link, where access is by link.
    pub fn link_token(&self, key: &LinkKey) -> String {
        key.token(&self.id, self.desired.life, self.desired.link_serial)
    }

    /// The owner of its host names.
    pub fn subject(&self) -> Subject<'_> {
        match (self.desired.origin, self.number) {
            (Origin::Fork | Origin::Capture | Origin::Database, _) => {
                Subject::Copy { id: &self.id }
            }
            (_, Some(number)) => Subject::Pull {
                repository: &self.slug,
                number,
            },
            (_, None) => Subject::Local {
                checkout: &self.slug,
            },
        }
    }
}

/// The columns of [`Raw::read`], in its order.
pub(super) const COLUMNS: &str =
    "id, origin, repository_id, number, slug, life, wanted, looks_raised,
    looks_applied, request, confirmed, clearing, hold, missing_since, reported, records,
    link_serial, created_at, updated_at, pushed_at, visited_at, gone_at, last_generation, taken,
    parent, reset, recall, note, expires_at, path, link_expires_at";

/// A row before its values are checked.
pub(super) struct Raw {
    id: String,
    origin: String,
    repository: Option<i64>,
    number: Option<i64>,
    slug: String,
    life: u32,
    wanted: String,
    refreshes: (i64, i64),
    request: i64,
    confirmed: Option<u32>,
    clearing: bool,
    hold: Option<String>,
    missing_since: Option<i64>,
    reported: Option<String>,
    records: bool,
    link_serial: u32,
    times: (i64, i64, i64, Option<i64>, Option<i64>),
    last_generation: u32,
    taken: Option<String>,
    parent: Option<String>,
    reset: Option<String>,
    rollback: Option<String>,
    note: Option<String>,
    expires_at: Option<i64>,
    path: Option<String>,
    link_expires_at: Option<i64>,
}

impl Raw {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            origin: row.get(1)?,
            repository: row.get(2)?,
            number: row.get(3)?,
            slug: row.get(4)?,
            life: row.get(5)?,
            wanted: row.get(6)?,
            refreshes: (row.get(7)?, row.get(8)?),
            request: row.get(9)?,
            confirmed: row.get(10)?,
            clearing: row.get(11)?,
            hold: row.get(12)?,
            missing_since: row.get(13)?,
            reported: row.get(14)?,
            records: row.get(15)?,
            link_serial: row.get(16)?,
            times: (
                row.get(17)?,
                row.get(18)?,
                row.get(19)?,
                row.get(20)?,
                row.get(21)?,
            ),
            last_generation: row.get(22)?,
            taken: row.get(23)?,
            parent: row.get(24)?,
            reset: row.get(25)?,
            rollback: row.get(26)?,
            note: row.get(27)?,
            expires_at: row.get(28)?,
            path: row.get(29)?,
            link_expires_at: row.get(30)?,
        })
    }

    pub(super) fn parse(self, connection: &Connection) -> Result<PreviewRow, StoreError> {
        let repository = match self.repository {
            Some(id) => repositories::find(connection, RepositoryId(id.cast_unsigned()))?,
            None => None,
        };
        let origin = match (self.origin.as_str(), self.taken.as_deref()) {
            (_, Some("fork")) => Origin::Fork,
            (_, Some("capture")) => Origin::Capture,
            (_, Some("database")) => Origin::Database,
            ("local", _) => Origin::Local,
            _ => Origin::PullRequest,
        };
        let desired = Desired {
            origin,
            wanted: from_json("a desired state", &self.wanted)?,
            refresh_requested: self.refreshes.0.cast_unsigned(),
            refresh_applied: self.refreshes.1.cast_unsigned(),
            request: self.request.cast_unsigned(),
            confirmed: self.confirmed.map(RevisionNumber),
            life: self.life,
            clearing: self.clearing,
            link_serial: self.link_serial,
            hold: json("a hold of a preview", self.hold.as_deref())?,
            parent: json("the origin of a copy", self.parent.as_deref())?,
            reset: json("a request for fresh data", self.reset.as_deref())?,
            rollback: json("the target of an undo", self.rollback.as_deref())?,
            missing_since_ms: self.missing_since.map(i64::cast_unsigned),
        };
        let (created, updated, pushed, visited, gone) = self.times;
        Ok(PreviewRow {
            id: parse_stored("a preview id", &self.id)?,
            repository,
            number: self
                .number
                .map(|number| PullRequestNumber(number.cast_unsigned())),
            slug: self.slug,
            desired,
            reported: self.reported,
            records: self.records,
            last_generation: self.last_generation,
            note: self.note,
            path: self
                .path
                .map(|path| parse_stored("a path", &path))
                .transpose()?,
            expires_at_ms: self.expires_at.map(i64::cast_unsigned),
            link_expires_at_ms: self.link_expires_at.map(i64::cast_unsigned),
            created_at_ms: created.cast_unsigned(),
            updated_at_ms: updated.cast_unsigned(),
            pushed_at_ms: pushed.cast_unsigned(),
            visited_at_ms: visited.map(i64::cast_unsigned),
            gone_at_ms: gone.map(i64::cast_unsigned),
        })
    }
}

fn json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| from_json(what, text)).transpose()
}
