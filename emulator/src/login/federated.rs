//! Assertions of another identity provider, which stand in for a secret (federated credentials).
//!
//! As Entra does, the provider's keys are found through its OpenID discovery document, and issuer, subject and audience must be registered for the application, letter by letter.

use jiff::Timestamp;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::assertion::{
    ASSERTION_BYTES_MAX, NumericDate, check_lifetime, invalid_signature, read, refused,
    unsupported_algorithm,
};
use super::error::LoginError;
use super::provider_keys::provider_keys;
use crate::config::FederatedCredential;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384];

/// Longest claim that a refusal quotes; a role's ARN has under 600 characters.
const PRESENTED_CHARS_MAX: usize = 600;

/// Where Entra's refusals point to.
const HELP: &str = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: NumericDate,
    nbf: Option<NumericDate>,
}

/// One audience or several, as RFC 7519 allows.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The refusal when no credential fits, in Entra's words.
fn unknown(number: u32, what: &str, presented: &str) -> LoginError {
    let presented: String = presented.chars().take(PRESENTED_CHARS_MAX).collect();
    let text = format!(
        "No matching federated identity record found for presented assertion {what} '{presented}'. \
         Check your federated identity credential Subject, Audience and Issuer against the presented assertion. {HELP}"
    );
    refused(number, text)
}

/// The issuer that an assertion names, not verified.
pub(super) fn issuer(assertion: &str) -> Option<String> {
    if assertion.len() > ASSERTION_BYTES_MAX {
        return None;
    }
    let claims: Claims = insecure_decode_claims(assertion).ok()?;
    Some(claims.iss)
}

/// Checks an assertion against the credentials registered.
pub(super) async fn verify(
    client: &reqwest::Client,
    assertion: &str,
    registered: &[FederatedCredential],
    now: Timestamp,
) -> Result<(), LoginError> {
    let (header, claims): (_, Claims) = read(assertion)?;
    check_claims(&claims, registered, now)?;
    let keys = provider_keys(client, &claims.iss).await.map_err(|error| {
        tracing::info!(%error, "the identity provider did not give its keys");
        refused(50_166, "Request to External OIDC endpoint failed.")
    })?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(unsupported_algorithm());
    }
    // Everything but the signature was checked above, in Entra's order and with its numbers.
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    keys.iter()
        .filter(|key| header.kid.is_none() || key.common.key_id == header.kid)
        .filter(|key| {
            let only = key.common.key_algorithm;
            only.is_none_or(|only| only == header.alg.into())
        })
        .filter_map(|key| DecodingKey::from_jwk(key).ok())
        .any(|key| jsonwebtoken::decode::<Claims>(assertion, &key, &validation).is_ok())
        .then_some(())
        .ok_or_else(invalid_signature)
}

fn check_claims(
    claims: &Claims,
    registered: &[FederatedCredential],
    now: Timestamp,
) -> Result<(), LoginError> {
    let of_issuer: Vec<_> = registered
        .iter()
        .filter(|of| of.issuer == claims.iss)
        .collect();
    if of_issuer.is_empty() {
        return Err(unknown(700_211, "issuer", &claims.iss));
    }
    let of_subject: Vec<_> = of_issuer
        .iter()
        .filter(|of| of.subject == claims.sub)
        .collect();
    if of_subject.is_empty() {
        // Since 2024 the comparison is case-sensitive, and Entra has a number for a subject that differs in case alone.
        let nearly = of_issuer
            .iter()
            .any(|of| of.subject.eq_ignore_ascii_case(&claims.sub));
        let number = if nearly { 7_002_138 } else { 700_213 };
        return Err(unknown(number, "subject", &claims.sub));
    }
    let audiences = match &claims.aud {
        Audience::One(audience) => std::slice::from_ref(audience),
        Audience::Several(audiences) => audiences,
    };
    if !of_subject.iter().any(|of| audiences.contains(&of.audience)) {
        return Err(unknown(700_212, "audience", &audiences.join(" ")));
    }
    check_lifetime(claims.nbf, claims.exp, now)
}
