//! Random words that cannot be guessed.

/// `N` random bytes from the operating system, in hex.
pub fn hex<const N: usize>() -> Result<String, Exhausted> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(Exhausted)?;
    Ok(hex::encode(bytes))
}

/// The operating system returned no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("cannot get random bytes: {0}")]
pub struct Exhausted(getrandom::Error);
