//! Records when a place was last used, so that unused ones can be found.

use std::{
    fs::{File, FileTimes},
    io,
    time::SystemTime,
};

use super::{Place, Pool, PoolError, error::blocking, place::ABOUT};

impl Pool {
    /// Records that a place was just used as a source.
    pub async fn mark_used(&self, place: &Place) -> Result<(), PoolError> {
        let path = self.layout().place(place).join(ABOUT);
        blocking("record a use", move || {
            let now = FileTimes::new().set_modified(SystemTime::now());
            match File::open(&path).and_then(|file| file.set_times(now)) {
                // It may be removed while in use; its clones stay.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => {
                    other.map_err(|error| PoolError::of(format!("touch {}", path.display()), error))
                }
            }
        })
        .await
    }

    /// The time of its last use or publication; `None` if it does not exist.
    pub async fn used_at(&self, place: &Place) -> Result<Option<SystemTime>, PoolError> {
        let path = self.layout().place(place).join(ABOUT);
        blocking(
            "read the time of the last use",
            move || match std::fs::symlink_metadata(&path).and_then(|about| about.modified()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                other => other
                    .map(Some)
                    .map_err(|error| PoolError::of(format!("inspect {}", path.display()), error)),
            },
        )
        .await
    }
}
