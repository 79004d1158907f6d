//! Client assertions: what those signed with a certificate and those of another identity provider have in common.

use jiff::Timestamp;
use jsonwebtoken::Header;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::LoginError;

/// The only `client_assertion_type` there is.
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Longest assertion looked at; those seen have some 1 KB.
pub(super) const ASSERTION_BYTES_MAX: usize = 16 * 1024;

/// A time in an assertion, in seconds since 1970. RFC 7519 allows fractions, and MSAL for Python sends them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "f64")]
pub(super) struct NumericDate(pub(super) i64);

impl From<f64> for NumericDate {
    fn from(seconds: f64) -> Self {
        Self(seconds as i64)
    }
}

/// How far clocks may differ, in seconds. Entra allows five minutes.
const SKEW_SECONDS: i64 = 300;

pub(super) fn refused(number: u32, text: impl Into<String>) -> LoginError {
    LoginError::new(401, "invalid_client", number, text)
}

pub(super) fn invalid_signature() -> LoginError {
    refused(50_012, "Client assertion contains an invalid signature.")
}

pub(super) fn malformed() -> LoginError {
    LoginError::new(
        400,
        "invalid_request",
        50_027,
        "JWT token is invalid or malformed.",
    )
}

pub(super) fn unsupported_algorithm() -> LoginError {
    let text = "Client assertion is signed with an algorithm that is not supported.";
    refused(50_012, text)
}

/// Header and claims, not verified yet: they say which key to verify with.
pub(super) fn read<T: DeserializeOwned>(assertion: &str) -> Result<(Header, T), LoginError> {
    if assertion.len() > ASSERTION_BYTES_MAX {
        return Err(malformed());
    }
    let claims = insecure_decode_claims(assertion).map_err(|_| malformed())?;
    let header = jsonwebtoken::decode_header(assertion).map_err(|error| match error.kind() {
        // The one field that a header must have is the algorithm, and the library knows no `none`.
        ErrorKind::Json(error) if error.is_data() => unsupported_algorithm(),
        _ => malformed(),
    })?;
    Ok((header, claims))
}

/// Checks the lifetime. `jsonwebtoken` would compare it with the system's clock; the emulator's can be moved.
pub(super) fn check_lifetime(
    nbf: Option<NumericDate>,
    exp: NumericDate,
    now: Timestamp,
) -> Result<(), LoginError> {
    let now = now.as_second();
    let begun = nbf.is_none_or(|nbf| nbf.0 <= now + SKEW_SECONDS);
    if begun && now < exp.0.saturating_add(SKEW_SECONDS) {
        return Ok(());
    }
    let text = "Assertion is not within its valid time range.";
    Err(refused(500_133, text))
}
