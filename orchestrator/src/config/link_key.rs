//! The key that makes the tokens in links.
//!
//! A token is a MAC over the preview, its life and the serial of its link, so the store has no
//! tokens. The key is a separate file that no backup contains. Without it, no one can compute a
//! token.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use deploy::names::PreviewId;
use hmac::{Hmac, Mac as _};
use nix::fcntl::OFlag;
use sha2::Sha256;

/// The key's file in the data directory.
const FILE: &str = "link.key";
/// The temporary name of the key's file while it is written.
const STAGED: &str = "link.key.new";
/// How much of the file is read at most; a key is shorter.
const FILE_BYTES_MAX: u64 = 4096;
/// Random bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of the MAC that a token contains.
const TOKEN_BYTES: usize = 16;

/// The secret key of all links.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkKey(String);

impl LinkKey {
    /// The key in the data directory; none where there is none yet.
    pub fn read(data: &Path) -> anyhow::Result<Option<Self>> {
        let path = data.join(FILE);
        let text = match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let key = text.trim_end();
        anyhow::ensure!(
            key.len() == 2 * KEY_BYTES,
            "{} is not a key of links; remove it, and Dayfly creates a new key and new links",
            path.display()
        );
        Ok(Some(Self(key.to_owned())))
    }

    /// A new key, on the disk before it is used.
    pub fn make(data: &Path) -> anyhow::Result<Self> {
        let key = deploy::random::hex::<KEY_BYTES>()?;
        write(data, &key).with_context(|| format!("cannot write {}", data.join(FILE).display()))?;
        Ok(Self(key))
    }

    /// The token of a preview's link, in hex.
    pub fn token(&self, preview: &PreviewId, life: u32, serial: u32) -> String {
        // HMAC takes a key of any length; were that to change, no token would be made.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else {
            return String::new();
        };
        let message = format!("link {preview} {life} {serial}");
        let digest = mac.chain_update(message).finalize().into_bytes();
        hex::encode(&digest[..TOKEN_BYTES])
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey")
    }
}

/// Reads the file, but follows no link: its target may belong to someone else.
fn read(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)?;
    io::read_to_string(file.take(FILE_BYTES_MAX))
}

fn write(data: &Path, key: &str) -> io::Result<()> {
    let staged = data.join(STAGED);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(&staged)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    fs::rename(&staged, data.join(FILE))?;
    fs::File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(LinkKey::read(data.path()).unwrap(), None);
        let made = LinkKey::make(data.path()).unwrap();
        assert_eq!(LinkKey::read(data.path()).unwrap(), Some(made.clone()));
        let mode = data.path().join(FILE).metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        assert_eq!(format!("{made:?}"), "LinkKey");
        fs::write(data.path().join(FILE), "short\n").unwrap();
        let refused = LinkKey::read(data.path()).unwrap_err().to_string();
        assert!(refused.contains("remove it"), "{refused}");
    }

    #[test]
    fn each_preview_life_serial_and_key_has_a_token_of_its_own() {
        let data = tempfile::tempdir().unwrap();
        let keys = [
            LinkKey::make(data.path()).unwrap(),
            LinkKey::make(data.path()).unwrap(),
        ];
        let mut tokens = std::collections::BTreeSet::new();
        for key in &keys {
            for preview in ["shop-1", "shop-11"] {
                let preview = PreviewId::parse(preview).unwrap();
                for (life, serial) in [(1, 0), (1, 1), (1, 11), (11, 0), (11, 1)] {
                    let token = key.token(&preview, life, serial);
                    assert_eq!(token.len(), 32, "{token}");
                    assert_eq!(token, key.token(&preview, life, serial));
                    tokens.insert(token);
                }
            }
        }
        assert_eq!(tokens.len(), 20);
    }
}
