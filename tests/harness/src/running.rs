//! Programs that run anywhere on this host, told by their command lines.

/// Whether a program with this word in its command line runs.
///
/// # Errors
/// Where the host does not show its processes.
pub fn runs(word: &str) -> anyhow::Result<bool> {
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&words).contains(word) {
            return Ok(true);
        }
    }
    Ok(false)
}
