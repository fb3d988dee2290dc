//! Measures free space, and decides whether there is enough for new work.

use std::{path::Path, time::Duration};

use rustix::fs::{StatVfs, statvfs};

use super::{CloneMethod, Pool, PoolError, config::MIB, error::blocking};

/// How long a caller that needs space waits for the trash to be deleted.
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// Free and total space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Total bytes of the pool's file system.
    pub total_bytes: u64,
    /// Free bytes of the pool's file system.
    pub free_bytes: u64,
    /// Free bytes of the disk below: the same unless the pool is a file.
    pub host_free_bytes: u64,
}

impl Pool {
    /// The current space.
    pub async fn space(&self) -> Result<Space, PoolError> {
        let directory = self.config().directory.clone();
        let host = match self.clone_method() {
            CloneMethod::Loop { .. } => self.config().file.clone(),
            CloneMethod::Native | CloneMethod::Copies { .. } => directory.clone(),
        };
        blocking("measure the pool", move || {
            let (pool, host) = (measure(&directory)?, measure(&host)?);
            Ok(Space {
                total_bytes: pool.f_blocks.saturating_mul(pool.f_frsize),
                free_bytes: free(&pool),
                host_free_bytes: free(&host),
            })
        })
        .await
    }

    /// Why no seed or fork should start now, as a sentence with advice; `None` if there is enough
    /// space. If not, this first empties the trash.
    pub async fn blocker(&self) -> Option<String> {
        self.shortage().await?;
        let pool = self.clone();
        // In a separate task, so that it completes even if the caller stops waiting.
        let settled = tokio::spawn(async move {
            if let Err(error) = pool.settle().await {
                tracing::warn!(%error, "cannot empty the pool's trash to free space");
            }
        });
        let _in_time = tokio::time::timeout(SETTLE_MAX, settled).await;
        self.shortage().await
    }

    /// Why no database server should start now: less than half of the reserve is left.
    pub async fn exhaustion(&self) -> Option<String> {
        let space = self.space().await.ok()?;
        let why = self.blocker_in(space)?;
        (space.left_bytes() < self.last_bytes()).then_some(why)
    }

    /// Below this, servers that would soon fill the pool are stopped.
    pub(crate) fn last_bytes(&self) -> u64 {
        self.config().free_mib_min.saturating_mul(MIB) / 2
    }

    /// Like [`Pool::blocker`], but read-only: never empties the trash.
    pub async fn shortage(&self) -> Option<String> {
        match self.space().await {
            Ok(space) => self.blocker_in(space),
            Err(error) => Some(format!("cannot measure the pool's free space: {error}")),
        }
    }

    fn blocker_in(&self, space: Space) -> Option<String> {
        let is_file = matches!(self.clone_method(), CloneMethod::Loop { .. });
        blocker(space, is_file, self.config().free_mib_min)
    }
}

impl Space {
    /// Bytes that can still be written: the smaller of both free spaces.
    pub fn left_bytes(&self) -> u64 {
        self.free_bytes.min(self.host_free_bytes)
    }
}

fn blocker(space: Space, is_file: bool, free_mib_min: u64) -> Option<String> {
    let free_mib = space.left_bytes() / MIB;
    if free_mib >= free_mib_min {
        return None;
    }
    Some(if is_file && space.free_bytes <= space.host_free_bytes {
        format!(
            "the pool has {free_mib} MiB left and keeps {free_mib_min} MiB free; \
             remove previews or raise limits.pool_mib_max"
        )
    } else {
        format!(
            "the disk below the pool has {free_mib} MiB left, and {free_mib_min} MiB must stay \
             free; remove previews or free some of the disk"
        )
    })
}

fn measure(path: &Path) -> Result<StatVfs, PoolError> {
    statvfs(path).map_err(|error| PoolError::of(format!("measure {}", path.display()), error))
}

fn free(stat: &StatVfs) -> u64 {
    stat.f_bavail.saturating_mul(stat.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(free_mib: u64, host_free_mib: u64) -> Space {
        Space {
            total_bytes: 1 << 40,
            free_bytes: free_mib * MIB,
            host_free_bytes: host_free_mib * MIB,
        }
    }

    #[test]
    fn the_smaller_of_both_rooms_decides_and_says_what_to_do() {
        assert_eq!(blocker(space(512, 600), true, 512), None);
        let pool = blocker(space(120, 600), true, 512).unwrap();
        assert_eq!(
            pool,
            "the pool has 120 MiB left and keeps 512 MiB free; \
             remove previews or raise limits.pool_mib_max"
        );
        let host = blocker(space(600, 7), true, 512).unwrap();
        assert!(
            host.starts_with("the disk below the pool has 7 MiB left"),
            "{host}"
        );
    }

    #[test]
    fn where_the_pool_is_no_file_its_size_is_not_what_helps() {
        let disk = blocker(space(7, 7), false, 512).unwrap();
        assert!(!disk.contains("pool_mib_max"), "{disk}");
    }
}
