//! Previews: their desired states, and the reports to the forge.

use deploy::names::PreviewId;
use rusqlite::{Connection, OptionalExtension, Savepoint, params};
use webhook::names::{PullRequestNumber, RepositoryId};

use super::{
    preview_row::{COLUMNS, PreviewRow, Raw},
    repositories,
    revisions::{self, NewRevision},
    writer::{Store, StoreError, parse_stored, to_json},
};
use crate::{
    lifecycle::{Desired, Head, Origin, Parent, Read, Wanted, intent},
    preview::{names, start_path::StartPath},
};

/// A new preview of a local checkout.
#[derive(Clone, Debug)]
pub struct NewPreview {
    /// Its id.
    pub id: PreviewId,
    /// The checkout's slug.
    pub slug: String,
}

/// A new copy of a preview, or a new standalone database.
#[derive(Clone, Debug)]
pub struct NewCopy {
    /// Its id.
    pub id: PreviewId,
    /// The slug of its source.
    pub slug: String,
    /// [`Origin::Fork`], [`Origin::Capture`] or [`Origin::Database`].
    pub origin: Origin,
    /// The source of the copy; none for a standalone database.
    pub parent: Option<Parent>,
    /// The repository of its source.
    pub repository: Option<RepositoryId>,
    /// The commit that it serves.
    pub head: Head,
    /// A note for people.
    pub note: Option<String>,
    /// The path in the application that its link opens.
    pub path: Option<StartPath>,
    /// When it expires; milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
}

impl Store {
    /// One preview.
    pub async fn preview(&self, id: &PreviewId) -> Result<Option<PreviewRow>, StoreError> {
        let id = id.clone();
        self.read(move |connection| find(connection, &id)).await
    }

    /// All previews, oldest first.
    pub async fn previews(&self) -> Result<Vec<PreviewRow>, StoreError> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM previews ORDER BY created_at, id");
            let mut statement = connection.prepare_cached(&sql)?;
            let raws = statement
                .query_map([], Raw::read)?
                .collect::<Result<Vec<_>, _>>()?;
            raws.into_iter().map(|raw| raw.parse(connection)).collect()
        })
        .await
    }

    /// The preview of a pull request, created where it is missing, with its refresh counter raised.
    pub async fn refresh_pull(
        &self,
        repository: webhook::forge::Repository,
        number: PullRequestNumber,
        now_ms: u64,
    ) -> Result<PreviewId, StoreError> {
        self.write(move |tx| {
            repositories::hear_of(tx, repository.id, &repository.name, now_ms)?;
            let id = ensure_for_pull(tx, repository.id, number, now_ms)?;
            request_refresh(tx, &id, now_ms)?;
            Ok(id)
        })
        .await
    }

    /// Raises the refresh counter of a preview.
    pub async fn request_refresh(&self, id: &PreviewId, now_ms: u64) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |tx| request_refresh(tx, &id, now_ms)).await
    }

    /// Reads and changes the desired state of a preview in one transaction. Returns the result of the
    /// change, or none if there is no such preview.
    pub async fn change_desired<T: Send + 'static>(
        &self,
        id: &PreviewId,
        now_ms: u64,
        change: impl FnOnce(&mut Desired) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let id = id.clone();
        self.write(move |tx| {
            let Some(row) = find(tx, &id)? else {
                return Ok(None);
            };
            let mut desired = row.desired.clone();
            let said = change(&mut desired);
            save_desired(tx, &row, &desired, now_ms)?;
            Ok(Some(said))
        })
        .await
    }

    /// Applies a reading of the forge.
    pub async fn apply_read(
        &self,
        id: &PreviewId,
        read: Read,
        repository: Option<webhook::forge::Repository>,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |tx| {
            if let Some(repository) = repository {
                repositories::hear_of(tx, repository.id, &repository.name, read.at_ms)?;
            }
            let Some(row) = find(tx, &id)? else {
                return Ok(());
            };
            save_desired(tx, &row, &intent(&row.desired, &read), read.at_ms)
        })
        .await
    }

    /// Creates the preview of a local checkout where it is missing.
    pub async fn ensure_local(&self, new: NewPreview, now_ms: u64) -> Result<(), StoreError> {
        self.write(move |tx| insert(tx, &new.id, Origin::Local, None, &new.slug, now_ms))
            .await
    }

    /// Creates a copy of a preview, or a standalone database, with its desired state and, where it
    /// is known already, its first revision. Returns `false` where `at_most` such previews exist.
    pub async fn add_copy(
        &self,
        new: NewCopy,
        first: Option<NewRevision>,
        at_most: usize,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        self.write(move |tx| {
            let there: u32 = tx
                .prepare_cached(
                    "SELECT count(*) FROM previews WHERE taken IS NOT NULL AND gone_at IS NULL",
                )?
                .query_row([], |row| row.get(0))?;
            if u64::from(there) >= at_most as u64 {
                return Ok(false);
            }
            insert(tx, &new.id, Origin::Local, None, &new.slug, now_ms)?;
            let taken = match new.origin {
                Origin::Capture => "capture",
                Origin::Database => "database",
                _ => "fork",
            };
            tx.prepare_cached(
                "UPDATE previews SET taken = ?2, parent = ?3, note = ?4, expires_at = ?5,
                     repository_id = ?6, wanted = ?7, path = ?8
                 WHERE id = ?1",
            )?
            .execute(params![
                new.id.as_str(),
                taken,
                optional("the origin of a copy", new.parent.as_ref())?,
                new.note,
                new.expires_at_ms.map(u64::cast_signed),
                new.repository.map(|id| id.0.cast_signed()),
                to_json("a desired state", &Wanted::Serve(new.head))?,
                new.path.as_ref().map(StartPath::as_str),
            ])?;
            if let Some(first) = first {
                revisions::begin(tx, &new.id, &first, now_ms)?;
            }
            Ok(true)
        })
        .await
    }

    /// Requests a new report to the forge for every preview that is not gone.
    pub async fn forget_reports(&self) -> Result<(), StoreError> {
        let sql = "UPDATE previews SET reported = NULL WHERE gone_at IS NULL";
        self.execute(sql, ()).await
    }

    /// Stores the last report to the forge.
    pub async fn set_reported(&self, id: &PreviewId, key: String) -> Result<(), StoreError> {
        let sql = "UPDATE previews SET reported = ?2 WHERE id = ?1";
        self.execute(sql, (id.to_string(), key)).await
    }

    /// Stores whether deployment records may exist on the forge.
    pub async fn set_records(&self, id: &PreviewId, records: bool) -> Result<(), StoreError> {
        let sql = "UPDATE previews SET records = ?2 WHERE id = ?1";
        self.execute(sql, (id.to_string(), records)).await
    }

    /// Stores the time of the last visit. The sweep calls this each minute, so visits cost no
    /// writes.
    pub async fn note_visit(&self, id: &PreviewId, at_ms: u64) -> Result<(), StoreError> {
        let sql = "UPDATE previews SET visited_at = max(coalesce(visited_at, 0), ?2) WHERE id = ?1";
        self.execute(sql, (id.to_string(), at_ms.cast_signed()))
            .await
    }

    /// Ends a life of which nothing is left. The next life starts with fresh data.
    pub async fn confirm_gone(&self, id: &PreviewId, now_ms: u64) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |tx| {
            let row = find(tx, &id)?;
            // A request for the next life may have come meanwhile: then the preview is not gone.
            let next = row.is_some_and(|row| matches!(row.desired.wanted, Wanted::Serve(_)));
            tx.prepare_cached(
                "UPDATE previews SET life = life + 1, clearing = 0, updated_at = ?2,
                     gone_at = CASE WHEN ?3 THEN NULL ELSE ?2 END,
                     reset = NULL, recall = NULL, link_serial = 0, link_expires_at = NULL
                 WHERE id = ?1",
            )?
            .execute(params![id.as_str(), now_ms.cast_signed(), next])?;
            for table in ["databases", "generations", "sessions"] {
                let sql = format!("DELETE FROM {table} WHERE preview = ?1");
                tx.prepare_cached(&sql)?.execute([id.as_str()])?;
            }
            Ok(())
        })
        .await
    }
}

/// One preview.
pub(super) fn find(
    connection: &Connection,
    id: &PreviewId,
) -> Result<Option<PreviewRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM previews WHERE id = ?1");
    let raw = connection
        .prepare_cached(&sql)?
        .query_row([id.as_str()], Raw::read)
        .optional()?;
    raw.map(|raw| raw.parse(connection)).transpose()
}

/// The id of a pull request's preview; its row is created where it is missing. The repository is
/// known.
pub(super) fn ensure_for_pull(
    tx: &Savepoint<'_>,
    repository: RepositoryId,
    number: PullRequestNumber,
    now_ms: u64,
) -> Result<PreviewId, StoreError> {
    let known = repositories::find(tx, repository)?;
    let slug = known
        .map(|row| row.slug)
        .ok_or_else(|| StoreError::Corrupt {
            what: "a preview of an unknown repository",
            why: format!("{}", repository.0),
        })?;
    let id = names::pull_preview_id(&slug, number).map_err(|error| StoreError::Corrupt {
        what: "a slug",
        why: error.to_string(),
    })?;
    insert(
        tx,
        &id,
        Origin::PullRequest,
        Some((repository, number)),
        &slug,
        now_ms,
    )?;
    Ok(id)
}

fn insert(
    tx: &Savepoint<'_>,
    id: &PreviewId,
    origin: Origin,
    pull: Option<(RepositoryId, PullRequestNumber)>,
    slug: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    let origin = match origin.asks_forge() {
        true => "pull-request",
        false => "local",
    };
    tx.prepare_cached(
        "INSERT INTO previews
             (id, origin, repository_id, number, slug, wanted, created_at, updated_at, pushed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?7) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        id.as_str(),
        origin,
        pull.map(|(repository, _)| repository.0.cast_signed()),
        pull.map(|(_, number)| number.0.cast_signed()),
        slug,
        to_json("a desired state", &Wanted::Unread)?,
        now_ms.cast_signed(),
    ])?;
    Ok(())
}

/// Raises the refresh counter.
pub(super) fn request_refresh(
    tx: &Savepoint<'_>,
    id: &PreviewId,
    now_ms: u64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE previews SET looks_raised = looks_raised + 1, updated_at = ?2 WHERE id = ?1",
    )?
    .execute(params![id.as_str(), now_ms.cast_signed()])?;
    Ok(())
}

/// The previews of a repository.
pub(super) fn ids_of_repository(
    tx: &Savepoint<'_>,
    repository: RepositoryId,
) -> Result<Vec<PreviewId>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT id FROM previews WHERE repository_id = ?1")?;
    let ids = statement.query_map([repository.0.cast_signed()], |row| row.get::<_, String>(0))?;
    ids.map(|id| parse_stored("a preview id", &id?)).collect()
}

fn save_desired(
    tx: &Savepoint<'_>,
    before: &PreviewRow,
    desired: &Desired,
    now_ms: u64,
) -> Result<(), StoreError> {
    let head = |desired: &Desired| match &desired.wanted {
        Wanted::Serve(head) => Some(head.commit.clone()),
        _ => None,
    };
    let pushed = head(desired).is_some() && head(desired) != head(&before.desired);
    let pushed_at_ms = if pushed { now_ms } else { before.pushed_at_ms };
    let hold = optional("a hold of a preview", desired.hold.as_ref())?;
    tx.prepare_cached(
        "UPDATE previews SET life = ?2, wanted = ?3, looks_raised = ?4, looks_applied = ?5,
             request = ?6, confirmed = ?7, clearing = ?8, hold = ?9, missing_since = ?10,
             updated_at = ?11, pushed_at = ?12,
             gone_at = CASE WHEN ?13 THEN NULL ELSE gone_at END, reset = ?14, recall = ?15
         WHERE id = ?1",
    )?
    .execute(params![
        before.id.as_str(),
        desired.life,
        to_json("a desired state", &desired.wanted)?,
        desired.refresh_requested.cast_signed(),
        desired.refresh_applied.cast_signed(),
        desired.request.cast_signed(),
        desired.confirmed.map(|number| number.0),
        desired.clearing,
        hold,
        desired.missing_since_ms.map(u64::cast_signed),
        now_ms.cast_signed(),
        pushed_at_ms.cast_signed(),
        head(desired).is_some(),
        optional("a request for fresh data", desired.reset.as_ref())?,
        optional("the target of an undo", desired.rollback.as_ref())?,
    ])?;
    Ok(())
}

fn optional<T: serde::Serialize>(
    what: &'static str,
    value: Option<&T>,
) -> Result<Option<String>, StoreError> {
    value.map(|value| to_json(what, value)).transpose()
}

#[cfg(test)]
mod tests {
    use deploy::names::{CommitSha, RevisionNumber};

    use super::*;
    use crate::{
        lifecycle::{Ending, Head},
        store::{EventRow, NewRevision, inherit::Inherited},
    };

    #[tokio::test]
    async fn steps_of_an_earlier_life_are_told_until_another_life_begins() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("dayfly.db")).unwrap();
        let id = PreviewId::parse("up-1").unwrap();
        let slug = "up".to_owned();
        let again = || NewPreview {
            id: id.clone(),
            slug: slug.clone(),
        };
        store.ensure_local(again(), 1).await.unwrap();
        let number = RevisionNumber(1);
        let new = NewRevision {
            number,
            commit: CommitSha::parse(&"a".repeat(40)).unwrap(),
            request: 0,
            inherited: Inherited::default(),
        };
        store.begin_revision(&id, new, 1).await.unwrap();
        let event = EventRow {
            revision: Some(number.0),
            at_ms: 1,
            step: "build web".to_owned(),
            took_ms: 1,
            note: None,
        };
        store.add_event(&id, Some(number), event).await.unwrap();
        let told = async || store.events_of_life(&id).await.unwrap().len();
        assert_eq!(told().await, 1);
        let end = |desired: &mut Desired| desired.end(Ending::Closed);
        store.change_desired(&id, 2, end).await.unwrap();
        store.confirm_gone(&id, 3).await.unwrap();
        assert_eq!(told().await, 1, "it is gone, and says what was done for it");
        let serve = |desired: &mut Desired| desired.wanted = Wanted::Serve(head());
        store.change_desired(&id, 4, serve).await.unwrap();
        assert_eq!(told().await, 0, "another preview of this name has begun");
    }

    fn head() -> Head {
        Head {
            commit: CommitSha::parse(&"a".repeat(40)).unwrap(),
            branch: "main".to_owned(),
            base: "main".to_owned(),
            author: "ada".to_owned(),
            title: "a title".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_was_asked_for_again_while_it_was_cleared_away_is_not_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("dayfly.db")).unwrap();
        let id = PreviewId::parse("up-1").unwrap();
        let slug = "up".to_owned();
        let new = NewPreview {
            id: id.clone(),
            slug,
        };
        store.ensure_local(new, 1).await.unwrap();
        for (again, gone_at_ms) in [(false, Some(3)), (true, None)] {
            let change = move |desired: &mut Desired| {
                desired.end(Ending::Closed);
                if again {
                    desired.wanted = Wanted::Serve(head());
                }
            };
            store.change_desired(&id, 2, change).await.unwrap();
            store.confirm_gone(&id, 3).await.unwrap();
            let row = store.preview(&id).await.unwrap().unwrap();
            assert_eq!(row.gone_at_ms, gone_at_ms, "asked for again: {again}");
            assert!(!row.desired.clearing);
        }
    }
}
