//! When a place was last of use, so that what nobody asks for any more can be found.

use std::{
    fs::{File, FileTimes},
    io,
    time::SystemTime,
};

use super::{Place, Pool, PoolError, error::blocking, place::ABOUT};

impl Pool {
    /// Notes that something was just made of it.
    pub async fn mark_used(&self, place: &Place) -> Result<(), PoolError> {
        let path = self.layout().place(place).join(ABOUT);
        blocking("note a use", move || {
            let now = FileTimes::new().set_modified(SystemTime::now());
            match File::open(&path).and_then(|file| file.set_times(now)) {
                // It may go while it is used; what was made of it stays.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => {
                    other.map_err(|error| PoolError::of(format!("touch {}", path.display()), error))
                }
            }
        })
        .await
    }

    /// When something was last made of it, or it was published; nothing where it is not there.
    pub async fn used_at(&self, place: &Place) -> Result<Option<SystemTime>, PoolError> {
        let path = self.layout().place(place).join(ABOUT);
        blocking(
            "look when something was used",
            move || match std::fs::symlink_metadata(&path).and_then(|about| about.modified()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                other => other
                    .map(Some)
                    .map_err(|error| PoolError::of(format!("look at {}", path.display()), error)),
            },
        )
        .await
    }
}
