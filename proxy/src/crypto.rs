//! The one cryptography provider of the whole program.

/// Installs aws-lc-rs as the provider of every rustls user in this process. Call it first in
/// `main`; it is idempotent.
pub fn install_crypto() {
    // An error only means that an earlier call already installed the provider.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
