//! The loss of a whole host.

use http::Method;

use super::{dayfly::Dayfly, mounts::unmount_below};

/// What the harness itself keeps in the data directory of a server.
const KEPT: [&str; 3] = ["dayfly.server.toml", "engine.sock", "server.log"];

impl Dayfly {
    /// Server, proxy, everything of ours on the engine, and everything in the data directory goes;
    /// the forge knows nothing of it.
    ///
    /// # Errors
    /// Where something cannot be lost.
    pub async fn lose_host(&self) -> anyhow::Result<()> {
        let stop = "/api/v1/shutdown?proxy=true";
        self.api.send(Method::POST, stop, None).await?;
        self.dead().await?;
        self.docker.sweep();
        unmount_below(self.data());
        for entry in std::fs::read_dir(self.data())? {
            let entry = entry?;
            if KEPT.iter().any(|kept| entry.file_name() == *kept) {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }
}
