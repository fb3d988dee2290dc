//! Writes an archive.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use deploy::{data_access::Kept, databases::DatabaseError, source::Mirrors};
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::{
    END, End, FORMAT, LOGS, MANIFEST, Manifest, POOL, STORE, Told,
    mirrors::append_mirrors,
    packing::{Archive, BackupError, append_folder, append_json, failed},
    records::Summed,
};
use crate::{store::StoreError, worker::Ports};

/// A copy of the store that is removed when dropped.
pub(super) struct StoreCopy(PathBuf);

const COPY_PREFIX: &str = "backup-";
const COPY_SUFFIX: &str = ".db";
/// How long the random part of its name is.
const COPY_DIGITS: usize = 16;
/// How much is told of one reason why data is left out: all of them go into one short record.
const WHY_CHARS_MAX: usize = 500;

impl StoreCopy {
    fn name() -> Result<String, StoreError> {
        let digits = deploy::random::hex::<{ COPY_DIGITS / 2 }>()?;
        Ok(format!("{COPY_PREFIX}{digits}{COPY_SUFFIX}"))
    }

    /// Whether a file of that name is the leftover of a crash.
    pub(super) fn is_one(name: &str) -> bool {
        let digits = name.strip_prefix(COPY_PREFIX);
        let digits = digits.and_then(|rest| rest.strip_suffix(COPY_SUFFIX));
        digits.is_some_and(|digits| {
            digits.len() == COPY_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }
}

impl Drop for StoreCopy {
    fn drop(&mut self) {
        // Best effort: the next copy has another name, and the next start removes leftovers.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// Writes everything in the data directory `data` that has to survive; blocks, and needs a runtime.
pub fn write(
    ports: &Ports,
    mirrors: &Mirrors,
    data: &Path,
    with_data: bool,
    sink: &mut dyn Write,
) -> Result<(), BackupError> {
    let runtime = Handle::current();
    let mut sink = Summed::new(sink);
    let mut archive: Archive<'_> = tar::Builder::new(&mut sink);
    archive.follow_symlinks(false);
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: ports.store.instance().to_string(),
        made_at: Timestamp::now(),
        data: with_data,
    };
    let at = u64::try_from(manifest.made_at.as_second()).unwrap_or(0);
    append_json(&mut archive, MANIFEST, &manifest, at)?;
    let copy = StoreCopy(data.join(StoreCopy::name()?));
    runtime.block_on(ports.store.copy_to(&copy.0))?;
    let file = File::open(&copy.0);
    file.and_then(|mut file| archive.append_file(STORE, &mut file))
        .map_err(|cause| failed(STORE, cause))?;
    drop(copy);
    let mut needless = Told::default();
    append_mirrors(&mut archive, mirrors, data, &mut needless)?;
    append_folder(&mut archive, data, Path::new(LOGS))?;
    let mut end = End::default();
    if with_data {
        for kept in runtime.block_on(ports.data_access.kept())? {
            for why in append_data(&mut archive, ports, &runtime, &kept)? {
                let why: String = why.chars().take(WHY_CHARS_MAX).collect();
                tracing::warn!(why, "data left out of a backup");
                end.left_out.push(why);
            }
        }
    }
    end.left_out.extend(needless.into_names());
    append_json(&mut archive, END, &end, at)?;
    let sink = archive
        .into_inner()
        .map_err(|cause| failed("the end of the archive", cause))?;
    sink.flush()
        .map_err(|cause| failed("the end of the archive", cause))
}

/// Adds data as it is now. Data of a kind that cannot be copied does not fail the backup: then the
/// result names each part that is left out, with the reason.
fn append_data(
    archive: &mut Archive<'_>,
    ports: &Ports,
    runtime: &Handle,
    kept: &Kept,
) -> Result<Vec<String>, BackupError> {
    let what = match kept {
        Kept::Snapshot(id) => format!("snapshot {id}"),
        Kept::Set(set, _) => format!("data of {}", set.preview),
    };
    let frozen = match runtime.block_on(ports.data_access.freeze(kept)) {
        // It was removed since it was listed.
        Err(DatabaseError::NoData(_)) => return Ok(Vec::new()),
        Err(DatabaseError::Pool(why)) => return Ok(vec![format!("{what}: {why}")]),
        Err(cause) => {
            let cause = Box::new(cause);
            return Err(BackupError::Copy { what, cause });
        }
        Ok(frozen) => frozen,
    };
    let mut left_out = Vec::new();
    for copy in frozen {
        match copy.append_to(archive, Path::new(POOL)) {
            // The error comes before anything of the copy is written.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                left_out.push(format!("{what}: {error}"));
            }
            other => other.map_err(|cause| failed(&what, cause))?,
        }
    }
    Ok(left_out)
}
