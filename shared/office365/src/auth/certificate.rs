//! A certificate as credential: signs the assertions (RFC 7523) that Entra accepts instead of a secret.
//!
//! No JWT library is used. The key must be parsed here in any case, to check it, and then a signature is one call. A library
//! would want the key again as bytes, and parse them for each token.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;
use x509_cert::der::Decode as _;

/// Smallest key that Entra accepts, in bytes.
const MODULUS_BYTES_MIN: usize = 2048 / 8;

/// Lifetime of an assertion: Entra recommends five to ten minutes.
const ASSERTION_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// An assertion is valid from this long ago, in case this clock is ahead of Entra's.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// Longest PEM text read. A chain with a key of 4096 bits has under 10 KB.
const PEM_BYTES_MAX: usize = 64 * 1024;

/// An RSA key and its certificate, which the app registration lists.
pub struct Certificate {
    key: KeyPair,
    /// `x5t#S256`: base64url of the SHA-256 of the certificate's DER.
    thumbprint: String,
    /// Until when it is valid, as far as it can be read: Entra decides, and the key does not need it.
    not_after: Option<Timestamp>,
}

/// The certificate cannot be used. The message quotes nothing of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate cannot be used: {0}")]
pub struct InvalidCertificate(&'static str);

impl Certificate {
    /// Reads a private key (PKCS#8 or PKCS#1) and its certificate, both PEM. Where one text holds both, give it twice.
    ///
    /// # Errors
    /// When either is missing, the key is no RSA key of at least 2048 bits, or the two do not belong together.
    pub fn from_pem(
        key_pem: &SecretString,
        certificate_pem: &str,
    ) -> Result<Self, InvalidCertificate> {
        let key_pem = key_pem.expose_secret();
        if key_pem.len() > PEM_BYTES_MAX || certificate_pem.len() > PEM_BYTES_MAX {
            return Err(InvalidCertificate("a PEM text is longer than 64 KiB"));
        }
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
            .map_err(|_| InvalidCertificate("the key is not PEM with a BEGIN PRIVATE KEY block"))?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(InvalidCertificate("the key is not an RSA key")),
        }
        .map_err(|_| InvalidCertificate("the key is not an RSA key of 2048 to 8192 bits"))?;
        if key.public_modulus_len() < MODULUS_BYTES_MIN {
            return Err(InvalidCertificate("the key has less than 2048 bits"));
        }
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| InvalidCertificate("there is no BEGIN CERTIFICATE block"))?;
        // A certificate holds its public key in exactly this encoding (PKCS#1 DER), so it need not be parsed.
        let public = key.public_key().as_ref();
        if !certificate.windows(public.len()).any(|part| part == public) {
            return Err(InvalidCertificate("the certificate belongs to another key"));
        }
        Ok(Self {
            thumbprint: thumbprint(&certificate),
            not_after: not_after(&certificate),
            key,
        })
    }

    /// Until when it is valid.
    pub(crate) fn not_after(&self) -> Option<Timestamp> {
        self.not_after
    }

    /// An assertion for one token request: PS256 with `x5t#S256`, as Entra documents it. `id` is its `jti`.
    pub(crate) fn assertion(
        &self,
        token_url: &str,
        client_id: Uuid,
        id: Uuid,
        now: Timestamp,
    ) -> Result<SecretString, InvalidCertificate> {
        let header = serde_json::json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let from = now.as_second() - CLOCK_MARGIN.as_secs();
        let claims = serde_json::json!({
            "aud": token_url,
            "iss": client_id,
            "sub": client_id,
            "jti": id,
            "iat": from,
            "nbf": from,
            "exp": from + ASSERTION_LIFETIME.as_secs(),
        });
        let encode = |part: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        // PSS needs a random salt. It comes from the system, even where a test chooses the client's randomness.
        self.key
            .sign(
                &RSA_PSS_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| InvalidCertificate("signing failed"))?;
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        Ok(format!("{signed}.{signature}").into())
    }
}

/// The end of its validity.
fn not_after(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let read = x509_cert::Certificate::from_der(certificate).ok()?;
    let end = read.tbs_certificate().validity().not_after;
    let seconds = end.to_unix_duration().as_secs();
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

fn thumbprint(der: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, der))
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    /// Made for these tests with `openssl req -x509`; its key was thrown away.
    const CERTIFICATE: &str = include_str!("../../tests/fixtures/fixture.cert.pem");
    /// `openssl x509 -outform der | openssl dgst -sha256 -binary | basenc --base64url`
    const THUMBPRINT: &str = include_str!("../../tests/fixtures/fixture.thumbprint");

    fn pem(label: &str, der: &[u8]) -> String {
        let text = BASE64_STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    }

    /// A fresh key, and bytes that hold its public half as a certificate does.
    fn pair() -> (SecretString, String) {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
        let certificate = [b"before", key.public_key().as_ref(), b"after"].concat();
        let key = pem("PRIVATE KEY", der.as_ref()).into();
        (key, pem("CERTIFICATE", &certificate))
    }

    #[test]
    fn an_assertion_is_as_entra_documents_and_verifies() {
        let (key, certificate) = pair();
        let certificate = Certificate::from_pem(&key, &certificate).unwrap();
        let now = "2026-07-01T10:00:00Z".parse().unwrap();
        let client_id = Uuid::from_u128(7);
        let url = "https://login.example/t/oauth2/v2.0/token";
        let jwt = certificate
            .assertion(url, client_id, Uuid::from_u128(8), now)
            .unwrap();
        let (signed, signature) = jwt.expose_secret().rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&decode(header)).unwrap();
        assert_eq!(header["alg"], "PS256");
        assert_eq!(header["x5t#S256"], certificate.thumbprint);
        let claims: serde_json::Value = serde_json::from_slice(&decode(claims)).unwrap();
        assert_eq!(claims["aud"], url);
        assert_eq!(claims["iss"], client_id.to_string());
        assert_eq!(claims["sub"], client_id.to_string());
        assert_eq!(claims["nbf"], now.as_second() - 60);
        assert_eq!(claims["exp"], now.as_second() - 60 + 600);
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, certificate.key.public_key())
            .verify(signed.as_bytes(), &decode(signature))
            .unwrap();
    }

    #[test]
    fn the_thumbprint_is_the_one_openssl_computes() {
        let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        assert_eq!(thumbprint(&der), THUMBPRINT.trim().trim_end_matches('='));
    }

    #[track_caller]
    fn check(key: &SecretString, certificate: &str, expect: &'static str) {
        let made = Certificate::from_pem(key, certificate);
        assert_eq!(made.unwrap_err(), InvalidCertificate(expect));
    }

    #[test]
    fn an_unusable_key_or_certificate_is_refused() {
        let (key, certificate) = pair();
        let not_a_key = "the key is not PEM with a BEGIN PRIVATE KEY block";
        check(&"".into(), &certificate, not_a_key);
        check(&certificate.as_str().into(), &certificate, not_a_key);
        check(
            &key,
            key.expose_secret(),
            "there is no BEGIN CERTIFICATE block",
        );
        check(&key, CERTIFICATE, "the certificate belongs to another key");
        let junk = pem("PRIVATE KEY", b"junk").into();
        check(
            &junk,
            &certificate,
            "the key is not an RSA key of 2048 to 8192 bits",
        );
        let both = format!("{}{certificate}", key.expose_secret());
        assert!(Certificate::from_pem(&both.as_str().into(), &both).is_ok());
    }
}
