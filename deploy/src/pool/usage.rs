//! Measures the exclusive and shared blocks of a place.

use std::{
    ffi::OsString,
    os::fd::{AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{
    fs::{FileType, Stat},
    io::Errno,
};

use super::{
    Place, Pool, PoolError,
    error::blocking,
    program::run,
    tree::{self, ENTRIES_MAX, Entry},
    walk::{Walk, Walked},
};

/// Files per call of the program; each is held open meanwhile.
const FILES_AT_A_TIME: usize = 64;
/// Time limit for the whole measurement.
const USAGE_MAX: Duration = Duration::from_secs(60);
/// The program's unit with the option `-k`.
const UNIT_BYTES: u64 = 1024;
/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;

/// The disk usage of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that removing it would free.
    pub exclusive_bytes: u64,
    /// Bytes that are shared with other data.
    pub shared_bytes: u64,
    /// Whether shared blocks were distinguished; otherwise all bytes count as exclusive.
    pub told_apart: bool,
}

impl Pool {
    /// The disk usage of a place. Reads every file's extent map, so do not call it often. Fails
    /// with [`PoolError::Missing`] if nothing is published, and with `TimedOut` after a minute.
    pub async fn usage(&self, place: &Place) -> Result<Usage, PoolError> {
        let deadline = Instant::now() + USAGE_MAX;
        let (path, missing) = (self.data_path(place), place.clone());
        let mut walk = Walk::new(format!("measure {place}"), ENTRIES_MAX, USAGE_MAX);
        let (sender, mut batches) = tokio::sync::mpsc::channel(1);
        let walk = blocking("measure a place", move || {
            let mut files = Files {
                batch: Vec::new(),
                sender,
            };
            let walked = walk.through(&path, &mut |folder, entry| files.add(folder, entry))?;
            // A caller that stopped waiting does not need the last batch.
            let _sent = files.send();
            match walked {
                Walked::Whole => Ok(()),
                Walked::Missing => Err(PoolError::Missing { place: missing }),
            }
        });
        let count = async {
            let mut usage = Usage {
                told_apart: true,
                ..Usage::default()
            };
            while let Some(batch) = batches.recv().await {
                add(&mut usage, batch, deadline).await;
            }
            if !usage.told_apart {
                usage.exclusive_bytes += std::mem::take(&mut usage.shared_bytes);
            }
            usage
        };
        let (walked, usage) = tokio::join!(walk, count);
        walked.map(|()| usage)
    }
}

type Batch = Vec<(OwnedFd, Stat)>;

/// Collects files and sends them in batches.
struct Files {
    batch: Batch,
    sender: tokio::sync::mpsc::Sender<Batch>,
}

impl Files {
    fn add(&mut self, folder: &OwnedFd, entry: &Entry) -> Result<(), Errno> {
        if entry.kind != FileType::RegularFile {
            return Ok(());
        }
        let file = tree::open_file(folder, &entry.name)?;
        self.batch
            .extend(file.filter(|(_, stat)| stat.st_blocks > 0));
        if self.batch.len() == FILES_AT_A_TIME {
            return self.send();
        }
        Ok(())
    }

    /// Ends the walk if the receiver is gone.
    fn send(&mut self) -> Result<(), Errno> {
        let sent = self.sender.blocking_send(std::mem::take(&mut self.batch));
        sent.map_err(|_| Errno::CANCELED)
    }
}

/// Adds a batch of files.
async fn add(usage: &mut Usage, batch: Batch, deadline: Instant) {
    let told = if usage.told_apart {
        extents(&batch, deadline).await
    } else {
        None
    };
    if let Some((exclusive, shared)) = told {
        usage.exclusive_bytes += exclusive;
        usage.shared_bytes += shared;
        return;
    }
    usage.told_apart = false;
    for (_, stat) in batch {
        usage.exclusive_bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK_BYTES;
    }
}

/// Bytes of these files that are exclusive and shared.
async fn extents(batch: &Batch, deadline: Instant) -> Option<(u64, u64)> {
    // The program gets paths of our open handles, so that it reads exactly these files.
    let process = std::process::id();
    let mut arguments: Vec<OsString> = ["-k", "-v", "--"].map(OsString::from).to_vec();
    let handle = |(file, _): &(OwnedFd, Stat)| format!("/proc/{process}/fd/{}", file.as_raw_fd());
    arguments.extend(batch.iter().map(|file| handle(file).into()));
    let arguments: Vec<_> = arguments.iter().map(OsString::as_os_str).collect();
    let limit = deadline.saturating_duration_since(Instant::now());
    match run("filefrag", &arguments, limit).await {
        Ok(printed) => Some(counted(&printed)),
        Err(error) => {
            tracing::debug!(%error, "cannot distinguish shared blocks from exclusive ones");
            None
        }
    }
}

/// Parses `   0:   0..  1023:   24..  1047:   1024:   1048: last,shared,eof`, in units of a KiB.
fn counted(printed: &str) -> (u64, u64) {
    let (mut exclusive, mut shared) = (0, 0);
    for line in printed.lines() {
        let fields: Vec<&str> = line.split(':').map(str::trim).collect();
        let ([number, _, _, length, ..], Some(flags)) = (&fields[..], fields.last()) else {
            continue;
        };
        if let (Ok(_), Ok(length)) = (number.parse::<u64>(), length.parse::<u64>()) {
            let is_shared = flags.split(',').any(|flag| flag == "shared");
            let sum = if is_shared {
                &mut shared
            } else {
                &mut exclusive
            };
            *sum += length * UNIT_BYTES;
        }
    }
    (exclusive, shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_stretches_are_told_from_others_by_their_flag() {
        let printed = "Filesystem type is: 58465342\n\
            File size of /proc/7/fd/9 is 4194304 (4096 blocks of 1024 bytes)\n \
            ext:     logical_offset:        physical_offset: length:   expected: flags:\n   \
            0:        0..      63:         96..       159:     64:             shared\n   \
            1:       64..      71:       4000..      4007:      8:        160:\n   \
            2:       72..     103:        168..       199:     32:       4008: last,shared,eof\n\
            /proc/7/fd/9: 3 extents found\n";
        assert_eq!(counted(printed), (8 << 10, 96 << 10));
        assert_eq!(counted(""), (0, 0));
    }
}
