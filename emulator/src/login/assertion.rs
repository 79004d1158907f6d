//! Client assertions: a JWT signed with the key of a registered certificate, really verified.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use serde::Deserialize;
use uuid::Uuid;
use webpki::EndEntityCert;

use super::error::LoginError;

/// Longest assertion looked at; those seen have some 1 KB.
const ASSERTION_BYTES_MAX: usize = 16 * 1024;

/// How far clocks may differ, in seconds. Entra allows five minutes.
const SKEW_SECONDS: i64 = 300;

/// The only `client_assertion_type` there is.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[derive(Deserialize)]
struct Header {
    alg: String,
    x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    x5t_s256: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    jti: String,
    nbf: Option<i64>,
    exp: i64,
}

/// An assertion that was verified.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// To be accepted once.
    pub(crate) jti: String,
    pub(crate) expires: i64,
}

/// What an assertion is checked against.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) certificates: &'a [CertificateDer<'static>],
    /// Each spelling of the token URL that was used.
    pub(crate) audiences: &'a [String],
    pub(crate) client_id: Uuid,
    pub(crate) now: Timestamp,
}

/// Reads PEM certificates.
///
/// # Errors
/// The text of what is wrong with the first that cannot be read.
pub(crate) fn certificates(pems: &[String]) -> Result<Vec<CertificateDer<'static>>, String> {
    pems.iter()
        .map(|pem| {
            let der = CertificateDer::from_pem_slice(pem.as_bytes())
                .map_err(|error| error.to_string())?;
            EndEntityCert::try_from(&der).map_err(|error| error.to_string())?;
            Ok(der)
        })
        .collect()
}

fn refused(number: u32, text: impl Into<String>) -> LoginError {
    LoginError::new(401, "invalid_client", number, text)
}

/// Checks signature, thumbprint, audience, issuer, subject and time.
pub(crate) fn verify(assertion: &str, expected: &Expected<'_>) -> Result<Verified, LoginError> {
    let malformed = || {
        LoginError::new(
            400,
            "invalid_request",
            50_027,
            "JWT token is invalid or malformed.",
        )
    };
    if assertion.len() > ASSERTION_BYTES_MAX {
        return Err(malformed());
    }
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed())?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| malformed())?;
    let certificate = named_certificate(&header, expected.certificates)?;
    let algorithm = algorithm(&header.alg)?;
    EndEntityCert::try_from(certificate)
        .and_then(|certificate| {
            certificate.verify_signature(
                algorithm,
                signed.as_bytes(),
                &decode(signature).unwrap_or_default(),
            )
        })
        .map_err(|_| refused(50_012, "Client assertion contains an invalid signature."))?;
    check_claims(&claims, expected)?;
    Ok(Verified {
        jti: claims.jti,
        expires: claims.exp,
    })
}

/// PS256 is today's, RS256 the older form that this API's own page still shows.
fn algorithm(name: &str) -> Result<&'static dyn SignatureVerificationAlgorithm, LoginError> {
    match name {
        "PS256" => Ok(webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
        "RS256" => Ok(webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256),
        _ => Err(refused(
            50_012,
            "Client assertion is signed with an algorithm that is not supported.",
        )),
    }
}

fn named_certificate<'a>(
    header: &Header,
    certificates: &'a [CertificateDer<'static>],
) -> Result<&'a CertificateDer<'static>, LoginError> {
    let is_named = |certificate: &&CertificateDer<'static>| {
        let thumbprint =
            |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, certificate).as_ref());
        match (&header.x5t_s256, &header.x5t) {
            (Some(sha256), _) => *sha256 == thumbprint(&SHA256),
            (None, Some(sha1)) => *sha1 == thumbprint(&SHA1_FOR_LEGACY_USE_ONLY),
            (None, None) => false,
        }
    };
    certificates.iter().find(is_named).ok_or_else(|| {
        refused(50_012, "Client assertion is signed by a certificate that is not registered for the application: no key was found by its thumbprint.")
    })
}

fn check_claims(claims: &Claims, expected: &Expected<'_>) -> Result<(), LoginError> {
    if !expected.audiences.contains(&claims.aud) {
        return Err(refused(
            50_012,
            "Client assertion audience claim does not match the token endpoint.",
        ));
    }
    if claims.iss != claims.sub || claims.sub.parse() != Ok(expected.client_id) {
        return Err(refused(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        ));
    }
    let now = expected.now.as_second();
    let begun = claims.nbf.is_none_or(|nbf| nbf <= now + SKEW_SECONDS);
    if !begun || claims.exp + SKEW_SECONDS <= now {
        return Err(refused(
            500_133,
            "Assertion is not within its valid time range.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made for these tests with `openssl req -x509`; the key is in tests/it/certificate.key.
    const CERTIFICATE: &str = include_str!("../../tests/it/certificate.pem");

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert_eq!(
            certificates(&[CERTIFICATE.to_owned()]).map(|certificates| certificates.len()),
            Ok(1)
        );
        assert!(
            certificates(&[
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()
            ])
            .is_err()
        );
    }

    #[test]
    fn what_is_no_assertion_is_refused() {
        let expected = Expected {
            certificates: &[],
            audiences: &[],
            client_id: Uuid::nil(),
            now: Timestamp::UNIX_EPOCH,
        };
        for text in [
            "",
            "a",
            "a.b",
            "a.b.c",
            "e30.e30.e30",
            &"x".repeat(ASSERTION_BYTES_MAX + 1),
        ] {
            assert_eq!(
                verify(text, &expected).map_err(|error| error.number),
                Err(50_027),
                "{text:.20}"
            );
        }
    }
}
