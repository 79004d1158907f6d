//! Assertions signed with the key of a registered certificate.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use uuid::Uuid;
use webpki::EndEntityCert;

use super::assertion::{
    NumericDate, check_lifetime, invalid_signature, malformed, read, refused, unsupported_algorithm,
};
use super::error::LoginError;

/// PS256 is today's, RS256 the older form that this API's own page still shows.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::PS256, Algorithm::RS256];

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    jti: String,
    nbf: Option<NumericDate>,
    exp: NumericDate,
}

/// An assertion that was verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verified {
    /// The assertion's id. Each is accepted once.
    pub(super) jti: String,
    /// `exp`, in seconds since 1970.
    pub(super) expires: i64,
}

/// What an assertion is checked against.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) certificates: &'a [CertificateDer<'static>],
    /// Every spelling of the token URL.
    pub(super) audiences: &'a [String],
    pub(super) client_id: Uuid,
    pub(super) now: Timestamp,
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

/// Checks signature, thumbprint, audience, issuer, subject and time.
pub(super) fn verify(assertion: &str, expected: &Expected<'_>) -> Result<Verified, LoginError> {
    let (header, _): (_, Claims) = read(assertion)?;
    let certificate = named_certificate(&header, expected.certificates)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(unsupported_algorithm());
    }
    let mut validation = Validation::new(header.alg);
    validation.set_required_spec_claims(&["aud"]);
    validation.set_audience(expected.audiences);
    // See `check_lifetime`.
    validation.validate_exp = false;
    let key = public_key(certificate).ok_or_else(invalid_signature)?;
    let claims = jsonwebtoken::decode::<Claims>(assertion, &key, &validation)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidAudience => refused(
                50_012,
                "Client assertion audience claim does not match the token endpoint.",
            ),
            ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => malformed(),
            _ => invalid_signature(),
        })?
        .claims;
    // Not by the library, which compares texts: a GUID may be written in either case.
    if claims.iss != claims.sub || claims.sub.parse() != Ok(expected.client_id) {
        return Err(refused(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        ));
    }
    check_lifetime(claims.nbf, claims.exp, expected.now)?;
    Ok(Verified {
        jti: claims.jti,
        expires: claims.exp.0,
    })
}

fn public_key(certificate: &CertificateDer<'_>) -> Option<DecodingKey> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    Some(DecodingKey::from_rsa_der(
        &certificate.subject_public_key_info(),
    ))
}

/// The certificate whose thumbprint the header gives. `jsonwebtoken` reads thumbprints but compares none.
fn named_certificate<'a>(
    header: &Header,
    certificates: &'a [CertificateDer<'static>],
) -> Result<&'a CertificateDer<'static>, LoginError> {
    let is_named = |certificate: &&CertificateDer<'static>| {
        let thumbprint =
            |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, certificate).as_ref());
        // MSAL for Python pads them, which RFC 7515 does not.
        let unpadded = |text: &str| text.trim_end_matches('=').to_owned();
        match (&header.x5t_s256, &header.x5t) {
            (Some(sha256), _) => unpadded(sha256) == thumbprint(&SHA256),
            (None, Some(sha1)) => unpadded(sha1) == thumbprint(&SHA1_FOR_LEGACY_USE_ONLY),
            (None, None) => false,
        }
    };
    certificates.iter().find(is_named).ok_or_else(|| {
        refused(50_012, "Client assertion is signed by a certificate that is not registered for the application: no key was found by its thumbprint.")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::assertion::ASSERTION_BYTES_MAX;
    use super::*;

    /// Made for these tests with `openssl req -x509`; the key is in tests/it/certificate.key.
    const CERTIFICATE: &str = include_str!("../../tests/it/certificate.pem");

    #[test]
    fn a_malformed_certificate_is_refused() {
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
    fn a_malformed_assertion_is_refused() {
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

    proptest! {
        #[test]
        fn random_text_is_no_assertion(text in "[A-Za-z0-9_.-]{0,300}|\\PC{0,100}") {
            let expected = Expected { certificates: &[], audiences: &[], client_id: Uuid::nil(), now: Timestamp::UNIX_EPOCH };
            prop_assert!(verify(&text, &expected).is_err());
        }
    }
}
