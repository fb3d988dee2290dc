//! Verifies the sender of a delivery.

use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::problem::Problem;

const HEADER: &str = "x-hub-signature-256";

/// Verifies `sha256=<hex>` over the raw bytes in constant time. Any of the secrets may match, so a
/// secret can be rotated without losing a delivery.
pub(super) fn verify(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[SecretString],
) -> Result<(), Problem> {
    let refused = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, detail);
    let mut values = headers.get_all(HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(refused(
            "exactly one X-Hub-Signature-256 header is required",
        ));
    };
    let digest = value
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix("sha256="))
        .filter(|digest| digest.len() == 64)
        .and_then(|digest| hex::decode(digest).ok())
        .ok_or_else(|| {
            refused("the header X-Hub-Signature-256 is not of the form sha256=<64 hex digits>")
        })?;
    let mut genuine = false;
    for secret in secrets {
        // Tries every secret, so that the time does not reveal which one matches.
        genuine |= matches(secret, body, &digest);
    }
    if genuine {
        Ok(())
    } else {
        Err(refused(
            "the signature does not match: the webhook's secret differs from this server's",
        ))
    }
}

fn matches(secret: &SecretString, body: &[u8], digest: &[u8]) -> bool {
    // HMAC accepts a key of any length; if that changes, no delivery is accepted.
    Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .is_ok_and(|mac| mac.chain_update(body).verify_slice(digest).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that GitHub publishes for implementers.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const DIGEST: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, value.parse().unwrap());
        headers
    }

    fn verdict(value: &str, body: &[u8], secrets: &[&str]) -> bool {
        let secrets: Vec<SecretString> = secrets.iter().map(|s| (*s).into()).collect();
        verify(&headers(value), body, &secrets).is_ok()
    }

    #[test]
    fn the_published_vector_is_genuine() {
        assert!(verdict(&format!("sha256={DIGEST}"), BODY, &[SECRET]));
    }

    #[test]
    fn either_secret_is_accepted_during_rotation() {
        let value = format!("sha256={DIGEST}");
        assert!(verdict(&value, BODY, &[SECRET, "the new one"]));
        assert!(verdict(&value, BODY, &["the new one", SECRET]));
        assert!(!verdict(&value, BODY, &["the new one", "another"]));
    }

    #[test]
    fn one_flipped_bit_anywhere_is_refused() {
        let digest = hex::decode(DIGEST).unwrap();
        for bit in 0..digest.len() * 8 {
            let mut flipped = digest.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let value = format!("sha256={}", hex::encode(flipped));
            assert!(!verdict(&value, BODY, &[SECRET]), "bit {bit} of the digest");
        }
        for bit in 0..BODY.len() * 8 {
            let mut flipped = BODY.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let value = format!("sha256={DIGEST}");
            assert!(
                !verdict(&value, &flipped, &[SECRET]),
                "bit {bit} of the body"
            );
        }
    }

    #[test]
    fn other_forms_of_the_header_are_refused() {
        for value in [
            "",
            DIGEST,
            "sha256=",
            &format!("sha1={DIGEST}"),
            &format!("sha256={DIGEST}00"),
            &format!("sha256={}", &DIGEST[..62]),
            &format!("sha256= {}", &DIGEST[1..]),
            &format!("sha256={}zz", &DIGEST[..62]),
        ] {
            assert!(!verdict(value, BODY, &[SECRET]), "{value:?}");
        }
        let mut twice = headers(&format!("sha256={DIGEST}"));
        twice.append(HEADER, format!("sha256={DIGEST}").parse().unwrap());
        assert!(verify(&twice, BODY, &[SECRET.into()]).is_err());
        assert!(verify(&HeaderMap::new(), BODY, &[SECRET.into()]).is_err());
    }
}
