//! The one cryptography provider of the whole program.

/// Makes aws-lc-rs the provider of every rustls user in this process. Call it first in `main`;
/// calling it again changes nothing.
pub fn install_crypto() {
    // An error only says that a provider is installed already: ours, from an earlier call.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
