//! Imports: a server without a network loads the data, then Dayfly masks, checks and saves it.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use futures_util::StreamExt as _;

use super::{masking::Looking, seed_run::random_password, snapshots::random_id};
use crate::{
    content::{Content, Spool},
    data_access::{Arrival, ImportSpec, Imported, Pieces},
    databases::{DataSink, DatabaseError, DatabaseSpec},
    docker::Docker,
    names::{DatabaseKey, DatabaseName, Generation, PreviewId},
    pool::{Place, Pool},
};

/// Prefix of the ids of imports. A preview's id ends in a number, in `up`, or in a letter that
/// is none of these.
const PREFIX: &str = "import-i";

/// Bytes written to the pool between two checks of its free space.
const LOOK_EVERY_BYTES: u64 = 64 << 20;

/// Time limit for the next piece of an upload.
const PIECE_WITHIN: Duration = Duration::from_secs(60);

/// CPU limit of an import, in thousandths of a processor.
const CPU_MILLI: u64 = 1_000;

impl Docker {
    pub(super) async fn spool_data<'a>(
        &self,
        pieces: Pieces<'a>,
        bytes_max: u64,
    ) -> io::Result<(Content, Arrival<'a>)> {
        let pool = self.pool_of_data().map_err(io::Error::other)?.clone();
        let spool = pool.spool().await.map_err(io::Error::other)?;
        let content = spool.content();
        Ok((content, Box::pin(arrive(pool, spool, pieces, bytes_max))))
    }

    pub(super) async fn import_data(
        &self,
        spec: ImportSpec,
        sink: &DataSink,
    ) -> Result<Imported, DatabaseError> {
        let image = self.server_image(&spec.image).await?;
        let id = random_id()?;
        let database = DatabaseSpec {
            key: import_key(&id.as_str()[..8])?,
            kind: spec.kind,
            image: spec.image,
            password: random_password()?,
            memory_bytes: spec.memory_bytes,
            cpu_milli: CPU_MILLI,
        };
        let looking = spec.mask.map_or(Looking::Names, Looking::Mask);
        let made = self
            .make(&database, &image, (spec.seed, looking), sink)
            .await?;
        made.staging.publish(&Place::Snapshot(id.clone())).await?;
        let snapshot = self.snapshot_state(&id).await?;
        let snapshot = snapshot.ok_or_else(|| DatabaseError::NoData(format!("snapshot {id}")))?;
        Ok(Imported {
            snapshot,
            report: made.report,
            personal: made.looked.found,
            unused: made.looked.unused,
        })
    }
}

/// Writes pieces to the disk as they arrive.
async fn arrive(
    pool: Pool,
    mut spool: Spool,
    mut pieces: Pieces<'_>,
    bytes_max: u64,
) -> io::Result<()> {
    let mut looked_at = None;
    loop {
        let piece = tokio::time::timeout(PIECE_WITHIN, pieces.next()).await;
        let piece = piece.map_err(|_| {
            let seconds = PIECE_WITHIN.as_secs();
            io::Error::new(ErrorKind::TimedOut, format!("no data came for {seconds} s"))
        })?;
        let Some(piece) = piece.transpose()? else {
            return spool.finish().await;
        };
        // Running databases need the reserved free space.
        let look = spool.bytes() / LOOK_EVERY_BYTES;
        if looked_at != Some(look)
            && let Some(why) = pool.blocker().await
        {
            return Err(io::Error::new(ErrorKind::StorageFull, why));
        }
        looked_at = Some(look);
        if spool.bytes() + piece.len() as u64 > bytes_max {
            return Err(ErrorKind::FileTooLarge.into());
        }
        spool.write(&piece).await?;
    }
}

/// Whether an object belongs to an import instead of a preview.
pub(crate) fn is_import(preview: &PreviewId) -> bool {
    let tail = preview.as_str().strip_prefix(PREFIX);
    tail.is_some_and(|tail| tail.len() == 8 && !tail.contains('-'))
}

fn import_key(digits: &str) -> Result<DatabaseKey, DatabaseError> {
    let wrong = |error: crate::names::NameError| DatabaseError::Pool(error.to_string());
    Ok(DatabaseKey {
        preview: PreviewId::parse(&format!("{PREFIX}{digits}")).map_err(wrong)?,
        generation: Generation(0),
        name: DatabaseName::parse("import").map_err(wrong)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_no_preview() {
        let is = |text: &str| is_import(&PreviewId::parse(text).unwrap());
        assert!(is(import_key("0a1b2c3d").unwrap().preview.as_str()));
        for preview in [
            "import-i",
            "import-up",
            "import-12345678",
            "import-i-1",
            "import-f0a1b2c3",
        ] {
            assert!(!is(preview), "{preview}");
        }
    }
}
