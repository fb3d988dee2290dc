//! Words that nobody can guess.

/// `N` random bytes of the operating system, in hex.
pub fn hex<const N: usize>() -> Result<String, Exhausted> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(Exhausted)?;
    Ok(hex::encode(bytes))
}

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("no randomness: {0}")]
pub struct Exhausted(getrandom::Error);
