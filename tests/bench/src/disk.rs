//! The least that keeping something takes: a small overwrite, and the wait until it is on disk.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt as _,
    path::Path,
    time::Duration,
};

use super::wave::Wave;

const OVERWRITE_BYTES: usize = 8 * 1024;

/// Overwrites and syncs at every beat of the wave; answers how long each took from its due moment.
pub(super) fn overwrite(directory: &Path, wave: &Wave) -> anyhow::Result<Vec<Duration>> {
    let path = directory.join("overwritten");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)?;
    write(&file, 0)?;
    let outcome = (0..wave.beats)
        .map(|beat| {
            let due = wave.between(beat);
            wave.wait_for(due);
            write(&file, beat)?;
            Ok(due.elapsed())
        })
        .collect();
    std::fs::remove_file(&path)?;
    outcome
}

fn write(file: &File, beat: u32) -> std::io::Result<()> {
    file.write_all_at(&[beat.to_le_bytes()[0]; OVERWRITE_BYTES], 0)?;
    file.sync_data()
}
