//! Standard Webhooks' symmetric signature: HMAC-SHA256 over id, timestamp and body, each after a dot.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// How a signing key may begin; the rest is base64.
pub const SIGNING_KEY_PREFIX: &str = "whsec_";

/// The secret is no signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the webhook's secret is not the base64 of 24 to 64 bytes, with or without {SIGNING_KEY_PREFIX} in front"
)]
pub struct SignatureError;

/// The value of `webhook-signature` for a body that is sent with this `webhook-id` and `webhook-timestamp`.
///
/// # Errors
/// [`SignatureError`]
pub fn signature(
    secret: &SecretString,
    id: &str,
    timestamp: &str,
    body: &[u8],
) -> Result<String, SignatureError> {
    let text = secret.expose_secret();
    let key = STANDARD.decode(text.strip_prefix(SIGNING_KEY_PREFIX).unwrap_or(text));
    let key = key.map_err(|_| SignatureError)?;
    if !(24..=64).contains(&key.len()) {
        return Err(SignatureError);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| SignatureError)?;
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let signed = STANDARD.encode(mac.finalize().into_bytes());
    Ok(format!("v1,{signed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = br#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(
            signed.unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn what_is_no_signing_key_is_refused() {
        for secret in ["", "secret", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ="] {
            let signed = signature(&SecretString::from(secret), "id", "1", b"{}");
            assert_eq!(signed, Err(SignatureError), "{secret}");
        }
    }
}
