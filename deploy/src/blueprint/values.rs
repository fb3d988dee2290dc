//! Checks of single values that the readers of all formats share.

/// Placeholders in a prebuilt image's name. The first two identify a commit.
pub const IMAGE_PLACEHOLDERS: [&str; 4] = ["{sha}", "{short_sha}", "{number}", "{branch_slug}"];
/// Allowed memory of a service, in bytes.
pub(super) const MEMORY_BYTES: std::ops::RangeInclusive<u64> = 16 << 20..=1 << 40;
/// Allowed processors of a service.
pub(super) const CPUS: std::ops::RangeInclusive<f64> = 0.01..=256.0;
/// The same in thousandths.
pub(super) const CPU_MILLI: std::ops::RangeInclusive<u64> = 10..=256_000;

/// Maximum bytes of a variable's value.
pub(super) const VALUE_BYTES_MAX: usize = 32 << 10;
/// Maximum variables of one service.
pub(super) const VARIABLES_MAX: usize = 200;

/// Whether this is a valid image name.
pub(super) fn is_reference(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    text.len() <= 255
        && text.bytes().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// Why a variable cannot have this name.
pub(super) fn variable(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let digit = name.bytes().next().is_none_or(|b| b.is_ascii_digit());
    if digit || name.len() > 128 || !name.bytes().all(plain) {
        return Err(format!(
            "{name:?} is not a variable's name: letters, digits and _, no digit first"
        ));
    }
    if name == "PORT" {
        return Err("PORT is set by Dayfly from `port`; set that instead".to_owned());
    }
    not_ours(name)
}

/// Why a variable cannot have a name that Dayfly sets itself.
pub(super) fn not_ours(name: &str) -> Result<(), String> {
    match name.starts_with("DAYFLY_") {
        true => Err(format!(
            "{name} cannot be set: names that begin with DAYFLY_ are Dayfly's own"
        )),
        false => Ok(()),
    }
}
