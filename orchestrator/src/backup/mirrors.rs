//! Adds mirrors to an archive.

use std::{io, path::Path};

use deploy::source::Mirrors;
use tokio::runtime::Handle;

use super::{
    MIRRORS, Told,
    packing::{Archive, BackupError, failed, gone},
};

/// Adds a consistent copy of every mirror, without leftovers of crashes, and names the files it
/// leaves out. Git LFS objects are left out and not named: they can be fetched again.
pub(super) fn append_mirrors(
    archive: &mut Archive<'_>,
    mirrors: &Mirrors,
    data: &Path,
    left_out: &mut Told,
) -> Result<(), BackupError> {
    let told = |cause: io::Error| failed(MIRRORS, cause);
    let names = mirrors.names().map_err(told)?;
    archive
        .append_dir(MIRRORS, data.join(MIRRORS))
        .or_else(gone)
        .map_err(told)?;
    for name in names.mirrors {
        let what = format!("{MIRRORS}/{name}");
        let frozen = Handle::current().block_on(mirrors.freeze(&name))?;
        // The mirror was removed since it was listed.
        let Some(frozen) = frozen else { continue };
        frozen
            .append_to(archive, Path::new(MIRRORS))
            .map_err(|cause| failed(&what, cause))?;
        for path in frozen.left_out() {
            left_out.add(format!("{what}/{path}"));
        }
    }
    for name in names.strangers {
        left_out.add(format!("{MIRRORS}/{name}"));
    }
    Ok(())
}
